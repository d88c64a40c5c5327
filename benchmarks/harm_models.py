"""A Keras model of a source, made and exported by the commands, and what it says to rows."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_transform as tft

from benchmarks.harm_data import EVALUATION, TRAINING, Array, Columns, Source, taken
from trueserve.transforms.performance.bins import Task
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.predictions.outputs import rounded
from trueserve.transforms.reference import prediction_reference

_ROOT = Path(__file__).resolve().parent.parent
_EPOCHS, _BATCH, _BATCHED = 3, 512, 8192


@dataclasses.dataclass(frozen=True)
class Exported:
    """Attributes:
    record: what export recorded of the evaluation rows.
    evaluation, pool: the numbers of the rows that the model has not seen.
    """

    source: Source
    signature: Any
    record: PerformanceRecord
    evaluation: Array
    pool: Array

    def predict(self, rows: Columns) -> Array:
        """As the log has it: float32, [rows, width]."""
        serialized = _examples(rows)
        parts = [serialized[first : first + _BATCHED] for first in range(0, len(serialized), _BATCHED)]
        (name,) = self.signature.structured_outputs
        answers = [self.signature(examples=tf.constant(part))[name].numpy() for part in parts]
        return np.asarray(rounded(np.concatenate(answers)), np.float64)


def export(source: Source, folder: Path, seed: int) -> Exported:
    """Prepares, trains and exports below an empty folder."""
    order = np.random.default_rng(seed).permutation(len(source.labels))
    ends = (np.cumsum([TRAINING, EVALUATION]) * len(order)).astype(int)
    training, evaluation, pool = np.split(order, ends)
    for name, rows in (("training", training), ("evaluation", evaluation)):
        _write(source, rows, folder / f"{name}.parquet")
    baseline, model, served = (str(folder / name) for name in ("baseline", "model.keras", "served"))
    _trueserve(
        "prepare",
        f"--examples={folder / 'training.parquet'}",
        f"--preprocessing={source.preprocessing}",
        f"--label={source.label}",
        f"--baseline={baseline}",
    )
    _train(source, Path(baseline), model, seed)
    evaluated = f"--evaluation={folder / 'evaluation.parquet'}"
    _trueserve("export", f"--baseline={baseline}", f"--model={model}", f"--output={served}", evaluated)
    record = prediction_reference.performance(f"{served}/1")
    assert isinstance(record, PerformanceRecord), record
    loaded = tf.saved_model.load(f"{served}/1")
    signature = loaded.signatures["serving_default"]
    signature.keeps_alive = loaded
    return Exported(source, signature, record, evaluation, pool)


def _trueserve(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    start = "import sys; from trueserve.pipelines import cli; sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-W", "ignore", "-c", start, *arguments]
    subprocess.run(command, cwd=_ROOT, env=environment, check=True)


def _write(source: Source, rows: Array, path: Path) -> None:
    columns = taken(source.columns, rows) | {source.label: source.labels[rows].astype(np.int64)}
    arrays = {name: pa.array(column, from_pandas=True) for name, column in columns.items()}
    pq.write_table(pa.table(arrays), path)


def _train(source: Source, baseline: Path, path: str, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    transformed = tft.TFTransformOutput(str(baseline / "transform_output"))
    features, labels = _transformed(source, baseline, transformed)
    is_binary = source.task is Task.BINARY
    encoded, inputs = [], {}
    for feature in transformed.transformed_metadata.schema.feature:
        if feature.name != source.label:
            ids = feature.int_domain.max + 1 if feature.int_domain.is_categorical else None
            kind = "int64" if ids else "float32"
            inputs[feature.name] = keras.Input((1,), name=feature.name, dtype=kind)
            encoded.append(_encoded(inputs[feature.name], ids))
    hidden = keras.layers.Concatenate()(encoded)
    for _ in range(2):
        hidden = keras.layers.Dense(48, activation="relu")(hidden)
    # The scale of the labels is put into the last layer, so that all labels are learned as they are.
    scale = 1.0 if is_binary else float(np.mean(labels))
    last = keras.layers.Dense(1, activation="sigmoid" if is_binary else "softplus")(hidden)
    output = keras.layers.Rescaling(scale, name="prediction")(last)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy" if is_binary else "mae")
    epochs = _EPOCHS if is_binary else 10 * _EPOCHS
    model.fit(features, labels, batch_size=_BATCH, epochs=epochs, verbose=0)
    model.save(path)


def _encoded(value: Any, ids: int | None) -> Any:
    if ids is None:
        return value
    return keras.layers.Flatten()(keras.layers.Embedding(ids, min(8, ids))(value))


def _transformed(source: Source, baseline: Path, transformed: Any) -> tuple[dict[str, Any], Array]:
    files = sorted(str(path) for path in (baseline / "transformed_examples").iterdir())
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(1 << 30).get_single_element()
    features = tf.io.parse_example(records, transformed.transformed_feature_spec())
    label = features.pop(source.label)
    dense = tf.sparse.to_dense(label) if isinstance(label, tf.SparseTensor) else label
    return features, dense.numpy().astype(np.float32).reshape(-1, 1)


def _examples(rows: Columns) -> list[bytes]:
    columns = {name: column.tolist() for name, column in rows.items()}
    kinds = {name: column.dtype.kind for name, column in rows.items()}
    return [_example(kinds, values) for values in zip(*columns.values(), strict=True)]


def _example(kinds: dict[str, str], values: tuple[Any, ...]) -> bytes:
    example = tf.train.Example()
    for (name, kind), value in zip(kinds.items(), values, strict=True):
        if value is None or (kind == "f" and math.isnan(value)):
            continue
        feature = example.features.feature[name]
        if kind == "O":
            feature.bytes_list.value.append(value.encode())
        elif kind == "f":
            feature.float_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    data: bytes = example.SerializeToString()
    return data
