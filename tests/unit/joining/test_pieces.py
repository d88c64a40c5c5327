"""Cells, keys, pieces and pairs of literal rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.join import column, comparison, joined, pieces_of
from support.logs import example
from tensorflow_metadata.proto.v0 import schema_pb2

from transforms.core.errors import UsageError
from transforms.files.file_systems import FileSize
from transforms.joining import expected, keys, pairs
from transforms.joining.cells import (
    ABSENT,
    EMPTY,
    FULL,
    FloatTolerance,
    cells_of,
    equal_rows,
    rounded,
    stored,
)
from transforms.joining.counts import FeatureOutcome
from transforms.joining.join import join
from transforms.joining.key_parts import parse_key
from transforms.joining.piece import Piece, Side
from transforms.joining.rows import rows_of
from transforms.joining.split import PARTITION_BYTES, hashes, partitions_for, split, take
from transforms.logs.features import FeatureType

INTS, FLOATS, TEXTS = pa.int64(), pa.float32(), pa.large_binary()


def test_cells_say_where_the_values_of_a_row_stand() -> None:
    cells = cells_of(column([[1, 2], None, [], [3]], INTS))
    assert cells.kind is FeatureType.INT
    assert cells.starts.tolist() == [0, 2, 2, 2]
    assert cells.lengths.tolist() == [2, 0, 0, 1]
    assert cells.states.tolist() == [FULL, ABSENT, EMPTY, FULL]
    assert cells_of(column([[1], []], INTS)).states.tolist() == [FULL, EMPTY]


def test_floats_are_rounded_only_where_digits_are_given() -> None:
    values = column([[1.25, 2.0]], FLOATS)
    assert cells_of(values).values.to_pylist() == [1.25, 2.0]
    assert cells_of(values, 1).values.to_pylist() == pytest.approx([1.2, 2.0])
    assert cells_of(values, 0).values.to_pylist() == [1.0, 2.0]
    assert cells_of(column([[125]], INTS), 0).values.to_pylist() == [125]
    assert rounded(np.array([1.5, 2.5, -0.5, np.inf], np.float32), 0).tolist() == [2.0, 2.0, -0.0, np.inf]


@pytest.mark.parametrize(
    ("values", "kind", "bounds"),
    [
        ([[1, 2], None, [3]], INTS, [(0, 16), (16, 16), (16, 24)]),
        ([[1.0], [2.0, 3.0]], FLOATS, [(0, 4), (4, 12)]),
        ([[b"ab", b"c"], [], [b"def"]], TEXTS, [(0, 3), (3, 3), (3, 6)]),
        ([[b""], []], TEXTS, [(0, 0), (0, 0)]),
    ],
)
def test_bytes_of_rows(values: list[Any], kind: pa.DataType, bounds: list[tuple[int, int]]) -> None:
    data, starts, ends = stored(cells_of(column(values, kind)))
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == bounds
    assert len(data) >= bounds[-1][1]
    assert data.dtype == np.uint8


def test_bytes_of_a_slice_of_rows() -> None:
    part = column([[b"skipped"], [b"ab"], [b"c", b"d"]], TEXTS).slice(1)
    data, starts, ends = stored(cells_of(part))
    assert [data[a:b].tobytes() for a, b in zip(starts, ends, strict=True)] == [b"ab", b"cd"]


def test_rows_of_two_types_are_never_equal() -> None:
    rows = np.array([0])
    assert equal_rows(
        cells_of(column([[1]], INTS)), cells_of(column([[1.0]], FLOATS)), rows, rows
    ).tolist() == [False]


@pytest.mark.parametrize(
    ("kind", "left", "right", "equal"),
    [
        (INTS, [[1, 2], [1], [], [5]], [[1, 2], [1, 1], [], [6]], [True, False, True, False]),
        (TEXTS, [[b"a", b"b"], [b"ab"], [b""]], [[b"a", b"b"], [b"a", b"b"], [b""]], [True, False, True]),
        (FLOATS, [[1.0], [0.0], [float("nan")]], [[1.0], [-0.0], [float("nan")]], [True, False, True]),
    ],
)
def test_equal_rows(kind: pa.DataType, left: Any, right: Any, equal: list[bool]) -> None:
    rows = np.arange(len(left))
    assert (
        equal_rows(cells_of(column(left, kind)), cells_of(column(right, kind)), rows, rows).tolist() == equal
    )


def test_rows_are_compared_pair_by_pair() -> None:
    left, right = cells_of(column([[1], [2, 3], [4]], INTS)), cells_of(column([[4], [2, 3]], INTS))
    i, j = np.array([2, 1, 0, 1]), np.array([0, 1, 0, 0])
    assert equal_rows(left, right, i, j).tolist() == [True, True, False, False]


def test_hashes_of_keys_depend_on_values_types_and_columns() -> None:
    def hashed(*columns: tuple[list[Any], pa.DataType]) -> list[int]:
        codes = keys.key_hashes([cells_of(column(values, kind)) for values, kind in columns])
        return [int(code) for code in codes]

    first, second = hashed(([[1], [2]], INTS))
    assert first != second
    assert hashed(([[2], [1]], INTS)) == [second, first]
    # Of two columns, the same values in another order, or of another type of as many bytes, are another key.
    assert hashed(([[1]], INTS), ([[2]], INTS)) != hashed(([[2]], INTS), ([[1]], INTS))
    assert hashed(([[1]], INTS)) != hashed(([[b"\x01" + b"\x00" * 7]], TEXTS))
    assert hashed(([[1.0]], FLOATS)) != hashed(([[b"\x00\x00\x80\x3f"]], TEXTS))


def test_a_row_needs_a_value_in_each_column_of_the_key() -> None:
    both = [column([[1], [1], None, []], INTS), column([[b"a"], None, [b"a"], [b"a"]], TEXTS)]
    assert keys.with_key(both).tolist() == [True, False, False, False]
    assert keys.with_key([pa.nulls(2)]).tolist() == [False, False]


def test_keys_are_numbered_over_both_sides() -> None:
    pair = [[cells_of(column(values, INTS))] for values in ([[1], [2], [1]], [[2], [3]])]
    base, test, distinct = keys.number_keys(pair, [keys.key_hashes(side) for side in pair])
    assert distinct == 3
    assert base[0] == base[2] != base[1] == test[0]
    assert sorted({*base.tolist(), *test.tolist()}) == [0, 1, 2]


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


def pieces(rows: list[bytes], cut: int = 1000) -> list[Piece]:
    return pieces_of(rows, Side.EXAMPLES, comparison(["id"]), cut)[0]


def apart(*rows: bytes) -> list[Piece]:
    """A piece of each row, as another decoder has each."""
    return [piece for row in rows for piece in pieces([row])]


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


def test_rows_of_pieces_with_other_columns() -> None:
    side = rows_of(apart(example(id=[1], x=[1.0]), example(id=[2], y=[5]), example(id=[3], x=[2.0])))
    assert side.size == 3
    assert side.features["x"].to_pylist() == [[1.0], None, [2.0]]
    assert side.features["y"].to_pylist() == [None, [5], None]
    assert side.conflicts == set()
    assert (side.position(1).file, side.position(1).record) == ("log", 0)
    assert (side.value("y", 1), side.value("y", 0), side.value("z", 0)) == ([5], None, None)
    assert (rows_of([]).size, rows_of([]).keys, rows_of([]).features) == (0, [], {})


def test_a_feature_of_two_types_is_a_conflict() -> None:
    side = rows_of(apart(example(id=[1], x=[1.0]), example(id=[2], x=[1])))
    assert side.conflicts == {"x"}
    assert "x" not in side.features


def test_counts_of_rows_keys_and_pairs() -> None:
    base = [example(id=[i]) for i in (1, 1, 2, 3, 4, 5)]
    test = [example(id=[i]) for i in (1, 2, 2, 3, 6, 7)] + [example(x=[1.0])]
    rows = joined(base, test, comparison(["id"])).rows
    assert (rows.examples, rows.requests, rows.examples_without_key, rows.requests_without_key) == (
        6,
        6,
        0,
        1,
    )
    assert (rows.keys, rows.keys_only_in_examples, rows.keys_only_in_requests) == (7, 2, 2)
    assert (rows.duplicate_keys, rows.duplicate_keys_in_examples, rows.duplicate_keys_in_requests) == (
        2,
        1,
        1,
    )
    assert (rows.pairs, rows.compared, rows.matched, rows.mismatched) == (5, 1, 1, 0)
    each = joined(base, test, comparison(["id"], allow_duplicates=True)).rows
    assert (each.pairs, each.compared, each.matched) == (5, 5, 5)


def test_pairs_are_those_with_equal_keys() -> None:
    numbered = pairs._counted(np.array([0, 1, 1, 2]), np.array([1, 1, 0, 3, 3]), 4)
    matches = [
        tuple(pair)
        for i, j in pairs.pairs_of(numbered, True)
        for pair in zip(i.tolist(), j.tolist(), strict=True)
    ]
    assert sorted(matches) == [(0, 2), (1, 0), (1, 1), (2, 0), (2, 1)]
    [(i, j)] = pairs.pairs_of(numbered, False)
    assert (i.tolist(), j.tolist()) == ([0], [2])
    nothing = pairs._counted(np.array([0]), np.array([1]), 2)
    assert list(pairs.pairs_of(nothing, True)) == []


@pytest.mark.parametrize(
    ("base", "test", "outcome"),
    [
        ([1.0], [1.0], FeatureOutcome.MATCH),
        ([1.0], [2.0], FeatureOutcome.MISMATCH),
        ([1.0], None, FeatureOutcome.BASE_ONLY),
        (None, [1.0], FeatureOutcome.TEST_ONLY),
        ([1.0], [], FeatureOutcome.BASE_ONLY),
        ([], [1.0], FeatureOutcome.TEST_ONLY),
        ([], None, FeatureOutcome.EMPTY_ONLY),
        (None, [], FeatureOutcome.EMPTY_ONLY),
        ([], [], FeatureOutcome.MATCH),
        (None, None, FeatureOutcome.NEITHER),
    ],
)
def test_outcomes(base: list[float] | None, test: list[float] | None, outcome: FeatureOutcome) -> None:
    def piece(side: Side, values: list[float] | None) -> Piece:
        [made], _ = pieces_of([example(id=[1], z=[1])], side, comparison(["id"]))
        features = {"x": column([values], FLOATS), "z": column([[1]], INTS)}
        return Piece(side, made.keys, pa.RecordBatch.from_arrays([*features.values()], [*features]))

    result = join([piece(Side.REQUESTS, test), piece(Side.EXAMPLES, base)], comparison(["id"], samples=5))
    counts = result.features.get("x")
    if outcome is FeatureOutcome.NEITHER:
        assert counts is None
    else:
        assert counts is not None
        assert np.flatnonzero(counts[: len(FeatureOutcome)]).tolist() == [outcome]
        assert counts[len(FeatureOutcome) :].tolist() == [int(bool(base)), int(bool(test))]
    differs = outcome > FeatureOutcome.MATCH
    assert (result.rows.matched, result.rows.mismatched) == (int(not differs), int(differs))
    assert [sample.differs for sample in result.samples] == [{outcome: ("x",)}] * differs


def test_nothing_joins_to_nothing() -> None:
    assert join([], comparison(["id"])).rows.keys == 0
    [only] = pieces_of([example(id=[1], x=[1.0])], Side.EXAMPLES, comparison(["id"]))[0]
    alone = join([only], comparison(["id"]))
    assert (alone.rows.examples, alone.rows.keys_only_in_examples, alone.rows.compared) == (1, 1, 0)
    assert alone.features == {}


def test_close_floats_are_no_difference() -> None:
    base, test = [example(id=[1], x=[1000.0])], [example(id=[1], x=[1000.5])]
    assert joined(base, test, comparison(["id"])).rows.mismatched == 1
    close = comparison(["id"], tolerance=FloatTolerance(close=1e-3))
    assert joined(base, test, close).rows.mismatched == 0
    digits = comparison(["id"], tolerance=FloatTolerance(digits=0))
    assert joined(base, test, digits).rows.mismatched == 0


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


def schema(**types: int) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    for name, kind in types.items():
        result.feature.add(name=name, type=kind)
    return result


def test_types_of_batches() -> None:
    batch = pa.RecordBatch.from_arrays([column([[1]], INTS), pa.nulls(1)], ["a", "b"])
    assert expected.types_of(batch) == {"a": FeatureType.INT}
    assert expected.together([{"a": FeatureType.INT}, {"b": FeatureType.FLOAT}]) == {
        "a": FeatureType.INT,
        "b": FeatureType.FLOAT,
    }


def test_examples_are_looked_at_where_the_schema_lacks_the_key() -> None:
    key = parse_key(["id"])
    assert expected.lacks_types(None, key)
    assert expected.lacks_types(schema(a=schema_pb2.INT), key)
    assert not expected.lacks_types(schema(a=schema_pb2.INT, id=schema_pb2.INT), key)


def test_a_schema_is_made_of_types_or_completed_by_the_key() -> None:
    types = {"id": FeatureType.BYTES, "x": FeatureType.FLOAT}
    made = expected.joined_schema(None, parse_key(["id"]), types)
    assert {feature.name: feature.type for feature in made.feature} == {
        "id": schema_pb2.BYTES,
        "x": schema_pb2.FLOAT,
    }
    given = schema(id=schema_pb2.INT, label=schema_pb2.INT)
    given.default_environment.extend(["TRAINING", "SERVING"])
    given.feature[0].not_in_environment.append("SERVING")
    given.feature[1].not_in_environment.append("SERVING")
    assert expected.not_served(given) == ["id", "label"]
    completed = expected.joined_schema(given, parse_key(["id"]), types)
    assert [feature.name for feature in completed.feature] == ["label", "id"]
    assert completed.feature[1].type == schema_pb2.INT
    assert list(completed.feature[1].in_environment) == ["TRAINING", "SERVING"]
    assert expected.not_served(completed) == ["label"]
    added = expected.joined_schema(schema(a=schema_pb2.INT), parse_key(["id"]), types)
    assert added.feature[1].type == schema_pb2.BYTES


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (0, "none"),
        (2, "f00, f01"),
        (20, "f00, f01, .*, f19$"),
        (21, "f19 and 1 more"),
        (1500, "f0019 and 1,480 more"),
    ],
)
def test_a_key_that_nothing_has_is_refused(count: int, names: str) -> None:
    width = len(str(count)) if count > 99 else 2
    types = {f"f{i:0{width}}": FeatureType.INT for i in range(count)}
    with pytest.raises(
        UsageError, match=f"--key: the examples have no feature 'id', but {'.*' if count > 2 else ''}{names}"
    ):
        expected.joined_schema(None, parse_key(["id"]), types)
