"""The features of the tones model, for training and for serving. Nothing here is random: see README.md."""

from __future__ import annotations

import tensorflow as tf

LABEL = "note"
SAMPLES = 64
SILENCE = 128.0  # of unsigned 8-bit samples

Inputs = dict[str, tf.SparseTensor]


def preprocessing_fn(inputs: Inputs) -> dict[str, tf.Tensor]:
    """`wave`, float32 [batch, 64], from -1 to 1, and `loudness` [batch, 1], its root mean square."""
    wave = (_dense(inputs["samples"]) - SILENCE) / SILENCE
    loudness = tf.sqrt(tf.reduce_mean(tf.square(wave), axis=1, keepdims=True))
    return {"wave": wave, "loudness": loudness, LABEL: inputs[LABEL]}


def _dense(samples: tf.SparseTensor) -> tf.Tensor:
    """[batch, 64]; what a recording has too few of is silent."""
    shape = tf.stack([samples.dense_shape[0], SAMPLES])
    first = tf.sparse.slice(samples, [0, 0], shape)
    values = tf.cast(first.values, tf.float32)
    dense = tf.sparse.to_dense(tf.SparseTensor(first.indices, values, shape), SILENCE)
    return tf.ensure_shape(dense, [None, SAMPLES])
