"""Probes that no training row gives: unknown and odd texts, numbers beyond the range, the edges of buckets.

Each is a real row with the values of one feature changed; one more lacks everything. A row that the graph
refuses is no probe, as a server would refuse it too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.baseline.probe_selection import Pool, column_of, edges
from trueserve.transforms.core.arrow import pa, pc

MAX_SYNTHETIC_ROWS = 160
_MAX_EDGES = 40
UNKNOWN = b"trueserve-no-such-word"

_MAX_FEATURES = 64
# Training's range on each side so many times over: what comes by mistakes of units, and no overflow, of which
# two correct kernels may make different things.
_BEYOND = 10
# The two sides of an edge lie at least so far apart, relatively: rounding alone must not tell them apart.
_EDGE = 1e-5
_MOST_HALVINGS = 48
_LOOKED_AT = 1000

Apply = Callable[[pa.RecordBatch], pa.RecordBatch]


class SyntheticRows(NamedTuple):
    """Rows and for each of them what was made up, in words."""

    rows: pa.RecordBatch
    why: list[str]


class _Change(NamedTuple):
    why: str
    values: Mapping[str, list[Any] | None]


def make_synthetic_rows(pool: Pool, vocabularies: Sequence[Sequence[bytes]], apply: Apply) -> SyntheticRows:
    """At most `MAX_SYNTHETIC_ROWS` rows, with the columns of the pool's, that the graph takes.

    Args:
      vocabularies: the words of each of the graph's vocabularies, in the order of their ids.
      apply: the graph; a row that it refuses gets no outputs at all.
    """
    base = pool.rows.slice(_fullest(pool.rows), 1)
    names = [name for name in pool.names[:_MAX_FEATURES] if column_of(pool.rows, name) is not None]
    kinds = [_changes_of_feature(pool.rows, name, vocabularies) for name in names]
    by_turns = (change for each in itertools.zip_longest(*kinds) for change in each if change)
    candidates = itertools.chain(_edges(pool, base, apply), by_turns)
    all_missing = _Change("everything is missing", dict.fromkeys(pool.names))
    changes = [*itertools.islice(candidates, MAX_SYNTHETIC_ROWS - 1), all_missing]
    rows = _changed(base, changes)
    taken = np.flatnonzero(has_outputs(apply(rows)))
    return SyntheticRows(_take(rows, taken), [changes[i].why for i in taken])


def _fullest(pool: pa.RecordBatch) -> int:
    """Of the first rows the one with the fewest features missing: its other features say something."""
    missing = np.zeros(min(pool.num_rows, 50), np.int64)
    for column in pool.columns:
        missing += pc.is_null(column.slice(0, len(missing))).to_numpy(zero_copy_only=False)
    return int(missing.argmin())


def _changes_of_feature(
    pool: pa.RecordBatch, name: str, vocabularies: Sequence[Sequence[bytes]]
) -> Iterator[_Change]:
    column = column_of(pool, name)
    text = pa.types.is_large_binary(column.type.value_type)
    made = _texts(column, vocabularies) if text else _numbers(column)
    for description, values in itertools.chain(made, [("missing", None), ("without a value", [])]):
        yield _Change(f"{name}: {description}", {name: values})
    known = column.flatten()[:2].to_pylist()
    if len(known) == 2:
        yield _Change(f"{name}: two values", {name: known})


def _texts(column: Any, vocabularies: Sequence[Sequence[bytes]]) -> Iterator[tuple[str, list[Any]]]:
    known = set(column.flatten()[:_LOOKED_AT].to_pylist())
    yield "an unknown word", [UNKNOWN]
    yield "an empty text", [b""]
    if usual := next((word for word in column.flatten()[:_LOOKED_AT].to_pylist() if word), None):
        yield "other case", [usual.swapcase()]
        yield "white space around it", [b" " + usual + b" "]
        yield "punctuation behind it", [usual + b"!"]
    for vocabulary in vocabularies:
        if known.intersection(vocabulary[:_LOOKED_AT]):
            for word in dict.fromkeys([*vocabulary[:1], *vocabulary[-2:]]):
                yield "first or last of a vocabulary", [word]


def _numbers(column: Any) -> Iterator[tuple[str, list[Any]]]:
    values = column.flatten().to_numpy(zero_copy_only=False)
    values = values[np.isfinite(values)]
    if len(values):
        kind = int if values.dtype.kind == "i" else float
        low, high = kind(values.min()), kind(values.max())
        span = high - low or abs(high) or 1
        limit = 2**62 if kind is int else 1e37
        yield "far above the range", [min(high + _BEYOND * span, limit)]
        yield "far below the range", [max(low - _BEYOND * span, -limit)]
    yield "zero", [0]
    yield "minus one", [-1]


def _edges(pool: Pool, base: pa.RecordBatch, apply: Apply) -> Iterator[_Change]:
    """Numbers right below and right above the edges of buckets, found by halving between real rows."""
    all_edges = list(edges(pool))
    for edge in all_edges:
        column, count = column_of(pool.rows, edge.feature), max(1, _MAX_EDGES // len(all_edges))
        chosen = np.unique(np.linspace(0, max(len(edge.below) - 1, 0), count).astype(np.int64))[
            : len(edge.below)
        ]
        low, high = (_flat(column, rows[chosen]) for rows in (edge.below, edge.above))

        def integer_of(values: Any, name: str = edge.feature, output: str = edge.output) -> Any:
            changes = [_Change("", {name: [value.item()]}) for value in values]
            return _firsts(column_of(apply(_changed(base, changes)), output))

        for pair in zip(*_narrow_gaps(low, high, integer_of), strict=True) if len(low) else ():
            for side, value in zip(("below", "above"), pair, strict=True):
                yield _Change(f"{edge.feature}: right {side} an edge", {edge.feature: [value.item()]})


def _narrow_gaps(low: Any, high: Any, integer_of: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Halves each gap, of which the ends became different things, as far as `_EDGE` allows."""
    low, high, lower = low.copy(), high.copy(), integer_of(low)
    for _ in range(_MOST_HALVINGS):
        middle = low + (high - low) // 2 if low.dtype.kind == "i" else low + (high - low) / 2
        least = np.maximum(np.abs(low), np.abs(high)) * _EDGE if low.dtype.kind == "f" else 1
        # One that the graph refuses counts as neither; such a gap stays as it is.
        integer = integer_of(middle)
        wide = (high - low > 2 * least if low.dtype.kind == "f" else high - low > 1) & np.isfinite(integer)
        if not wide.any():
            break
        as_low = integer == lower
        low = np.where(wide & as_low, middle, low).astype(low.dtype)
        high = np.where(wide & ~as_low, middle, high).astype(high.dtype)
    return low, high


def _firsts(column: Any) -> Any:
    """The first value of each row as float64, NaN where there is none."""
    rows = column.to_pylist()
    return np.array([row[0] if row else np.nan for row in rows], np.float64)


def _changed(base: pa.RecordBatch, changes: Sequence[_Change]) -> pa.RecordBatch:
    """The one row of `base` with each of the changes."""
    arrays = []
    for field, column in zip(base.schema, base.columns, strict=True):
        usual = column[0].as_py()
        values = [change.values.get(field.name, usual) for change in changes]
        arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=base.schema)


def has_outputs(transformed: pa.RecordBatch) -> Any:
    """A mask of the rows that the graph did not refuse."""
    valid = np.zeros(transformed.num_rows, bool)
    for column in transformed.columns:
        valid |= pc.is_valid(column).to_numpy(zero_copy_only=False)
    return valid


def _flat(column: Any, rows: Any) -> Any:
    return column.take(pa.array(rows)).flatten().to_numpy(zero_copy_only=False)


def _take(batch: pa.RecordBatch, rows: Any) -> pa.RecordBatch:
    arrays = [column.take(pa.array(rows, pa.int64())) for column in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
