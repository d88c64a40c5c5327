"""Some rows of serving, in few bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.columnar.compact_rows import Columns


class SampledRows(NamedTuple):
    """A sample of all rows.

    Attributes:
      columns: by feature, as many rows as `groups`.
      groups: uint64; rows of one record, or of one request id, have the same.
      num_rows: how many rows there were.
    """

    columns: Columns
    groups: np.ndarray[Any, Any]
    num_rows: int
