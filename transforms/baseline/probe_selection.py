"""Which of the rows that a pass kept become probes: those that cover, then as many random ones as fit.

What a word or a number becomes is read off the graph's own outputs: it needs no knowledge of how the
preprocessing was written. The lowest and highest id of a vocabulary are its head and its tail, or the id for
unknown words; where the id changes between two neighbouring numbers there is the edge of a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core import representative_rows
from trueserve.transforms.core.arrow import pa, pc

Indices = np.ndarray[Any, np.dtype[np.int64]]

MAX_EDGES = 16
# So many probes cover at most; the others are random, and so say what most rows are like.
_MOST_COVERING = 0.8
_VALUES_EACH = 12


class Pool(NamedTuple):
    """What there is to choose from.

    Attributes:
      rows: real rows, in a random order that is the same in every run.
      transformed: what the graph made of them.
      raw_features_of: the raw features behind each output of the graph.
      names: the raw features that requests have.
    """

    rows: pa.RecordBatch
    transformed: pa.RecordBatch
    raw_features_of: Mapping[str, Sequence[str]]
    names: Sequence[str]


class Edges(NamedTuple):
    """Where an output of integers changes between neighbouring values of the one number it comes from.

    Attributes:
      below, above: the neighbouring rows; int64, one pair an edge.
    """

    feature: str
    output: str
    below: Indices
    above: Indices


def choose(pool: Pool, count: int) -> Indices:
    """Indices of at most `count` rows, ascending."""
    most = int(count * _MOST_COVERING)
    chosen: dict[int, None] = {}
    for wanted in _by_importance(pool):
        chosen.update(dict.fromkeys(int(i) for i in wanted[: max(0, most - len(chosen))]))
    rest = (i for i in range(pool.rows.num_rows) if i not in chosen)
    chosen.update(dict.fromkeys(i for i, _ in zip(rest, range(count - len(chosen)), strict=False)))
    return np.sort(np.array(list(chosen), np.int64))


def edges(pool: Pool) -> Iterator[Edges]:
    """The edges of every output of integers that comes from one number; at most `MAX_EDGES` an output."""
    for output, raw in pool.raw_features_of.items():
        number = column_of(pool.rows, raw[0]) if len(raw) == 1 else None
        integer = column_of(pool.transformed, output)
        if number is None or integer is None or not _is_numeric(number) or not _is_integer(integer):
            continue
        rows = np.flatnonzero(_single(number) & _single(integer))
        neighbours = _changes(_values(number, rows), _values(integer, rows))
        yield Edges(raw[0], output, rows[neighbours[0]], rows[neighbours[1]])


def _by_importance(pool: Pool) -> Iterator[Indices]:
    table, names = pa.Table.from_batches([pool.rows]), pool.names[: representative_rows.MAX_FEATURES]
    yield representative_rows.covering(table, names, 0)
    yield np.array(sorted(set(_ids(pool.transformed))), np.int64)
    pairs = [np.concatenate([edge.below, edge.above]) for edge in edges(pool)]
    yield np.unique(np.concatenate(pairs)) if pairs else np.array([], np.int64)
    yield representative_rows.covering(table, names, _VALUES_EACH)


def _ids(transformed: pa.RecordBatch) -> Iterator[int]:
    """The first row of each output of integers with its lowest, its two highest ids, with -1, 0 and 1."""
    for column in transformed.columns:
        if _is_integer(column):
            values, parents = column.flatten(), pc.list_parent_indices(column)
            ids, first = np.unique(values.to_numpy(zero_copy_only=False), return_index=True)
            known = np.isin(ids, [-1, 0, 1, *ids[:1], *ids[-2:]])
            yield from parents.to_numpy(zero_copy_only=False)[first[known]].tolist()


def _changes(numbers: Any, integers: Any) -> tuple[Indices, Indices]:
    """Places of the neighbours, in the order of `numbers`, that became different integers."""
    order = np.argsort(numbers, kind="stable")
    at = np.flatnonzero(np.diff(integers[order]))
    at = at[np.isfinite(numbers[order[at]]) & np.isfinite(numbers[order[at + 1]])]
    if len(at) > MAX_EDGES:
        at = at[np.linspace(0, len(at) - 1, MAX_EDGES).astype(np.int64)]
    return order[at], order[at + 1]


def column_of(batch: pa.RecordBatch, name: str) -> Any:
    """The column of this name, None if there is none."""
    index = batch.schema.get_field_index(name)
    return batch.column(index) if index >= 0 else None


def _is_integer(column: Any) -> bool:
    return bool(pa.types.is_integer(column.type.value_type))


def _is_numeric(column: Any) -> bool:
    return _is_integer(column) or bool(pa.types.is_floating(column.type.value_type))


def _single(column: Any) -> Any:
    lengths = pc.fill_null(pc.list_value_length(column), -1)
    return lengths.to_numpy(zero_copy_only=False) == 1


def _values(column: Any, rows: Indices) -> Any:
    return column.take(pa.array(rows)).flatten().to_numpy(zero_copy_only=False)
