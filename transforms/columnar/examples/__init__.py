"""Blocks of serialized tf.Examples to Arrow columns."""
