"""Parquet files, read by pyarrow alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """The rows of one file."""
    rows: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return rows
