"""Ids of unknown words and end buckets, asked of graphs that are written out here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.category_ids import CategoryIds, find

Row = Mapping[str, Any]
Ids = Callable[[Row], int | None]
VOCABULARY = [b"AA", b"B6", b"DL"]


def category_ids_of(
    ids: Ids, least: int, most: int, raw: Sequence[str], *, categorical: bool = True
) -> CategoryIds:
    """What is found of one output, `out`, which `ids` makes of a row; None where the graph refuses it."""
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array([[VOCABULARY[k % 3]] for k in range(30)], pa.large_list(pa.large_binary())),
            pa.array([[k % 24] for k in range(30)], pa.large_list(pa.int64())),
            pa.array([[k / 4] for k in range(30)], pa.large_list(pa.float32())),
            pa.array([[[k]] for k in range(30)], pa.large_list(pa.large_list(pa.int64()))),
        ],
        names=["carrier", "hour", "distance", "steps"],
    )
    domain = f"min: {least} max: {most} is_categorical: {str(categorical).lower()}"
    schema = text_format.Parse(f"feature {{name: 'out' int_domain {{{domain}}}}}", schema_pb2.Schema())

    def apply(batch: pa.RecordBatch) -> pa.RecordBatch:
        given = [ids({name: values[0] for name, values in row.items()}) for row in batch.to_pylist()]
        column = pa.array([None if value is None else [value] for value in given], pa.large_list(pa.int64()))
        return pa.RecordBatch.from_arrays([column], names=["out"])

    return find(rows, apply, schema, {"out": raw})


def of_word(row: Row, unknown: int) -> int:
    return VOCABULARY.index(row["carrier"]) if row["carrier"] in VOCABULARY else unknown


def of_word_hashed(row: Row) -> int:
    return of_word(row, 3 + sum(row["carrier"]) % 4)


def of_hour(row: Row) -> int:
    hour: int = row["hour"]
    return min(max(hour // 6, 0), 3)


@pytest.mark.parametrize(
    ("ids", "least", "most", "expected"),
    [
        (lambda row: of_word(row, -1), -1, 2, (-1, -1)),
        (lambda row: of_word(row, 3), 0, 3, (3, 3)),
        (of_word_hashed, 0, 6, (3, 6)),
    ],
)
def test_unknown_words_have_the_id_that_the_graph_gives_them(
    ids: Ids, least: int, most: int, expected: tuple[int, int]
) -> None:
    assert category_ids_of(ids, least, most, ["carrier"]) == ({"out": expected}, {})


@pytest.mark.parametrize(
    ("ids", "most"),
    [
        (lambda row: of_word(row, 0), 2),  # the id of a known word, too
        (lambda row: of_word(row, 1), 2),
        (lambda row: sum(row["carrier"]) % 7, 6),  # a hash of every word: none is unknown
        (lambda row: len(row["carrier"]) // 100, 5),
    ],
)
def test_ids_that_known_words_may_have_are_not_taken(ids: Ids, most: int) -> None:
    assert category_ids_of(ids, 0, most, ["carrier"]) == ({}, {})


def test_ends_of_buckets_are_no_unknown_words() -> None:
    assert category_ids_of(of_hour, 0, 3, ["hour"]) == ({}, {"out": (0, 3)})


def test_a_vocabulary_of_numbers_has_unknown_ones() -> None:
    ids = category_ids_of(lambda row: row["hour"] if 0 <= row["hour"] < 24 else -1, -1, 23, ["hour"])
    assert ids == ({"out": (-1, -1)}, {})


def test_a_number_that_is_no_category_has_neither() -> None:
    assert category_ids_of(of_hour, 0, 3, ["hour"], categorical=False) == ({}, {})


def test_a_graph_that_refuses_strange_rows_is_asked_of_each_feature_alone() -> None:
    def ids(row: Row) -> int | None:
        return None if abs(row["distance"]) > 1e6 else of_hour(row)

    assert category_ids_of(ids, 0, 3, ["hour"]) == ({}, {"out": (0, 3)})


def test_a_graph_that_refuses_every_strange_row_leaves_ids_unknown() -> None:
    assert category_ids_of(
        lambda row: of_word(row, 3) if row["carrier"] in VOCABULARY else None, 0, 3, ["carrier"]
    ) == (
        {},
        {},
    )
