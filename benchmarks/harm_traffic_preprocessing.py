"""The features of the traffic model: the only definition there is, for training and for serving."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "traffic_volume"
_MEASURES = ("temp", "clouds_all", "rain_1h", "snow_1h")
_VOCABULARIES = {"weather": 12, "weekday": 7}
_BUCKETS = {"hour": 24, "month": 12}


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """One hour's raw features to the model's, all [batch, 1]; a missing measure is the mean."""
    outputs = {LABEL: inputs[LABEL]}
    for name, size in _VOCABULARIES.items():
        outputs[f"{name}_id"] = tft.compute_and_apply_vocabulary(
            _dense(inputs[name], ""), top_k=size, num_oov_buckets=1, vocab_filename=name
        )
    for name, buckets in _BUCKETS.items():
        outputs[f"{name}_bucket"] = tft.bucketize(tf.cast(_dense(inputs[name], -1), tf.float32), buckets)
    for name in _MEASURES:
        outputs[f"{name}_z"] = _dense(tft.scale_to_z_score(tf.cast(inputs[name], tf.float32)), 0)
    return outputs


def _dense(values: tf.Tensor | tf.SparseTensor, missing: str | float) -> tf.Tensor:
    if not isinstance(values, tf.SparseTensor):
        return values
    first = tf.sparse.slice(values, [0, 0], tf.stack([values.dense_shape[0], 1]))
    shape = tf.stack([values.dense_shape[0], 1])
    return tf.sparse.to_dense(
        tf.SparseTensor(first.indices, first.values, shape), tf.constant(missing, values.dtype)
    )
