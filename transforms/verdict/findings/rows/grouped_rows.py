"""A note on rows that belong together: how few independent rows they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.wording import listing, plain

METRIC = "design_effect"


def note(served: Iterable[Statistics], group_by: str | None = None) -> Iterator[Finding]:
    """An info where rows of one request or group are alike in some features, with the one that tells least.

    Args:
      group_by: the feature by which rows belong together; None for none.
    """
    of_all = (view for statistics in served for view in views_by_feature(statistics).values())
    grouped = [view for view in of_all if view.is_grouped and view.name != group_by]
    grouped.sort(key=_independent)
    if not grouped:
        return
    least, names = grouped[0], listing(list(dict.fromkeys(view.name for view in grouped)))
    rows = "rows of one request" if group_by is None else f"rows with the same {plain(group_by)}"
    message = (
        f"{rows} are alike in {names}: of {least.name} {least.rows:,} rows tell as much as"
        f" {_independent(least):,} independent ones, and are counted so"
    )
    yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, METRIC, message)


def _independent(view: View) -> int:
    return max(round(view.rows / max(view.design_effect, view.missing_effect)), 1)
