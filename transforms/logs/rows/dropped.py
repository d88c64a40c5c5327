"""Rows that are left out since they repeat another unchanged (`--drop_repeated`)."""

from __future__ import annotations

import numpy as np

from trueserve.transforms.columnar.row_hashes import hashes_of
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.features import Array
from trueserve.transforms.logs.repeated_rows import DroppedRows


def repeats_another(features: pa.RecordBatch, metadata: pa.RecordBatch, dropped: DroppedRows) -> Array:
    """Which rows are left out, as booleans: those with such values, but for the row that stands for them."""
    codes = hashes_of(features, dropped.names, np.arange(features.num_rows))
    result: Array = np.isin(codes, np.array([row.code for row in dropped.repeated], np.uint64))
    if result.any():
        records = np.asarray(metadata.column("record"))
        files = metadata.column("file").dictionary_encode()
        for row in dropped.repeated:
            is_file = np.asarray(files.dictionary) == row.file
            of_row = is_file[np.asarray(files.indices)] & (records == row.record)
            result[np.flatnonzero(of_row & (codes == np.uint64(row.code)))[:1]] = False
    return result


def num_records(metadata: pa.RecordBatch) -> int:
    """Of how many records the rows are."""
    return len(np.unique(np.asarray(metadata.column("record"))))
