"""What `prepare` says of lists of one length: they are compared position by position."""

from __future__ import annotations

from collections.abc import Iterator

from trueserve.transforms.verdict.evidence.vectors import profile
from trueserve.transforms.verdict.feature_stats import Statistics, views_by_feature
from trueserve.transforms.verdict.wording import plain

_MOST_NAMED = 5


def lines_of(raw: Statistics, transformed: Statistics, label: str | None) -> Iterator[str]:
    """A line for each space that has such lists of numbers; the label is left out."""
    for space, statistics in (("raw", raw), ("transformed", transformed)):
        names = [f"{plain(name)} ({length:,})" for name, length in _vectors(statistics) if name != label]
        if names:
            shown, more = ", ".join(names[:_MOST_NAMED]), len(names) - _MOST_NAMED
            rest = f" and {more:,} more" if more > 0 else ""
            yield f"{space} lists of one length are compared position by position: {shown}{rest}"


def _vectors(statistics: Statistics) -> Iterator[tuple[str, int]]:
    for name, view in views_by_feature(statistics).items():
        profiles = profile.of_view(view)
        if profiles is not None and profiles[0].is_vector:
            yield name, profiles[0].length
