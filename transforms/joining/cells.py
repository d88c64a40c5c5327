"""The rows of a list column as arrays: where a row's values start, how many there are, and whether any."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.logs.features import Array, FeatureType, type_of

ABSENT, EMPTY, FULL = 0, 1, 2
# A product of a float32 and such a power of ten is exact in double precision, so that rounding it half to
# even is what Python's `round` does with its decimal digits.
MOST_DIGITS = 12
# Values that are compared at once; pairs of long lists take 24 bytes for each.
_AT_ONCE = 1 << 20
_Bounds = tuple[Array, Array, Array]


@dataclasses.dataclass(frozen=True)
class FloatTolerance:
    """When two floats are equal: their bits are, both rounded to `digits`, or they are `close`.

    Attributes:
      digits: digits after the decimal point, 0 to `MOST_DIGITS`; keys are rounded, too.
      close: the largest difference, as a share of the larger of 1 and both magnitudes. NaN equals NaN.
    """

    digits: int | None = None
    close: float = 0.0


@dataclasses.dataclass(frozen=True)
class Cells:
    """A column of `n` rows.

    Attributes:
      values: all values, flat.
      starts, lengths: of each row's values, in values; int64.
      states: `ABSENT`, `EMPTY` (a list of no value) or `FULL`; uint8.
    """

    kind: FeatureType
    values: pa.Array
    starts: Array
    lengths: Array
    states: Array


def cells_of(column: pa.LargeListArray, digits: int | None = None) -> Cells:
    """The cells of a `large_list` column; floats are rounded where `digits` are given."""
    kind, values = type_of(column), column.flatten()
    assert kind is not None
    if kind is FeatureType.FLOAT and digits is not None:
        values = pa.array(rounded(_plain(values), digits))
    lengths = np.asarray(column.value_lengths().fill_null(0)).astype(np.int64)
    states = np.where(lengths > 0, FULL, EMPTY).astype(np.uint8)
    if column.null_count:
        states[column.is_null().to_numpy(zero_copy_only=False)] = ABSENT
    return Cells(kind, values, np.cumsum(lengths) - lengths, lengths, states)


def rounded(values: Array, digits: int) -> Array:
    """float32 numbers rounded half to even to so many digits after the decimal point, as `round` does."""
    scale = 10.0**digits
    with np.errstate(invalid="ignore"):
        result: Array = (np.rint(values.astype(np.float64) * scale) / scale).astype(np.float32)
    return result


def equal_rows(base: Cells, test: Cells, i: Array, j: Array, close: float = 0.0) -> Array:
    """Whether rows `i` of one column have the values of rows `j` of the other, pair by pair."""
    if base.kind is not test.kind:
        return np.zeros(len(i), bool)
    lengths = base.lengths[i]
    equal: Array = np.asarray(lengths == test.lengths[j])
    candidates = np.flatnonzero(equal & (lengths > 0))
    for pairs in _portions(candidates, lengths[candidates]):
        counts = lengths[pairs]
        owner = np.repeat(np.arange(len(pairs)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        same = _same(
            base, test, base.starts[i[pairs]][owner] + within, test.starts[j[pairs]][owner] + within, close
        )
        equal[pairs[owner[~same]]] = False
    return equal


def stored(cells: Cells) -> _Bounds:
    """The bytes of all values (uint8), and where those of each row start and end."""
    ends = cells.starts + cells.lengths
    if cells.kind is not FeatureType.BYTES:
        data = _plain(cells.values).view(np.uint8)
        width = cells.values.type.bit_width // 8
        return data, cells.starts * width, ends * width
    _, offsets, texts = cells.values.buffers()
    if texts is None or not texts.size:
        return np.empty(0, np.uint8), np.zeros_like(ends), np.zeros_like(ends)
    bounds = np.frombuffer(offsets, np.int64)[cells.values.offset :]
    return np.frombuffer(texts, np.uint8), bounds[cells.starts], bounds[ends]


def _portions(pairs: Array, lengths: Array) -> Iterator[Array]:
    """The pairs in runs of about `_AT_ONCE` values."""
    if len(pairs):
        portion = (np.cumsum(lengths) - 1) // _AT_ONCE
        yield from np.split(pairs, np.flatnonzero(np.diff(portion)) + 1)


def _same(base: Cells, test: Cells, base_at: Array, test_at: Array, close: float) -> Array:
    """Whether values are equal, one by one."""
    if base.kind is FeatureType.BYTES:
        same = pc.equal(base.values.take(pa.array(base_at)), test.values.take(pa.array(test_at)))
        return np.asarray(same.fill_null(False).to_numpy(zero_copy_only=False), bool)
    base_values, test_values = _plain(base.values)[base_at], _plain(test.values)[test_at]
    if base.kind is FeatureType.INT:
        return np.asarray(base_values == test_values)
    bits = np.asarray(base_values.view(np.int32) == test_values.view(np.int32))
    return (
        bits | _near(base_values.astype(np.float64), test_values.astype(np.float64), close) if close else bits
    )


def _near(base: Array, test: Array, close: float) -> Array:
    with np.errstate(invalid="ignore"):
        scale = np.maximum(np.maximum(np.abs(base), np.abs(test)), 1.0)
        near = np.isfinite(scale) & (np.abs(base - test) <= close * scale)
    return np.asarray(near | (np.isnan(base) & np.isnan(test)))


def _plain(values: pa.Array) -> Any:
    """Numbers as a contiguous array; what is null in a list counts as 0, as nowhere else is there a place."""
    values = values.fill_null(0) if values.null_count else values
    return values.to_numpy(zero_copy_only=False)
