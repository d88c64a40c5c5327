"""Slow drift: what moved a little each time over many windows, each step too small to be noticed.

A feature's positions (`window_summary`) are lined up over the windows of earlier runs and this one. What
counts goes one way beyond chance (`trend`, Benjamini and Hochberg over all positions), comes to as much as
matters from the first window to this one, and has no single step that makes half of it: that is a jump, which
the comparison with the last window has told.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from trueserve.transforms.core.batches import Window
from trueserve.transforms.drift import span_positions, trend
from trueserve.transforms.drift.trend import Array, Line
from trueserve.transforms.drift.window_drift import span
from trueserve.transforms.runs import window_summary
from trueserve.transforms.runs.window_summary import SummaryKey, WindowSummary
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, MISSING
from trueserve.transforms.verdict.evidence.rates import false_discovery
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair, Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import LEAST_EFFECT
from trueserve.transforms.verdict.wording import percent, quoted

METRIC = "slow_drift"
#: Of all trends the share that may be chance. A week that rises day by day has 0.0027 at least.
FALSE_TRENDS = 0.002
# A trend is beyond what two of training's windows differ by so many deviations.
_DEVIATIONS = 2.0


@dataclasses.dataclass(frozen=True)
class Trend:
    """A position that went one way: its line over `windows` windows, the first of which is `first`."""

    key: SummaryKey
    line: Line
    p_value: float
    windows: int
    first: Window


def comparable(now: WindowSummary, previous: Sequence[WindowSummary]) -> list[WindowSummary]:
    """The windows that can be lined up, in the order of time, this one last: those of the same baseline.

    Of another model's windows the predictions are left out.
    """
    known = [
        summary
        for summary in previous
        if summary.baseline == now.baseline and summary.window.start and summary.window.end
    ]
    known = [summary if summary.model == now.model else _without_predictions(summary) for summary in known]
    return [*sorted(known, key=_middle), now]


def _without_predictions(summary: WindowSummary) -> WindowSummary:
    values = {key: value for key, value in summary.values.items() if key.space is not Space.PREDICTION}
    return dataclasses.replace(summary, values=values)


def findings(
    windows: Sequence[WindowSummary], references: Sequence[Reference], policy: Policy
) -> list[Finding]:
    """Of each feature the trend that goes furthest, a warning; `windows` is what `comparable` gives."""
    furthest: dict[tuple[Space, str], Trend] = {}
    wanted = {r.space: ComparedPair(r, policy, Statistics(), Counter()) for r in references}
    there = {p: v for p, v in windows[-1].values.items() if wanted[p.space].is_wanted(p.feature)}
    windows = [*windows[:-1], dataclasses.replace(windows[-1], values=there)]
    known = {r.space: (r, views_by_feature(r.statistics)) for r in references}
    for steady in trends(windows, FALSE_TRENDS, policy):
        key = (steady.key.space, steady.key.feature)
        if _is_natural(steady, *known[steady.key.space], windows[-1].window):
            continue
        if key not in furthest or abs(steady.line.total) > abs(furthest[key].line.total):
            furthest[key] = steady
    return [_finding(steady, *known[space], policy) for (space, _), steady in furthest.items()]


def _is_natural(steady: Trend, reference: Reference, training: Mapping[str, View], window: Window) -> bool:
    """Whether training's own windows lie as far apart: weather that lasts goes one way for days."""
    view = training.get(steady.key.feature)
    spread = None if view is None else span_positions.of(reference.variation, steady.key, view)
    if spread is None or window.start is None or window.end is None:
        return False
    variance = 2 * spread.of_span(window.end - window.start).variance
    return steady.line.total**2 <= _DEVIATIONS**2 * variance


def trends(windows: Sequence[WindowSummary], rate: float, policy: Policy | None = None) -> Iterator[Trend]:
    """The positions that went one way, by as much as matters and in no single step.

    At most `rate` of all that go one way beyond chance may do so by chance.
    """
    if len(windows) < trend.LEAST_WINDOWS or None in (windows[-1].window.start, windows[-1].window.end):
        return
    keys = list(windows[-1].values)
    series = np.array([[summary.values.get(key, np.nan) for summary in windows] for key in keys], float)
    p_values = trend.of_trend(series.reshape(len(keys), len(windows)))
    greatest = false_discovery.beyond(p_values[_varies(series)].tolist(), rate)
    times = np.array([_middle(summary) for summary in windows])
    for row in np.flatnonzero(p_values <= greatest):
        there = np.flatnonzero(~np.isnan(series[row]))
        line = trend.line(times[there], series[row][there])
        if abs(line.total) >= _least(keys[row], policy or Policy()) and not _is_jump(
            series[row][there], line
        ):
            first = windows[there[0]].window
            yield Trend(keys[row], line, float(p_values[row]), len(there), first)


def _varies(series: Array) -> Array:
    """Which rows have two values: what never changes, such as no missing rows, is no test."""
    known = np.nan_to_num(series, nan=-2.0)
    changed = (known != known[:, -1:]) & (known > -2.0)
    result: Array = changed.any(axis=1)
    return result


def _is_jump(values: Array, line: Line) -> bool:
    return trend.largest_step(values) >= abs(line.total) / 2


def _least(key: SummaryKey, policy: Policy) -> float:
    metric = MISSING if key.what == window_summary.MISSING else KOLMOGOROV
    return policy.thresholds.limit(key.space, key.feature, metric, LEAST_EFFECT[metric])


def _middle(summary: WindowSummary) -> float:
    """The middle of a window, in days."""
    start, end = summary.window.start, summary.window.end
    assert start is not None
    assert end is not None
    return (start.timestamp() + end.timestamp()) / 2 / 86_400


def _finding(trend: Trend, reference: Reference, training: Mapping[str, View], policy: Policy) -> Finding:
    ignored = trend.key.feature in policy.ignore
    first_window = span(trend.first, "")
    moved = f"moved a little each time over {trend.windows} windows since {first_window}"
    message = f"{moved}: {_description(trend, training)}"
    return Finding(
        feature=trend.key.feature,
        space=trend.key.space,
        kind=FindingKind.DRIFT,
        severity=Severity.INFO if ignored else Severity.WARNING,
        metric=METRIC,
        message=f"{message} (ignored)" if ignored else message,
        distance=abs(trend.line.total),
        threshold=_least(trend.key, policy),
        p_value=trend.p_value,
        raw_features=tuple(reference.raw_features.get(trend.key.feature, ())),
    )


def _description(trend: Trend, training: Mapping[str, View]) -> str:
    """What moved, from where to where on the line."""
    if trend.key.what == window_summary.RANK:
        first, last = (
            percent(min(max(value + 0.5, 0.0), 1.0)) for value in (trend.line.first, trend.line.last)
        )
        return f"a value of training lies below one served in {first} of cases then, in {last} now"
    first, last = (percent(min(max(value, 0.0), 1.0)) for value in (trend.line.first, trend.line.last))
    if trend.key.what == window_summary.SHARE:
        # Training knows the value, so it may be named.
        value = window_summary.top_values(training[trend.key.feature])[trend.key.value]
        return f"the share of {quoted(value)} went from {first} to {last}"
    if trend.key.what == window_summary.OTHERS:
        return f"the share of all but training's most frequent values went from {first} to {last}"
    return f"missing rows went from {first} to {last}"
