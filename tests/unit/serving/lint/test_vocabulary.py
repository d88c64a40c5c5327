"""Look-ups have room for words that no vocabulary has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from support import lint as support
from support.lint import WORD_INPUT, grave, rules, save

ROOMS: dict[str, tuple[int, Callable[[Any, Any], Any], dict[str, str]]] = {
    "no room": (-1, lambda ids, rows: ids, {"vocabulary-without-room": "warning"}),
    "embedded": (-1, lambda ids, rows: tf.gather(rows, ids), {"vocabulary-without-room": "error"}),
    "counted from the end, as Keras does": (
        -1,
        lambda ids, rows: keras.ops.take(rows, keras.ops.cast(ids, "int32"), axis=0),
        {"vocabulary-without-room": "error"},
    ),
    "in a branch": (
        -1,
        lambda ids, rows: tf.cond(tf.size(ids) > 0, lambda: tf.gather(rows, ids), lambda: tf.identity(rows)),
        {"vocabulary-without-room": "error"},
    ),
    "one-hot": (-1, lambda ids, rows: tf.one_hot(ids, 3), {"vocabulary-without-room": "info"}),
    "of a known word": (0, lambda ids, rows: ids, {"vocabulary-without-room": "warning"}),
    "own id": (3, lambda ids, rows: ids, {}),
    "replaced": (-1, lambda ids, rows: tf.gather(rows, tf.where(ids < 0, tf.ones_like(ids) * 2, ids)), {}),
    "replaced where equal": (-1, lambda ids, rows: tf.where(tf.equal(ids, -1), tf.ones_like(ids), ids), {}),
    "shifted": (-1, lambda ids, rows: tf.gather(rows, ids + 1), {}),
    "compared with another id": (
        -1,
        lambda ids, rows: tf.where(tf.equal(ids, 2), tf.ones_like(ids), ids),
        {"vocabulary-without-room": "warning"},
    ),
}


@pytest.mark.parametrize("name", ROOMS)
@pytest.mark.parametrize("nested", [False, True])
def test_room_for_unknown_words(tmp_path: Path, name: str, nested: bool) -> None:
    default, use, expected = ROOMS[name]
    lookup_table = support.table(support.vocabulary(tmp_path, "a", "b", "c"), default)
    rows = tf.Variable(tf.ones([4, 2]))
    wrap = tf.function if nested else lambda function, **_: function
    look_up = wrap(lookup_table.lookup, autograph=False)
    after = wrap(lambda ids: use(ids, rows), autograph=False)
    path = save(
        tmp_path / "m", lambda word: after(look_up(word)), WORD_INPUT, attributes=[lookup_table, rows]
    )
    assert rules(path) == expected


def test_what_an_index_of_minus_one_does_is_said(tmp_path: Path) -> None:
    lookup_table = support.table(support.vocabulary(tmp_path, "a", "b", "c"), -1)
    rows = tf.Variable(tf.ones([4, 2]))
    path = save(
        tmp_path / "m",
        lambda word: tf.gather(rows, lookup_table.lookup(word)),
        WORD_INPUT,
        attributes=[lookup_table, rows],
    )
    [finding] = grave(path)
    assert finding.message == (
        "out-of-vocabulary words get -1 from the vocabulary words; a gather with index -1 fails, or returns"
        " the row of a known word; give them an id of their own (num_oov_buckets=1)"
    )


def test_a_line_that_is_kept_for_unknown_words(tmp_path: Path) -> None:
    lookup_table = support.table(support.vocabulary(tmp_path, "[UNK]", "b", "c"), 0)
    assert rules(save(tmp_path / "m", lookup_table.lookup, WORD_INPUT, attributes=lookup_table)) == {}


def test_tables_of_values_in_the_graph(tmp_path: Path) -> None:
    for default, expected in ((1, {"vocabulary-without-room": "warning"}), (2, {})):
        pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64))
        lookup_table = tf.lookup.StaticHashTable(pairs, default)
        assert (
            rules(save(tmp_path / f"{default}", lookup_table.lookup, WORD_INPUT, attributes=lookup_table))
            == expected
        )


def test_a_table_that_is_no_vocabulary(tmp_path: Path) -> None:
    pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], [0.5, 1.5])
    prices = tf.lookup.StaticHashTable(pairs, -1.0)
    assert rules(save(tmp_path / "m", prices.lookup, WORD_INPUT, attributes=prices)) == {}


@pytest.mark.parametrize("buckets", [1, 3])
def test_keras_look_ups_have_room(tmp_path: Path, buckets: int) -> None:
    layer = keras.layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=buckets)
    path = save(tmp_path / "m", layer.__call__, WORD_INPUT, attributes=layer)
    assert grave(path) == []
