"""Some rows of one side on their way to the rows of the other side that have the same keys."""

from __future__ import annotations

import dataclasses
import enum

from trueserve.transforms.core.arrow import pa


class Side(enum.IntEnum):
    """Where rows come from; TFDV calls them `base` and `test`."""

    EXAMPLES = 0
    REQUESTS = 1


@dataclasses.dataclass(frozen=True)
class Piece:
    """Rows of one side that all have a key.

    Attributes:
      keys: the list columns of the key, named `0`, `1`, ...; then `hash` (uint64, of the key), `file`
        (a dictionary of strings) and `record` (int64), the row's place.
      features: the list columns that are compared, as many rows as `keys`; maybe none.
    """

    side: Side
    keys: pa.RecordBatch
    features: pa.RecordBatch
