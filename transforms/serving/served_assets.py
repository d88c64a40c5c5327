"""What an exported model carries in `assets.extra/`: the contract, the probes and warm-up requests.

`probes.tfrecord` there holds the baseline's probes and, under `prediction/NAME`, what the Keras model says
to the transformed features that the baseline promises. So it was computed without the saved model, and a
server that answers a probe in another way is not true to training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving import parity, warmup
from trueserve.transforms.serving.parity import SYNTHETIC
from trueserve.transforms.serving.serving_model import ServingModel

CONTRACT = "contract.json"


def write_assets(
    folder: str, model: ServingModel, signatures: Iterable[str], *, contract: bytes, probes: bytes, name: str
) -> int:
    """Writes `assets.extra/` of the SavedModel in a local folder; returns how many probes were left out.

    Those are made-up probes to which the model has no answer, such as an id that it has no embedding for.

    Args:
      contract, probes: the baseline's files, as they are.
      name: the model's name in warm-up requests.
    """
    assets = Path(folder, parity.ASSETS)
    assets.mkdir()
    (assets / CONTRACT).write_bytes(contract)
    path = assets / parity.PROBES
    path.write_bytes(probes)
    probed = parity.read_probes(str(path))
    examples = answerable(model, probed)
    add_predictions(examples, predictions(model, examples))
    _write(path, [example.SerializeToString(deterministic=True) for example in examples])
    requests = warmup.warmup_requests(model, examples, signatures, name)
    _write(assets / warmup.FILE_NAME, list(requests)[: warmup.MAX_REQUESTS])
    return len(probed) - len(examples)


def answerable(model: ServingModel, probes: Sequence[Any]) -> list[Any]:
    """The probes without the made-up ones that the model cannot be called with; real rows all stay."""
    synthetic = [probe for probe in probes if SYNTHETIC in probe.features.feature]
    if not synthetic or _answers(model, synthetic):
        return list(probes)
    refused_ids = {id(probe) for probe in synthetic if not _answers(model, [probe])}
    return [probe for probe in probes if id(probe) not in refused_ids]


def _answers(model: ServingModel, probes: Sequence[Any]) -> bool:
    try:
        predictions(model, probes)
    except UsageError:
        return False
    return True


def predictions(model: ServingModel, probes: Sequence[Any]) -> dict[str, np.ndarray[Any, Any]]:
    """What the Keras model says to the probes' transformed features, read as training reads them."""
    parts = [parity.part(probe, parity.TRANSFORMED) for probe in probes]
    for name, spec in model.transformed_spec.items():
        if isinstance(spec, tf.io.RaggedFeature) and spec.value_key not in (None, name):
            for part in parts:
                part.features.feature[spec.value_key].CopyFrom(part.features.feature[name])
    serialized = np.array([part.SerializeToString() for part in parts], object)
    features = tf.io.parse_example(tf.constant(serialized), model.transformed_spec)
    return {name: value.numpy() for name, value in model.predict(features).items()}


def add_predictions(probes: Sequence[Any], predicted: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Adds `prediction/NAME` to each probe, with the values of its row in one list."""
    for name, array in predicted.items():
        for probe, row in zip(probes, array, strict=True):
            _fill(probe.features.feature[parity.PREDICTION + name], np.ravel(row))


def _fill(feature: Any, values: np.ndarray[Any, Any]) -> None:
    if values.dtype.kind in "biu":
        feature.int64_list.value.extend(values.astype(np.int64).tolist())
    elif values.dtype.kind in "fV":
        feature.float_list.value.extend(values.astype(np.float32).tolist())
    else:
        feature.bytes_list.value.extend(values.tolist())


def _write(path: Path, records: Sequence[bytes]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
