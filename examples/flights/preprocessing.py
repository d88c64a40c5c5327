"""The features of the flights model: the only definition there is, for training and for serving.

tf.Transform runs `preprocessing_fn` over the training examples and keeps it as a graph, which is exported
inside the served model. So keep a file like this free of all else: it is loaded by its path, on every
worker, and imports nothing of its neighbours.
"""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "late"

# How many words of each vocabulary have an id of their own. The rarer ones share the last id with words
# that training never saw, so that the model learns something for that id, too.
VOCABULARIES = {"carrier": 12, "dest": 80, "origin": 3, "weekday": 7}
# Quantile buckets. A wind without a direction (calm or turning) falls into the lowest one.
BUCKETS = {"departure": 12, "wind_dir": 8}
MEASURES = ("distance", "humid", "pressure", "temp", "visib", "wind_speed")

Tensor: TypeAlias = tf.Tensor | tf.SparseTensor


def preprocessing_fn(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """One flight's raw features to the model's, all [batch, 1] and never missing.

    `NAME_id` and `NAME_bucket` are int64 ids counted from 0; `NAME_z` is a float32 z-score, 0 (the mean)
    where the measure is missing. The label passes as it is: missing for flights that never arrived.
    """
    outputs: dict[str, Tensor] = {LABEL: inputs[LABEL]}
    for name, size in VOCABULARIES.items():
        outputs[f"{name}_id"] = tft.compute_and_apply_vocabulary(
            _dense(inputs[name], ""), top_k=size, num_oov_buckets=1, vocab_filename=name
        )
    for name, buckets in BUCKETS.items():
        values = tf.cast(_dense(inputs[name], -1), tf.float32)
        outputs[f"{name}_bucket"] = tft.bucketize(values, buckets)
    for name in MEASURES:
        # Scaled before it is filled: filled values would take part in the mean and the variance.
        outputs[f"{name}_z"] = _dense(tft.scale_to_z_score(inputs[name]), 0)
    return outputs


def _dense(values: Tensor, missing: str | float) -> tf.Tensor:
    """The first value of each row, [batch, 1], and `missing` where there is none.

    A feature that every training row has arrives dense; one that can be missing, sparse.
    """
    if not isinstance(values, tf.SparseTensor):
        return values
    shape = tf.stack([values.dense_shape[0], 1])
    first = tf.sparse.slice(values, [0, 0], shape)
    default = tf.constant(missing, values.dtype)
    # The slice of a batch without any value is [batch, 0]: the shape is stated anew.
    return tf.sparse.to_dense(tf.SparseTensor(first.indices, first.values, shape), default)
