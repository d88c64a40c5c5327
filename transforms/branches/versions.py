"""How many rows each version of the model answered."""

from __future__ import annotations

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import Kind, RowsPartial
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.replay.versions import VersionRows, count_versions, merge

VERSIONS: Kind = ("versions", 0)


class VersionsPartial(RowsPartial):
    """`VersionRows`."""

    def __init__(self) -> None:
        self._counts: VersionRows = {}

    def add(self, batch: Batch) -> None:
        self._counts = merge([self._counts, count_versions(batch.metadata)])

    def merge(self, other: VersionsPartial) -> None:
        self._counts = merge([self._counts, other._counts])

    def result(self) -> VersionRows:
        return self._counts


def versions() -> Single:
    """The branch that counts them."""
    return Single(VERSIONS, VersionsPartial)
