"""`--profile`: what went from step to step, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueserve.transforms.profile import Moved
from trueserve.transforms.publish import formatting


def lines_of(parts: Sequence[Moved]) -> Iterator[str]:
    """A line for each kind of result; one that says so where a runner counts nothing."""
    if not parts:
        yield "profile: this runner has no metrics, so that bytes between steps are not known"
    for part in parts:
        yield (
            f"profile: {formatting.visible(part.name)}: {formatting.counted(part.results, 'partial result')},"
            f" {formatting.size(part.total_bytes)}; the largest {formatting.size(part.most_bytes)}"
        )
