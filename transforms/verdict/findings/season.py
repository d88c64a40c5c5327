"""A window of a season that training does not have: one warning in place of an error a feature.

Features whose days vary with the season, days near each other being more alike than days apart, may go on as
they went within training. What no season makes (a constant, another unit, a far jump) stays an error.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, VARIATION
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import TestResults
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation import matching, tails
from trueserve.transforms.verdict.variation.matched import LEAST_ROWS, shares_of, window_moments
from trueserve.transforms.verdict.variation.matching import Spans, Target
from trueserve.transforms.verdict.variation.seasonal_p_value import periods_of, shares_on_cells
from trueserve.transforms.verdict.variation.store import FeaturePeriods
from trueserve.transforms.verdict.wording import listing

Array = np.ndarray[Any, Any]

METRIC = "season_not_in_training"
AS_SEASON = "as seasons may, and training has none like this one"
# Days up to so many apart are near; far apart are those of another third of training, and of another season.
_NEAR, _THIRD, _LEAST_FAR = 7, 3, 45
# Where there is a season, days apart differ so many times as much as near ones, in squares.
_MORE = 1.5
# How far a season may go beyond those of training: the part of their range, a factor of their deviations.
_BEYOND, _FACTOR = 0.5, 1.25
# A cause that is as certain as this is no season.
_CERTAIN = 0.9


def settled(results: TestResults, findings: list[Finding]) -> list[Finding]:
    """The findings, errors that a season may make as info, and what is to be said of the season itself."""
    pair = results.pair
    if (target := _outside(pair)) is None:
        return findings
    changed = [_as_season(pair, target, finding) for finding in findings]
    seasonal = [new.feature for old, new in zip(findings, changed, strict=True) if old is not new]
    seasonal += _moved(
        results, {finding.feature for finding in changed if finding.severity is Severity.ERROR}
    )
    names = {name: None for feature in seasonal for name in pair.raw_features(feature) or (feature,)}
    return [*changed, _finding(pair, target, tuple(names))]


def merged(comparisons: Sequence[ComparisonResult]) -> list[ComparisonResult]:
    """What the spaces say of the season in one finding, of the first of them."""
    notes = [
        finding for comparison in comparisons for finding in comparison.findings if finding.metric == METRIC
    ]
    if len(notes) < 2:
        return list(comparisons)
    names = tuple(dict.fromkeys(name for finding in notes for name in finding.raw_features))
    first = min(notes, key=lambda finding: finding.severity is not Severity.WARNING)
    combined = dataclasses.replace(first, raw_features=names, message=_message(first.message, names))
    results = [_without(comparison) for comparison in comparisons]
    return [dataclasses.replace(results[0], findings=(*results[0].findings, combined)), *results[1:]]


def _without(comparison: ComparisonResult) -> ComparisonResult:
    findings = tuple(finding for finding in comparison.findings if finding.metric != METRIC)
    return dataclasses.replace(comparison, findings=findings)


def _outside(pair: ComparedPair) -> Target | None:
    """The days of a window that lie in no season of training; None for all others."""
    periods = next(iter(_days(pair).values()), None)
    if periods is None or pair.start is None or pair.between_windows or not len(periods.periods):
        return None
    target = Target.of(pair.start, "day", _length(pair), pair.span)
    is_far = matching.outside_of_training(periods.periods, target) > matching.SEASON
    return target if is_far else None


def _length(pair: ComparedPair) -> int:
    unit, length = periods_of(pair.span)
    return length if unit == "day" else 1


def _days(pair: ComparedPair) -> dict[str, FeaturePeriods]:
    return dict((pair.reference.variation or {}).get("day", {}))


def _as_season(pair: ComparedPair, target: Target, finding: Finding) -> Finding:
    # Neither lengths, nor positions, nor a distance that the user limits are what days are known of.
    is_known = finding.kind is FindingKind.DISTRIBUTION and finding.metric in (KOLMOGOROV, VARIATION)
    if finding.severity is not Severity.ERROR or not is_known:
        return finding
    if finding.diagnosis is not None and finding.diagnosis.confidence >= _CERTAIN:
        return finding
    periods, serving = _days(pair).get(finding.feature), pair.serving.get(finding.feature)
    training = pair.training.get(finding.feature)
    if periods is None or serving is None or training is None:
        return finding
    periods = _with_rows(periods)
    if not _is_seasonal(periods) or not _goes_on(periods, target.length, training, serving):
        return finding
    message = f"{finding.message}; {AS_SEASON}"
    return dataclasses.replace(finding, severity=Severity.INFO, message=message)


def _moved(results: TestResults, errors: set[str]) -> list[str]:
    """Features that vary with the season, are no error, and differ from all of training."""
    return [
        name
        for name, periods in _days(results.pair).items()
        if name not in errors and _differs(results, name) and _is_seasonal(_with_rows(periods))
    ]


def _differs(results: TestResults, name: str) -> bool:
    return any(
        difference.metric in (KOLMOGOROV, VARIATION)
        and difference.p_value <= results.first_p
        and difference.effect >= results.least_effect(name, difference.metric)
        for difference in results.from_all.get(name, ())
    )


def _with_rows(periods: FeaturePeriods) -> FeaturePeriods:
    return periods.kept(periods.counts.sum(1) >= LEAST_ROWS)


def _is_seasonal(periods: FeaturePeriods) -> bool:
    """Whether days near each other are more alike than days apart."""
    days = periods.periods
    if not len(days):
        return False
    shares = shares_of(periods.counts)
    values = np.cumsum(shares, 1) if periods.cells.kind == cell.NUMBER else shares
    squares = (values**2).sum(1)
    apart = squares[:, None] + squares[None, :] - 2 * values @ values.T
    lags = np.abs(days[:, None] - days[None, :])
    far = lags >= max((days[-1] - days[0]) / _THIRD, _LEAST_FAR)
    near = (lags > 0) & (lags <= _NEAR)
    if not far.any() or not near.any():
        return False
    return bool(apart[far].mean() >= _MORE * apart[near].mean() and apart[far].mean() > 0)


def _goes_on(periods: FeaturePeriods, length: int, training: View, serving: View) -> bool:
    """Whether a window lies no further out than seasons may, given how far training's spans do."""
    spans = Spans.of(periods.periods, min(length, max(len(periods.periods) // 4, 1)))
    if not len(spans.first):
        return False
    if periods.cells.kind == cell.CATEGORY:
        shares = shares_on_cells(periods.cells, training, serving)
        assert shares is not None
        usual = np.abs(shares_of(spans.sums(periods.counts)) - shares[0]).sum(1)
        return float(np.abs(shares[1] - shares[0]).sum()) <= (1 + _BEYOND) * float(usual.max())
    window_values = window_moments(periods.cells, serving)
    if window_values is None:
        return False
    totals = spans.sums(np.column_stack([periods.power_sums, periods.counts.sum(1)]))
    (_, mean), (_, deviation) = window_values
    means, deviations = tails.mean(totals), tails.log_deviation(totals)
    beyond, factor = _BEYOND * np.ptp(means), np.log(_FACTOR)
    is_near = means.min() - beyond <= mean <= means.max() + beyond
    return bool(is_near and deviations.min() - factor <= deviation <= deviations.max() + factor)


def _finding(pair: ComparedPair, target: Target, names: tuple[str, ...]) -> Finding:
    days = next(iter(_days(pair).values())).periods
    first, last = (_date(int(day)) for day in (days[0], days[-1]))
    middle = _date(int(target.days.mean()))
    message = f"training has no days like {middle.day} {middle:%B}: it has those of {first} to {last}"
    return Finding(
        feature="",
        space=Space.SET,
        kind=FindingKind.DISTRIBUTION,
        severity=Severity.WARNING if names else Severity.INFO,
        metric=METRIC,
        message=_message(message, names),
        raw_features=names,
    )


def _message(message: str, names: Iterable[str]) -> str:
    what = listing(list(names))
    start = message.partition("; ")[0]
    if not what:
        return f"{start}; what that season would change is not known"
    return f"{start}; what differs so that a season may explain it: {what}; train on that season, too"


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)
