"""Rows of one number each."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def numbers(values: Any) -> pa.RecordBatch:
    column = pa.array([[value] for value in values], pa.large_list(pa.float32()))
    return pa.RecordBatch.from_arrays([column], names=["number"])
