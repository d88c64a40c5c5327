"""Keys: their hashes, rows that have none, and their numbers over both sides."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from support.join import column

from trueserve.transforms.joining import keys
from trueserve.transforms.joining.cells import cells_of

INTS, FLOATS, TEXTS = pa.int64(), pa.float32(), pa.large_binary()


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
