"""Which inputs reach an output through a table alone: a new value has there what no value of training had."""

from __future__ import annotations

import tensorflow as tf

from trueserve.transforms.graph import lineage


def graph() -> tf.types.experimental.ConcreteFunction:
    keys = tf.constant(["a", "b"])
    numbers = tf.constant([1.0, 2.0])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, numbers), -1.0)

    def by_key(texts: tf.Tensor) -> tf.Tensor:
        """As tf.Transform looks up keys: by comparing with all of them, in a branch."""

        def compared() -> tf.Tensor:
            return tf.argmax(tf.cast(tf.equal(texts[:, None], keys[None, :]), tf.int32), axis=1)

        return tf.cond(tf.equal(tf.size(texts), 0), lambda: tf.zeros([0], tf.int64), compared)

    signature = {
        "word": tf.TensorSpec([None], tf.string),
        "tags": tf.SparseTensorSpec([None, None], tf.string),
        "x": tf.TensorSpec([None], tf.float32),
    }

    def function(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        word, tags = inputs["word"], inputs["tags"]
        known = table.lookup(word)
        hashed = tf.cast(tf.strings.to_hash_bucket_fast(word, 7), tf.float32)
        return {
            "weight": known * inputs["x"],
            "with_hash": tf.where(known < 0.0, hashed, known),
            "hash": hashed,
            "length": tf.strings.length(word),
            "both": known + tf.cast(tf.strings.length(word), tf.float32),
            "tag_weights": tf.SparseTensor(tags.indices, table.lookup(tags.values), tags.dense_shape),
            "num_tags": tf.sparse.reduce_sum(
                tf.SparseTensor(tags.indices, tf.ones_like(tags.values, tf.float32), tags.dense_shape), 1
            ),
            "plain": inputs["x"] * 2.0,
            "mean_by_key": inputs["x"] - tf.gather(numbers, by_key(word)),
            "surcharge": tf.where(tf.equal(word, "a"), 2.0, 1.0) * inputs["x"],
        }

    return tf.function(function, input_signature=[signature]).get_concrete_function()


def test_outputs_of_tables_are_known() -> None:
    expected = {"mean_by_key": ["word"], "tag_weights": ["tags"], "weight": ["word"], "with_hash": ["word"]}
    assert lineage.looked_up_by(graph()) == expected
