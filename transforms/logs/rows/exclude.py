"""Requests that are not compared because a rule of the user's matches what is known of them (`--exclude`)."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.features import Array


def excluded(metadata: pa.RecordBatch, rules: Iterable[tuple[str, str]]) -> tuple[Array, Counter[str]]:
    """For each row whether its record is excluded, and the number of such records by the field that told.

    A record of which one row matches is excluded whole, and counted under the first rule that matches.

    Args:
      metadata: columns of `batches.METADATA_SCHEMA`.
      rules: (field, pattern): a column of text, and a shell glob that the whole text must match, case by
        case. A null matches none.
    """
    record = np.asarray(metadata.column("record"))
    out = np.zeros(len(record), bool)
    counts: Counter[str] = Counter()
    for field, pattern in rules:
        matching = record[_matching(metadata.column(field), pattern) & ~out]
        if len(matching):
            counts[field] += len(np.unique(matching))
            out |= np.isin(record, matching)
    return out, counts


def _matching(column: pa.Array, pattern: str) -> Array:
    # A log has few models and versions: each is looked at once, not row by row.
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    matches = pa.array([fnmatch.fnmatchcase(word, pattern) for word in texts], pa.bool_())
    return np.asarray(matches.take(encoded.indices).fill_null(False))
