"""Rows of the small examples, split, and written as the tf.Examples that are trained on and asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

T = TypeVar("T")
#: A row: values by feature; numbers or bytes, in the order that they have.
Row = Mapping[str, Sequence[Any]]


class Split(NamedTuple, Generic[T]):
    """What is trained on, and other things of the same kind, which are served."""

    training: list[T]
    held_out: list[T]


def split(things: Sequence[T], served: float, seed: int) -> Split[T]:
    """All of them in a seeded order; a fraction of them is served."""
    order = np.random.default_rng(seed).permutation(len(things))
    first = round(served * len(things))
    return Split([things[at] for at in order[first:]], [things[at] for at in order[:first]])


def without(rows: Sequence[Row], label: str) -> list[Row]:
    """The rows as a client has them: nobody knows the label yet."""
    return [{name: values for name, values in row.items() if name != label} for row in rows]


def serialized(row: Row) -> bytes:
    """A row as a serialized tf.Example."""
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        if any(isinstance(value, bytes) for value in values):
            feature.bytes_list.value.extend(values)
        elif any(isinstance(value, float) for value in values):
            feature.float_list.value.extend(values)
        else:
            feature.int64_list.value.extend(values)
    text: bytes = example.SerializeToString()
    return text


def write_examples(rows: Sequence[Row], folder: Path, shards: int = 2) -> None:
    """Writes `examples-*.tfrecord.gz` of tf.Example."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        with tf.io.TFRecordWriter(str(folder / f"examples-{shard}.tfrecord.gz"), "GZIP") as writer:
            for row in rows[shard::shards]:
                writer.write(serialized(row))
