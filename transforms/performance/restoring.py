"""Served rows with training's distribution put back in some features: what they might have been.

Numbers keep their order and get training's quantiles. Texts in another spelling get training's. Other texts,
ids, missing values, and a number that fills far more rows than in training, get what the most similar row of
training has. Rows are similar if their other features are, each by its rank on its own side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.columnar.compact_rows import Column
from trueserve.transforms.core.arrow import pa, pc

Array = np.ndarray[Any, Any]

#: So many features say how similar two rows are, and so many training rows are compared with.
MOST_COMPARED, MOST_ROWS = 16, 4096
# A number that fills so much more of the rows than in training was put in place of others.
_GROWN = 0.05
# So much of the texts that training does not have must be its own in another spelling.
_SPELLED = 0.9
# A text that fills so much more of the rows than in training was put in place of others, also respelled.
_REPLACED = 0.3
_QUANTILES = 2001
# Of equally similar training rows any may be taken, not always the first.
_NOISE = 1e-3
# Served rows that are compared with all of training's at once.
_AT_ONCE = 256
_SEED = 23


class Restored(NamedTuple):
    """Some features as training had them.

    Attributes:
      columns: by feature.
      by_rank: whether numbers among them got training's quantiles: those of the sample are then no longer in
        them, so that differences row by row are surer than their mean.
    """

    columns: Mapping[str, pa.Array]
    by_rank: bool = False


def restored(
    served: pa.RecordBatch,
    training: pa.RecordBatch,
    groups: Mapping[str, Sequence[str]],
    categories: Collection[str],
) -> dict[str, Restored]:
    """By group its features as training had them, as many rows as `served`.

    Args:
      served, training: rows of raw features, `large_list` columns; at least one row each.
      groups: features by the incident that moved them; none of these says how similar rows are.
      categories: features whose numbers are ids.
    """
    moved = {name for names in groups.values() for name in names}
    nearest = pa.array(_nearest(served, training.slice(0, MOST_ROWS), moved))

    known = set(training.schema.names)
    result = {}
    for group, names in groups.items():
        columns, by_rank = {}, False
        for name in (name for name in names if name in known):
            before = training.column(name)
            columns[name] = before.take(nearest)
            if not _has_type_of(served, columns[name], name):
                continue
            after = served.column(name)
            if pa.types.is_large_binary(after.type.value_type):
                columns[name] = _spelled(after, before, columns[name])
            elif name not in categories and _are_numbers(after) and _is_single(before):
                columns[name], by_rank = _of_numbers(after, before, columns[name]), True
        result[group] = Restored(columns, by_rank)
    return result


def put_back_number(served: Array, training: Array) -> Array:
    """Each served value's rank, in training's quantiles: the order stays, the distribution is training's.

    Args:
      served: finite float64 [rows]; tied values get one rank. training: finite float64 [any], in any order.
    """
    grid = np.linspace(0, 1, _QUANTILES)
    _, inverse, counts = np.unique(served, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / max(len(served), 1)
    return np.asarray(np.interp(middle[inverse], grid, np.quantile(training, grid)))


def _has_type_of(served: pa.RecordBatch, matched: pa.Array, name: str) -> bool:
    """Whether served rows have the feature, in training's type; a column of nulls alone may have none."""
    at = served.schema.get_field_index(name)
    kind = served.schema.field(at).type if at >= 0 else None
    return kind is not None and bool(kind == matched.type and pa.types.is_large_list(kind))


def _are_numbers(column: pa.Array) -> bool:
    kind = column.type.value_type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind)) and _is_single(column)


def _of_numbers(served: pa.Array, training: pa.Array, matched: pa.Array) -> pa.Array:
    """Quantile by quantile, with the matched rows' values where a value is missing or was put in place."""
    after, before, values = (_numbers(column) for column in (served, training, matched))
    known = before[np.isfinite(before)]
    own = np.isfinite(after) & ~np.isin(after, _grown(after, before))
    if own.any() and len(known):
        values[own] = put_back_number(after[own], known)
    return _single_values(values, served.type)


def _single_values(values: Array, kind: pa.DataType) -> pa.Array:
    """A column with these values, NaN for a row that has none."""
    present = ~np.isnan(values)
    numbers = np.rint(values[present]) if pa.types.is_integer(kind.value_type) else values[present]
    offsets = pa.array(np.concatenate([[0], np.cumsum(present)]).astype(np.int64))
    lists = pa.LargeListArray.from_arrays(offsets, pa.array(numbers).cast(kind.value_type, safe=False))
    return pc.if_else(pa.array(present), lists, pa.nulls(len(values), lists.type)).cast(kind)


def _grown(served: Array, training: Array) -> Array:
    """The values that fill more of the served rows than of training's, by `_GROWN`."""
    values, counts = np.unique(served[np.isfinite(served)], return_counts=True)
    often = np.flatnonzero(counts > _GROWN * len(served))
    before = np.array([np.count_nonzero(training == value) for value in values[often]]) / len(training)
    return np.asarray(values[often][counts[often] / len(served) - before > _GROWN])


def _spelled(served: pa.Array, training: pa.Array, matched: pa.Array) -> pa.Array:
    """The served texts as training spells them; the matched ones if more than the spelling is new."""
    if not (_is_single(served) and _is_single(training)):
        return matched
    spellings = {text: text for text in training.flatten().unique().to_pylist()}
    folded = {_folded(text): text for text in spellings}
    texts = [row[0] if row else None for row in served.to_pylist()]
    new = [text for text in texts if text is not None and text not in spellings]
    if not new or sum(_folded(text) in folded for text in new) < _SPELLED * len(new):
        return matched
    own = [None if text is None else spellings.get(text, folded.get(_folded(text), text)) for text in texts]
    if _most_grown(own, training) > _REPLACED:
        return matched
    return pa.array([None if text is None else [text] for text in own], served.type)


def _most_grown(texts: Sequence[bytes | None], training: pa.Array) -> float:
    """How much larger the part of the rows with one text is than in training, of the text that grew most."""
    before, now = Counter(row[0] for row in training.to_pylist() if row), Counter(texts)
    return max(now[text] / len(texts) - before[text] / len(training) for text in now if text is not None)


def _folded(text: bytes) -> bytes:
    return text.decode("utf-8", "surrogateescape").strip().casefold().encode("utf-8", "surrogateescape")


def _is_single(column: pa.Array) -> bool:
    """Whether no row has more than one value."""
    most = pc.max(pc.list_value_length(column)).as_py()
    return most is None or most <= 1


def _numbers(column: pa.Array) -> Array:
    """float64 [rows], NaN for a row without a value."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    values = np.full(len(column), np.nan)
    values[lengths > 0] = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _nearest(served: pa.RecordBatch, training: pa.RecordBatch, moved: Collection[str]) -> Array:
    """For each served row the number of the training row that is most similar."""
    mine, others = compact_rows.compact(served), compact_rows.compact(training)
    names = [name for name in mine if name in others and name not in moved]
    names = names[:: max(-(-len(names) // MOST_COMPARED), 1)]
    random = np.random.default_rng(_SEED)
    pairs = [(_ranked(mine[name]), _ranked(others[name])) for name in names]
    nearest = np.zeros(served.num_rows, np.int64)
    for start in range(0, served.num_rows, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, served.num_rows))
        apart = random.random((part.stop - start, training.num_rows), np.float32) * np.float32(_NOISE)
        for one_side, other in pairs:
            apart += _apart(compact_rows.Column(*(each[part] for each in one_side)), other)
        nearest[part] = apart.argmin(axis=1)
    return nearest


def _apart(served: Column, training: Column) -> Array:
    """How unlike one feature is in each pair of rows, 0 to 1; float32 [served, training]."""
    if served.values.dtype != training.values.dtype or served.values.dtype == np.uint32:
        apart = (served.values[:, None] != training.values[None, :]).astype(np.float32)
    else:
        apart = np.abs(served.values[:, None] - training.values[None, :])
    if not (served.present.all() and training.present.all()):
        apart[served.present[:, None] != training.present[None, :]] = 1
        apart[~served.present[:, None] & ~training.present[None, :]] = 0
    return np.asarray(apart)


def _ranked(column: Column) -> Column:
    """Numbers as their ranks; hashes of texts as they are."""
    return column if column.values.dtype == np.uint32 else Column(_ranks(column), column.present)


def _ranks(column: Column) -> Array:
    """Each value's rank among those of its side, 0 to 1; values that are no number come last."""
    _, inverse, counts = np.unique(column.values, return_inverse=True, return_counts=True)
    return np.asarray(((np.cumsum(counts) - counts / 2) / len(column.values))[inverse], np.float32)
