"""Some rows as they were served, which a model is asked for again once it is known what is wrong."""

from __future__ import annotations

import functools

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.samples.sample import SamplePartial

#: The kind of the result, an Arrow stream (`sample.read`).
SERVED_ROWS: Kind = ("served_rows", 0)
#: So many rows are kept, and fewer where they take more bytes.
MOST_ROWS = 2000
_MOST_BYTES = 4 << 20
# What one of many ranges sends.
_LEAST_ROWS, _BYTES_OF_RANGE = 64, 256 << 10


class ServedRows(SamplePartial):
    """The rows with the smallest hashes; a range of a job that has many sends few of them."""

    def __init__(self) -> None:
        super().__init__(MOST_ROWS, (), _MOST_BYTES)

    def compact(self, most: int) -> None:
        self.shrink(max(min(most, MOST_ROWS), _LEAST_ROWS), _BYTES_OF_RANGE)


def rows() -> Single:
    """The branch that keeps them."""
    return Single(SERVED_ROWS, functools.partial(ServedRows))
