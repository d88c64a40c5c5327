"""The features of the digits model, for training and for serving.

The division by 255 is not here: it is the client's part, as it is of many image models. That makes it a
convention between two programs, which is what goes wrong in this example.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "digit"
PIXELS = 64  # eight rows of eight

Inputs = dict[str, tf.SparseTensor]


def preprocessing_fn(inputs: Inputs) -> dict[str, tf.Tensor]:
    """`image`, float32 [batch, 64]: the pixels as z-scores over all places. The label passes as it is."""
    pixels = inputs["pixels"]
    # One scale for all 64 places: at the margin of the image a place of its own would hardly vary.
    mean, deviation = tft.mean(pixels.values), tf.sqrt(tft.var(pixels.values))
    return {"image": (_dense(pixels) - mean) / deviation, LABEL: inputs[LABEL]}


def _dense(pixels: tf.SparseTensor) -> tf.Tensor:
    """[batch, 64]; what an image has too few of is black."""
    shape = tf.stack([pixels.dense_shape[0], PIXELS])
    first = tf.sparse.slice(pixels, [0, 0], shape)
    dense = tf.sparse.to_dense(tf.SparseTensor(first.indices, first.values, shape), 0.0)
    return tf.ensure_shape(dense, [None, PIXELS])
