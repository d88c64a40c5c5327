"""The features of the docstrings model, for training and for serving: words to ids, and a client's id."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "is_class"
VOCABULARY = 100  # words with an id of their own; all others share the id after them
LENGTH = 4
UNKNOWN, PADDING = VOCABULARY, VOCABULARY + 1
FIRST_WORDS = 21  # ids that clients give: 0 for a word that they do not know

Inputs = dict[str, tf.SparseTensor]


def preprocessing_fn(inputs: Inputs) -> dict[str, tf.Tensor]:
    """Words to ids, and the client's id of the first word one-hot.

    `word_ids` is int64 [batch, 4], cut or padded; `unknown_share` float32 [batch, 1]; `first_word` float32
    [batch, 21]. The label passes as it is.
    """
    ids = tft.compute_and_apply_vocabulary(
        inputs["words"], top_k=VOCABULARY, num_oov_buckets=1, vocab_filename="words"
    )
    dense = _dense(ids, LENGTH, PADDING)
    known = tf.cast(dense < UNKNOWN, tf.float32)
    unknown = tf.cast(tf.equal(dense, UNKNOWN), tf.float32)
    total = tf.reduce_sum(known + unknown, axis=1, keepdims=True)
    return {
        "word_ids": dense,
        "unknown_share": tf.math.divide_no_nan(tf.reduce_sum(unknown, axis=1, keepdims=True), total),
        "first_word": tf.one_hot(_dense(inputs["first_word_id"], 1, 0)[:, 0], FIRST_WORDS),
        LABEL: inputs[LABEL],
    }


def _dense(values: tf.SparseTensor, length: int, default: int) -> tf.Tensor:
    """[batch, length] of the first values of each row, filled up with `default`."""
    shape = tf.stack([values.dense_shape[0], length])
    first = tf.sparse.slice(values, [0, 0], shape)
    filled = tf.sparse.to_dense(
        tf.SparseTensor(first.indices, first.values, shape), tf.constant(default, values.dtype)
    )
    return tf.ensure_shape(filled, [None, length])
