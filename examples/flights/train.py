"""A small Keras model on the baseline's transformed examples: the probability that a flight arrives late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

LABEL = "late"
_BATCH = 1024
_SEED = 2013


def train(baseline: Path, model_file: Path, epochs: int = 2) -> float:
    """Trains on `baseline/transformed_examples`, saves a `.keras` file; returns the last epoch's AUC."""
    keras.utils.set_random_seed(_SEED)
    transformed = tft.TFTransformOutput(str(baseline / "transform_output"))
    model = build(transformed)
    features, label = _examples(baseline, transformed)
    fitted = model.fit(features, label, batch_size=_BATCH, epochs=epochs, verbose=0)
    model_file.parent.mkdir(parents=True, exist_ok=True)
    model.save(model_file)
    return float(fitted.history["auc"][-1])


def build(transformed: tft.TFTransformOutput) -> keras.Model:
    """A model whose inputs, [batch, 1] each, have the names of the transformed features."""
    inputs, encoded = {}, []
    for feature in transformed.transformed_metadata.schema.feature:
        if feature.name == LABEL:
            continue
        ids = feature.int_domain.max + 1 if feature.int_domain.is_categorical else None
        inputs[feature.name] = keras.Input((1,), name=feature.name, dtype="int64" if ids else "float32")
        encoded.append(_encode(inputs[feature.name], ids))
    hidden = keras.layers.Dense(32, activation="relu")(keras.layers.Concatenate()(encoded))
    output = keras.layers.Dense(1, activation="sigmoid", name="late_probability")(hidden)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    return model


def _encode(value: Any, ids: int | None) -> Any:
    """A number as it is; an id as an embedding of a few dimensions."""
    if ids is None:
        return value
    return keras.layers.Flatten()(keras.layers.Embedding(ids, min(8, ids))(value))


def _examples(baseline: Path, transformed: tft.TFTransformOutput) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Features and label, all in memory; a flight that never arrived has no label and is left out."""
    files = sorted(str(path) for path in (baseline / "transformed_examples").iterdir())
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(1 << 30).get_single_element()
    features = tf.io.parse_example(records, transformed.transformed_feature_spec())
    label = tf.sparse.to_dense(features.pop(LABEL), -1)
    arrived = label[:, 0] >= 0
    kept = {name: tf.boolean_mask(value, arrived) for name, value in features.items()}
    return kept, tf.boolean_mask(label, arrived)
