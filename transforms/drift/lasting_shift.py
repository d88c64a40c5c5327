"""Lasting shifts: windows that lie off on one side, each by too little or with too few rows to count alone.

The mean of a feature's positions (`window_summary`) over the last windows is held against training's. Its
variance is that of their rows, of training's rows, and of how training's own days differ, in spans as long as
these windows together, where that is known.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trueserve.transforms.core.batches import Window
from trueserve.transforms.drift import span_positions
from trueserve.transforms.drift.span_positions import Spread
from trueserve.transforms.drift.window_drift import span
from trueserve.transforms.runs import window_summary
from trueserve.transforms.runs.window_summary import SummaryKey, WindowSummary
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, MISSING
from trueserve.transforms.verdict.evidence.rates import alarm_budget, false_discovery
from trueserve.transforms.verdict.feature_stats import Statistics, dataset, views_by_feature
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair, Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import LEAST_EFFECT
from trueserve.transforms.verdict.wording import percent, quoted

METRIC = "lasting_shift"
#: So many of the last windows are looked at together.
LENGTHS = (2, 3, 4, 6, 8, 12, 16, 24, 31)
#: Of all shifts the share that may be chance; and the part of the least effect that lasts is worth a word.
FALSE_SHIFTS, LEAST_PART = 0.002, 0.4
# A mean that moves moves ranks by 1 / 2 sqrt(pi) a deviation, and the distance of Kolmogorov and Smirnov by
# 1 / sqrt(2 pi): the latter is so many times the former.
_OF_RANKS = math.sqrt(2)
_ALIKE = 0.2
_RANK_VARIANCE = 1 / 12
_LEAST_COUNT = 10.0


@dataclasses.dataclass(frozen=True)
class Judged:
    """What windows are held against: the training side, the policy, and how long a window is."""

    references: Sequence[Reference]
    statistics: Mapping[Space, Statistics]
    policy: Policy
    length: dt.timedelta | None


class Shift(NamedTuple):
    """A position that lies off: over so many windows, the first of which is `first`."""

    key: SummaryKey
    training: float
    mean: float
    p_value: float
    windows: int
    first: Window


def findings(windows: Sequence[WindowSummary], judged: Judged) -> list[Finding]:
    """Of each feature the surest shift, a warning; `windows` is what `slow_drift.comparable` gives."""
    surest: dict[tuple[Space, str], Shift] = {}
    for shift in shifts(windows, judged):
        key = shift.key.space, shift.key.feature
        if key not in surest or shift.p_value < surest[key].p_value:
            surest[key] = shift
    by_space = {reference.space: reference for reference in judged.references}
    return [_finding(shift, by_space[space], judged.policy) for (space, _), shift in surest.items()]


def shifts(windows: Sequence[WindowSummary], judged: Judged) -> list[Shift]:
    """The shifts that are beyond chance and large enough, and that this window alone does not show."""
    if judged.length is None:
        return []
    recent = consecutive(windows, judged.length)
    rate = min(FALSE_SHIFTS, alarm_budget.for_window(judged.policy, judged.length, 1).false_alarms)
    tested = [shift for reference in judged.references for shift in _of_space(recent, reference, judged)]
    greatest = false_discovery.beyond([shift.p_value for shift, _ in tested], rate)
    return [
        shift
        for shift, alone in tested
        if shift.p_value <= greatest and _matters(shift, shift.mean, judged.policy, LEAST_PART)
        if not (alone.p_value <= rate and _matters(alone, alone.mean, judged.policy, 1.0))
    ]


def consecutive(windows: Sequence[WindowSummary], length: dt.timedelta) -> list[WindowSummary]:
    """The last windows, about as long as this one and apart from one another, in the order of time."""
    result: list[WindowSummary] = []
    for summary in reversed(windows):
        start, end = summary.window.start, summary.window.end
        if start is None or end is None or abs((end - start) / length - 1) > _ALIKE:
            continue
        last = result[-1].window.start if result else None
        if last is None or end <= last:
            result.append(summary)
    return result[: max(LENGTHS)][::-1]


def _of_space(
    windows: Sequence[WindowSummary], reference: Reference, judged: Judged
) -> Iterator[tuple[Shift, Shift]]:
    """Of each position the surest shift over several windows, and that of the last one alone."""
    training = views_by_feature(reference.statistics)
    serving = views_by_feature(judged.statistics[reference.space])
    before = window_summary.of_training(reference)
    trained_rows = float(dataset(reference.statistics).num_examples)
    pair = ComparedPair(reference, judged.policy, Statistics(), Counter())
    for key in filter(lambda key: pair.is_wanted(key.feature), windows[-1].values if windows else ()):
        if key.space is not reference.space or key not in before or key.feature not in serving:
            continue
        spread = span_positions.of(reference.variation, key, training[key.feature])
        series = np.array([summary.values.get(key, np.nan) for summary in windows])
        view = serving[key.feature]
        effect = view.missing_effect if key.what == window_summary.MISSING else view.design_effect
        rows = np.array([summary.rows * _present(summary.values, key) / effect for summary in windows])
        trained = trained_rows * _present(before, key)
        tests = _Tests(key, before[key], series, np.maximum(rows, 1.0), trained, spread, judged.length)
        if spread is not None and (both := tests.surest(windows)) is not None:
            yield both


def _present(values: Mapping[SummaryKey, float], key: SummaryKey) -> float:
    """Of the rows the share that the position is a mean of: those that have the feature, or all."""
    missing = SummaryKey(key.space, key.feature, window_summary.MISSING)
    return 1.0 if key.what == window_summary.MISSING else 1 - values.get(missing, 0.0)


@dataclasses.dataclass(frozen=True)
class _Tests:
    """One position over windows, each of so many rows; `spread` is how training's own spans differ in it."""

    key: SummaryKey
    training: float
    series: np.ndarray[tuple[int], np.dtype[np.float64]]
    rows: np.ndarray[tuple[int], np.dtype[np.float64]]
    trained_rows: float
    spread: Spread | None
    length: dt.timedelta | None

    def surest(self, windows: Sequence[WindowSummary]) -> tuple[Shift, Shift] | None:
        known = len(self.series) - int(np.max(np.flatnonzero(np.isnan(self.series)), initial=-1)) - 1
        lengths = [count for count in LENGTHS if count <= known]
        if not lengths or self._variance_of_row() * self.rows[-1] < _LEAST_COUNT * self._is_share():
            return None
        tests = [self._shift(count, windows) for count in lengths]
        surest = min(tests, key=lambda shift: shift.p_value)
        return surest._replace(p_value=min(surest.p_value * len(tests), 1.0)), self._shift(1, windows)

    def _shift(self, count: int, windows: Sequence[WindowSummary]) -> Shift:
        mean = float(self.series[-count:].mean())
        of_rows = self._variance_of_row() * float((1 / self.rows[-count:]).sum()) / count**2
        variance = of_rows + self._variance_of_row() / max(self.trained_rows, 1.0)
        assert self.spread is not None
        assert self.length is not None
        between = self.spread.of_span(count * self.length)
        deviations = (mean - self.training) / math.sqrt(max(variance + between.variance, 1e-12))
        p_value = p_values.of_student(deviations, between.freedom)
        return Shift(self.key, self.training, mean, p_value, count, windows[-count].window)

    def _is_share(self) -> bool:
        return self.key.what != window_summary.RANK

    def _variance_of_row(self) -> float:
        return self.training * (1 - self.training) if self._is_share() else _RANK_VARIANCE


def _matters(shift: Shift, mean: float, policy: Policy, part: float) -> bool:
    apart = abs(mean - shift.training) * (_OF_RANKS if shift.key.what == window_summary.RANK else 1.0)
    return apart >= part * _least(shift.key, policy)


def _least(key: SummaryKey, policy: Policy) -> float:
    metric = MISSING if key.what == window_summary.MISSING else KOLMOGOROV
    return policy.thresholds.limit(key.space, key.feature, metric, LEAST_EFFECT[metric])


def _finding(shift: Shift, reference: Reference, policy: Policy) -> Finding:
    ignored = shift.key.feature in policy.ignore
    first_window = span(shift.first, "")
    message = (
        f"the last {shift.windows} windows lie off on one side since {first_window}, each too little to count"
        f" alone: {_description(shift, reference)}"
    )
    return Finding(
        feature=shift.key.feature,
        space=shift.key.space,
        kind=FindingKind.DRIFT,
        severity=Severity.INFO if ignored else Severity.WARNING,
        metric=METRIC,
        message=f"{message} (ignored)" if ignored else message,
        distance=abs(shift.mean - shift.training),
        threshold=_least(shift.key, policy) * LEAST_PART,
        p_value=shift.p_value,
        raw_features=tuple(reference.raw_features.get(shift.key.feature, ())),
    )


def _description(shift: Shift, reference: Reference) -> str:
    if shift.key.what == window_summary.RANK:
        return f"a value of training lies below one served in {percent(shift.mean + 0.5)} of cases"
    before, now = percent(shift.training), percent(shift.mean)
    if shift.key.what == window_summary.MISSING:
        return f"{now} of rows lack it, in training {before}"
    if shift.key.what == window_summary.OTHERS:
        return f"all but training's most frequent values are {now}, in training {before}"
    view = views_by_feature(reference.statistics)[shift.key.feature]
    return f"{quoted(window_summary.top_values(view)[shift.key.value])} is {now}, in training {before}"
