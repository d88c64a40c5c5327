"""A tiny model on a baseline's transformed examples, a server of it, and serving code written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from examples.rows import Row, serialized

Features = Mapping[str, Any]

_SEED = 5
_EPOCHS = 3
_ROWS_A_REQUEST = 20


def train(
    baseline: Path, model_file: Path, label: str, classes: int, *, noise: float = 0.0, ids: int = 0
) -> None:
    """Trains a classifier on `baseline/transformed_examples` and saves a `.keras` file.

    Args:
      noise: deviation of the noise that is added to its numbers, in training only.
      ids: how many ids its integers have.
    """
    keras.utils.set_random_seed(_SEED)
    features = _examples(baseline)
    answer = tf.sparse.to_dense(features.pop(label))
    model = _build(features, classes, noise, ids)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(features, answer, batch_size=64, epochs=_EPOCHS, verbose=0)
    model_file.parent.mkdir(parents=True, exist_ok=True)
    model.save(model_file)


def _build(features: Features, classes: int, noise: float, ids: int) -> Any:
    """A model whose inputs have the names of the transformed features."""
    inputs = {
        name: keras.Input(value.shape[1:], name=name, dtype=value.dtype.name)
        for name, value in features.items()
    }
    encoded = [_encoded(value, noise, ids) for value in inputs.values()]
    together = keras.layers.Concatenate()(encoded) if len(encoded) > 1 else encoded[0]
    hidden = keras.layers.Dense(32, activation="relu")(together)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax", name="probability")(hidden))


def _encoded(value: Any, noise: float, ids: int) -> Any:
    if value.dtype == "int64":
        return keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(ids, 8)(value))
    return keras.layers.GaussianNoise(noise)(value) if noise else value


def _examples(baseline: Path) -> dict[str, Any]:
    """All transformed examples as one batch."""
    files = sorted(str(path) for path in (baseline / "transformed_examples").iterdir())
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(1 << 30).get_single_element()
    spec = tft.TFTransformOutput(str(baseline / "transform_output")).transformed_feature_spec()
    parsed: dict[str, Any] = tf.io.parse_example(records, spec)
    return parsed


def log_requests(model: Path, rows: Sequence[Row], folder: Path) -> None:
    """Has a SavedModel answer all rows, 20 in each request, and writes PredictionLogs as TF Serving does."""
    served = tf.saved_model.load(str(model))
    folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / "requests.tfrecord.gz"), "GZIP") as writer:
        for first in range(0, len(rows), _ROWS_A_REQUEST):
            examples = np.array([serialized(row) for row in rows[first : first + _ROWS_A_REQUEST]], object)
            writer.write(_logged(served, examples, int(model.name)).SerializeToString())


def _logged(served: Any, examples: Any, version: int) -> PredictionLog:
    answer = served.signatures["serving_default"](examples=tf.constant(examples))
    log = PredictionLog()
    log.log_metadata.timestamp_secs = 1_700_000_000
    request, response = log.predict_log.request, log.predict_log.response
    for spec in (request.model_spec, response.model_spec, log.log_metadata.model_spec):
        spec.name, spec.signature_name, spec.version.value = "example", "serving_default", version
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(examples))
    for name, value in answer.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
    return log


class ByHand(tf.Module):
    """Serving code as it is often written beside a pipeline; `spoil` is what somebody put in between."""

    def __init__(self, baseline: Path, model_file: Path, label: str, spoil: Callable[[Features], Features]):
        """Loads the graph of a baseline and a Keras model."""
        super().__init__()
        transformed = tft.TFTransformOutput(str(baseline / "transform_output"))
        # tf.Transform's layer does the same, but takes a quarter of a minute to be traced and saved.
        self.graph = tf.saved_model.load(transformed.transform_savedmodel_dir)
        self.model = keras.models.load_model(model_file)
        self._spec = transformed.raw_feature_spec()
        self._label = label
        self._spoil = spoil

    def transform(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.Examples to transformed features."""
        raw = self._spoil(tf.io.parse_example(examples, self._spec))
        features: dict[str, tf.Tensor] = dict(self.graph.transform_fn(dict(raw)))
        del features[self._label]
        return features

    def save(self, folder: Path) -> None:
        """Writes a SavedModel with the signatures that `trueserve export` would give it."""
        tf.random.set_seed(
            None
        )  # this stands for a program of its own, which knows nothing of training's seed
        examples = tf.TensorSpec([None], tf.string, name="examples")
        predict = tf.function(lambda examples: {"probability": self.model(self.transform(examples))})
        signatures = {
            "serving_default": predict.get_concrete_function(examples),
            "transform_features": tf.function(self.transform).get_concrete_function(examples),
        }
        tf.saved_model.save(self, str(folder), signatures=signatures)


def save_without_transform(model_file: Path, folder: Path) -> None:
    """A SavedModel of the Keras model alone: who asks it must have transformed the features."""
    keras.models.load_model(model_file).export(str(folder), verbose=False)
