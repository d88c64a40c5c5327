"""Rows become pieces, and pieces go to partitions by their keys."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.join import apart, comparison, pieces, pieces_of
from support.logs import example

from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.joining.cells import FloatTolerance
from trueserve.transforms.joining.piece import Side
from trueserve.transforms.joining.split import PARTITION_BYTES, hashes, partitions_for, split, take


def test_pieces_have_keys_positions_and_what_is_compared() -> None:
    rows = [example(id=[7], x=[1.5], skip=[1]), example(x=[2.5]), example(id=[8], x=[3.5])]
    [piece], missing = pieces_of(rows, Side.REQUESTS, comparison(["id"], ignore=frozenset({"skip"})))
    assert (piece.side, missing) == (Side.REQUESTS, 1)
    assert piece.features.to_pydict() == {"x": [[1.5], [3.5]]}
    assert piece.keys.schema.names == ["0", "hash", "file", "record"]
    assert piece.keys.column(0).to_pylist() == [[7], [8]]
    assert piece.keys.column(2).to_pylist() == ["log", "log"]
    assert piece.keys.column(3).to_pylist() == [0, 2]
    assert len({*hashes(piece).tolist()}) == 2


def test_no_row_with_a_key_is_no_piece() -> None:
    assert pieces_of([example(x=[1.0]), example(x=[2.0])], Side.EXAMPLES, comparison(["id"])) == ([], 2)
    [piece], missing = pieces_of([example(id=[1])], Side.EXAMPLES, comparison(["id"]))
    assert (missing, piece.features.num_columns, piece.keys.num_rows) == (0, 0, 1)


def test_keys_of_floats_are_rounded() -> None:
    settings = comparison(["id"], tolerance=FloatTolerance(digits=1))
    rows = [example(id=[1.24, 2.0]), example(id=[1.16]), example(id=[1.2, 2.0])]
    [piece], _ = pieces_of(rows, Side.EXAMPLES, settings)
    assert [value for row in piece.keys.column(0).to_pylist() for value in row] == pytest.approx(
        [1.2, 2.0, 1.2, 1.2, 2.0]
    )
    codes = hashes(piece).tolist()
    assert codes[0] == codes[2] != codes[1]


def test_pieces_go_to_partitions_by_their_keys() -> None:
    rows = [example(id=[i], x=[float(i)]) for i in range(200)]
    parts = dict(split(pieces(rows, cut=60), 8))
    assert sorted(parts) == list(range(8))
    assert sum(part.keys.num_rows for part in parts.values()) == 200
    for number, part in parts.items():
        assert {(int(code) >> 32) % 8 for code in hashes(part)} == {number}
        assert [row[0] for row in part.keys.column(0).to_pylist()] == [
            int(row[0]) for row in part.features.column(0).to_pylist()
        ]


def test_one_partition_has_the_pieces_as_they_are() -> None:
    both = pieces([example(id=[1]), example(id=[2])], cut=1)
    assert [(number, piece is mine) for (number, piece), mine in zip(split(both, 1), both, strict=True)] == [
        (0, True),
        (0, True),
    ]
    assert list(split([], 4)) == []


def test_pieces_of_other_columns_stay_apart() -> None:
    rows = apart(
        example(id=[1], x=[1.0]), example(id=[1], x=[1]), example(id=[1], x=[2.0]), example(id=[1], y=[1])
    )
    parts = list(split(rows, 4))
    assert [part.features.to_pydict() for _, part in parts] == [
        {"x": [[1.0], [2.0]]},
        {"x": [[1]]},
        {"y": [[1]]},
    ]


def test_rows_are_taken_from_batches_without_columns_too() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([5, 6, 7])], ["a"])
    assert take(batch, np.array([2, 0])).to_pydict() == {"a": [7, 5]}
    assert take(pa.RecordBatch.from_arrays([], []), np.array([0])).num_columns == 0


@pytest.mark.parametrize(
    ("files", "partitions"),
    [
        ([("a", PARTITION_BYTES)], 1),
        ([("a", PARTITION_BYTES + 1)], 2),
        ([("a", 10 * PARTITION_BYTES)], 10),
        ([("a.gz", PARTITION_BYTES)], 5),
        ([("a.parquet", PARTITION_BYTES), ("b", PARTITION_BYTES)], 6),
        ([("a", 0)], 1),
    ],
)
def test_partitions(files: list[tuple[str, int]], partitions: int) -> None:
    assert partitions_for([FileSize(*file) for file in files]) == partitions
