"""What `prepare` says of lists of one length: they are compared position by position."""

from __future__ import annotations

from collections.abc import Iterator

from trueserve.transforms.verdict.evidence.vectors import profile
from trueserve.transforms.verdict.feature_stats import Statistics, views_by_feature
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.wording import plain

_MOST_NAMED = 5


def lines_of(raw: Statistics, transformed: Statistics, label: str | None) -> Iterator[str]:
    """A line for each space that has such lists of numbers; the label is left out."""
    for space, statistics in ((Space.RAW, raw), (Space.TRANSFORMED, transformed)):
        vectors = _vectors(statistics, space)
        names = [f"{plain(name)} ({length:,})" for name, length in vectors if name != label]
        if names:
            shown, more = ", ".join(names[:_MOST_NAMED]), len(names) - _MOST_NAMED
            rest = f" and {more:,} more" if more > 0 else ""
            yield f"{space} lists of one length are compared position by position: {shown}{rest}"


def _vectors(statistics: Statistics, space: Space) -> Iterator[tuple[str, int]]:
    for name, view in views_by_feature(statistics).items():
        profiles, are_ids = profile.of_view(view), space is Space.TRANSFORMED and view.kind == "category"
        if not are_ids and profiles is not None and profiles[0].is_vector:
            yield name, profiles[0].length
