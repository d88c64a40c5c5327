"""What a range gave of one kind: small, whatever the number of its rows, and mergeable."""

from __future__ import annotations

import abc
from typing import Any, Self, TypeAlias

from trueserve.transforms.core.batches import Batch

#: What a result is of, and the number of its window; 0 where rows are not split by windows.
Kind: TypeAlias = tuple[str, int]

# A summary has a `num_bytes` of its own; counts and short lists take about so much.
_SMALL = 4096


class Partial(abc.ABC):
    """A partial result, of one range or of several that were merged."""

    @abc.abstractmethod
    def merge(self, other: Self) -> None:
        """Adds what `other` holds, which is not changed."""

    @abc.abstractmethod
    def result(self) -> Any:
        """What the verdict is made of, once the parts of all ranges are merged."""

    def compact(self, most: int) -> None:  # noqa: B027 - other results are small as they are
        """Makes it small before it is sent: of a feature's numbers it keeps about `most`."""

    @property
    def num_bytes(self) -> int:
        """About how much memory it takes."""
        return _SMALL


class RowsPartial(Partial):
    """A partial result to which rows can be added."""

    @abc.abstractmethod
    def add(self, batch: Batch) -> None:
        """Adds the rows of a batch."""
