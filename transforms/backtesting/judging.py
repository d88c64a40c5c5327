"""One past window compared with the baseline, as `validate` would have, and how far each feature was off."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from trueserve.transforms.backtesting.suggest import LimitKey, Series
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict import decide
from trueserve.transforms.verdict.compare import examine
from trueserve.transforms.verdict.evidence.feature_difference import UNSEEN_SHARE
from trueserve.transforms.verdict.evidence.rates import alarm_budget
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.findings import range as range_findings
from trueserve.transforms.verdict.findings import schema as schema_findings
from trueserve.transforms.verdict.findings import transformed as transformed_findings
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import TestResults
from trueserve.transforms.verdict.thresholds import LIMIT_OF


class WindowState(enum.StrEnum):
    JUDGED = "judged"
    KNOWN_BAD = "known_bad"  # judged too, but nothing is learnt from it
    TOO_FEW_ROWS = "too_few_rows"
    NO_ROWS = "no_rows"


@dataclasses.dataclass(frozen=True)
class FeatureEffect:
    """How far a feature is off in one way.

    Attributes:
      value: 0 to 1.
      counts: whether it is an error where it is over its limit: beyond chance, and not silenced otherwise.
      today: the limit that holds now.
      floor: the least limit that is suggested.
    """

    key: LimitKey
    value: float
    counts: bool
    today: float
    floor: float


@dataclasses.dataclass(frozen=True)
class WindowResult:
    """A past window.

    Attributes:
      findings, distances: as in `ComparisonResult`, of all spaces; none where the window was not judged.
      effects: one for each key.
    """

    window: Window
    rows: int
    state: WindowState
    findings: tuple[Finding, ...] = ()
    distances: tuple[Finding, ...] = ()
    effects: tuple[FeatureEffect, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def cut(start: dt.datetime, end: dt.datetime, every: dt.timedelta) -> list[Window]:
    """The windows from `start` to `end`. Raises UsageError where the last would not end there."""
    count, rest = divmod(end - start, every)
    if rest:
        ends = " or ".join(_end(start, every, windows) for windows in (count, count + 1) if windows)
        raise UsageError(f"--every does not divide the time from --start to --end; end it at {ends}")
    return [Window(start + every * n, start + every * (n + 1)) for n in range(count)]


def _end(start: dt.datetime, every: dt.timedelta, windows: int) -> str:
    try:
        return (start + every * windows).isoformat()
    except OverflowError:
        return "no time that there is: make it shorter"


def judge(
    references: Iterable[Reference],
    statistics: Mapping[Space, Statistics],
    policy: Policy,
    span: dt.timedelta,
    start: dt.datetime | None = None,
) -> tuple[tuple[Finding, ...], tuple[Finding, ...], tuple[FeatureEffect, ...]]:
    """The findings, distances and effects of one window of length `span` from `start` on, in all spaces."""
    findings: list[Finding] = []
    distances: list[Finding] = []
    effects: list[FeatureEffect] = []
    references = list(references)
    policy = alarm_budget.for_window(policy, span, alarm_budget.comparisons(references, slices=False))
    for reference in references:
        # What training was augmented with is told once, and not of each window.
        plain = dataclasses.replace(reference, trained_on=None)
        comparison, results = examine(
            plain, statistics[reference.space], policy, Counter(), span, start=start
        )
        findings += comparison.findings
        distances += comparison.distances
        if results is not None:
            effects += _largest(_effects(results))
    return tuple(findings), tuple(distances), tuple(effects)


def series_of(windows: Sequence[WindowResult]) -> list[Series]:
    """What counted in these windows, by key; of the limits the last that held."""
    effects: dict[LimitKey, dict[int, FeatureEffect]] = {}
    for number, result in enumerate(windows):
        for effect in result.effects:
            effects.setdefault(effect.key, {})[number] = effect
    return [_series(key, by_window, len(windows)) for key, by_window in sorted(effects.items())]


def distances_of(windows: Sequence[WindowResult]) -> list[Series]:
    """TFDV's distances in these windows, by feature and name of the distance."""
    effects: dict[LimitKey, dict[int, FeatureEffect]] = {}
    for number, result in enumerate(windows):
        for finding in result.distances:
            if finding.distance is not None and finding.threshold:
                key, today = LimitKey(finding.space, finding.feature, finding.metric), finding.threshold
                effects.setdefault(key, {})[number] = FeatureEffect(key, finding.distance, True, today, today)
    return [_series(key, by_window, len(windows)) for key, by_window in sorted(effects.items())]


def _series(key: LimitKey, by_window: Mapping[int, FeatureEffect], windows: int) -> Series:
    values = [0.0] * windows
    for number, effect in by_window.items():
        values[number] = effect.value if effect.counts else 0.0
    today = min(effect.today for effect in by_window.values())
    return Series(key, today, max(effect.floor for effect in by_window.values()), tuple(values))


def _effects(results: TestResults) -> Iterator[FeatureEffect]:
    pair, space = results.pair, results.pair.reference.space
    for name, differences in results.differences.items():
        for difference in differences:
            key = LimitKey(space, name, LIMIT_OF[difference.metric])
            floor = results.least_effect(name, difference.metric)
            may = _may_alarm(results, key, decide.kind_of(difference.metric))
            yield FeatureEffect(
                key, difference.effect, results.is_beyond_chance(difference) and may, floor, floor
            )
        yield from _outside(results, name)
    grown, greatest_p = transformed_findings.growths(results)
    for growth in grown:
        key = LimitKey(space, growth.feature, LIMIT_OF[growth.metric])
        floor = transformed_findings.least_effect(pair, growth)
        counts = growth.p_value <= greatest_p and _may_alarm(results, key, growth.kind)
        yield FeatureEffect(key, growth.effect, counts, floor, floor)


def _outside(results: TestResults, name: str) -> Iterator[FeatureEffect]:
    """Values far outside training's range, or outside the schema's domain; the limit is that of `unseen`."""
    pair, key = results.pair, LimitKey(results.pair.reference.space, name, LIMIT_OF[UNSEEN_SHARE])
    floor = results.least_effect(name, UNSEEN_SHARE)
    is_tested = results.measured(name, UNSEEN_SHARE)
    outside = schema_findings.share_outside_domain(pair, name)
    if is_tested:  # values that training did not have are judged as what is unseen is
        outside = decide.known_outside(results, name) if outside else 0.0
    for value in (range_findings.far_out(pair, name), outside):
        if value > 0:
            yield FeatureEffect(key, value, _may_alarm(results, key, FindingKind.VALUES), floor, floor)


def _may_alarm(results: TestResults, key: LimitKey, kind: FindingKind) -> bool:
    """Whether a difference over its limit is an error: not ignored, not bounded, not for the user to say."""
    pair = results.pair
    bound = pair.policy.thresholds.features.get((Space(key.space), key.feature))
    if key.feature in pair.policy.ignore or (bound and bound.severity not in (None, Severity.ERROR)):
        return False
    return not decide.is_the_users(pair, key.feature, kind)


def _largest(effects: Iterable[FeatureEffect]) -> list[FeatureEffect]:
    """One effect for each key: the largest that counts, else the largest."""
    largest: dict[LimitKey, FeatureEffect] = {}
    for effect in effects:
        before = largest.get(effect.key)
        if before is None or (effect.counts, effect.value) > (before.counts, before.value):
            largest[effect.key] = effect
    return list(largest.values())
