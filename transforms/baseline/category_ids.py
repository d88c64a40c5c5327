"""Which ids of a transformed feature stand for something special, asked of the graph itself.

A word that no vocabulary has shows the ids of unknown words; a number far below or above all others shows
the first or the last bucket. tf.Transform's schema gives the range of ids alone, where the one is told from
the other, or from a known word, by nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa

Apply = Callable[[pa.RecordBatch], pa.RecordBatch]

_ROWS = 64
# Where the graph refuses rows that are strange in all features, each is tried by itself, so many at most.
_MOST_ALONE = 100
_FAR = 1 << 40
_LETTERS = str.maketrans("0123456789abcdef", "qxzjkvwyqhxgpbzf")


class CategoryIds(NamedTuple):
    """For outputs by name: the first and last id of unknown words, and the first and last bucket."""

    unknown: Mapping[str, tuple[int, int]]
    buckets: Mapping[str, tuple[int, int]]


def find(
    rows: pa.RecordBatch,
    apply: Apply,
    outputs: schema_pb2.Schema,
    raw_features_of: Mapping[str, Iterable[str]],
) -> CategoryIds:
    """The special ids of the outputs that are categories; an output of which nothing is certain is left out.

    Args:
      rows: real raw rows, which the graph takes.
      apply: the graph; rows that it refuses have no outputs.
      outputs: the schema of its outputs.
    """
    domains = {f.name: f.int_domain for f in outputs.feature if f.int_domain.is_categorical}
    if not domains or not rows.num_rows:
        return CategoryIds({}, {})
    rows = rows.take(pa.array(np.arange(_ROWS) % rows.num_rows))
    texts = [f.name for f in rows.schema if _is_text(f.type)]
    numbers = [f.name for f in rows.schema if _is_number(f.type)]
    unknown_word_ids = _ids(rows, apply, texts, _word)
    low = _ids(rows, apply, numbers, lambda k: -_FAR - k)
    high = _ids(rows, apply, numbers, lambda k: _FAR + k)
    of_numbers = {name for name in domains if set(raw_features_of.get(name, ())) <= set(numbers)}
    buckets = {
        name: (int(domain.min), int(domain.max))
        for name, domain in domains.items()
        if name in of_numbers and (low.get(name), high.get(name)) == ({domain.min}, {domain.max})
    }
    special_ids = {
        name: _unknown_ids(
            _union(low, high, name) if name in of_numbers else unknown_word_ids.get(name, set()), domain
        )
        for name, domain in domains.items()
    }
    unknown = {name: ids for name, ids in special_ids.items() if ids is not None and name not in buckets}
    return CategoryIds(unknown, buckets)


def _union(low: Mapping[str, set[int]], high: Mapping[str, set[int]], name: str) -> set[int]:
    return low.get(name, set()) | high.get(name, set())


def _unknown_ids(ids: set[int], domain: schema_pb2.IntDomain) -> tuple[int, int] | None:
    """The range of these ids if it can be nothing but that of unknown words: below all others, or above."""
    least, most = int(domain.min), int(domain.max)
    if not ids:
        return None
    if ids == {least} and least < 0:
        return least, least
    is_whole = ids == set(range(min(ids), max(ids) + 1))
    return (min(ids), most) if is_whole and max(ids) == most and min(ids) > max(least, 0) else None


def _ids(
    rows: pa.RecordBatch, apply: Apply, names: Sequence[str], value: Callable[[int], Any]
) -> dict[str, set[int]]:
    """By output the ids that rows give which are strange in these features."""
    if not names:
        return {}
    by_output = _ids_by_output(apply(_with_unknown_values(rows, names, value)))
    if by_output:
        return by_output
    for name in names[:_MOST_ALONE]:
        # What an output gives where another feature is strange is not of unknown words.
        usual = _ids_by_output(apply(rows)) if not by_output else {}
        single = _ids_by_output(apply(_with_unknown_values(rows, [name], value)))
        by_output |= {key: ids for key, ids in single.items() if ids != usual.get(key)}
    return by_output


def _ids_by_output(outputs: pa.RecordBatch) -> dict[str, set[int]]:
    columns = zip(outputs.schema, outputs.columns, strict=True)
    by_output = {
        field.name: set(column.drop_null().flatten().to_pylist())
        for field, column in columns
        if pa.types.is_large_list(field.type) and pa.types.is_integer(field.type.value_type)
    }
    return {name: ids for name, ids in by_output.items() if ids}


def _with_unknown_values(
    rows: pa.RecordBatch, names: Iterable[str], value: Callable[[int], Any]
) -> pa.RecordBatch:
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    for name in names:
        kind = columns[name].type
        plain = float if pa.types.is_floating(kind.value_type) else lambda number: number
        columns[name] = pa.array([[plain(value(k))] for k in range(rows.num_rows)], kind)
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=rows.schema)


def _word(number: int) -> bytes:
    """Letters that are no word: upper and lower case, digits and punctuation may matter to a function."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:14].translate(_LETTERS).encode()


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_large_list(kind) and bool(pa.types.is_large_binary(kind.value_type))


def _is_number(kind: pa.DataType) -> bool:
    if not pa.types.is_large_list(kind):
        return False
    return bool(pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))
