"""A word on rows that belong together: how few independent rows they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.wording import listing

METRIC = "design_effect"


def note(served: Iterable[Statistics]) -> Iterator[Finding]:
    """An info where rows of one request are alike in some features, with the one that tells least."""
    of_all = (view for statistics in served for view in views_by_feature(statistics).values())
    grouped = sorted((view for view in of_all if view.is_grouped), key=_independent)
    if not grouped:
        return
    least, names = grouped[0], listing(list(dict.fromkeys(view.name for view in grouped)))
    message = (
        f"rows of one request are alike in {names}: of {least.name} {least.rows:,} rows tell as much as"
        f" {_independent(least):,} independent ones, and are counted so"
    )
    yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, METRIC, message)


def _independent(view: View) -> int:
    return max(round(view.rows / max(view.design_effect, view.missing_effect)), 1)
