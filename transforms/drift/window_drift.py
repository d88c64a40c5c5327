"""How a window differs from an earlier one, apart from training: the same evidence, the earlier window in
training's place.

What the schema, the readers and the ranges say of the rows is not said again: only differences of values, of
missing rows, of new values and of lengths. They have a family of tests of their own, so that asking for them
weakens no test against training.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs import window_summary
from trueserve.transforms.verdict.diagnosis import diagnose, fitting
from trueserve.transforms.verdict.evidence import wording
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.evidence.unseen_mass import may_be_named
from trueserve.transforms.verdict.feature_stats import Statistics, View, dataset, views_by_feature
from trueserve.transforms.verdict.model import Diagnosis, Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair, Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import TestResults
from trueserve.transforms.verdict.wording import number, percent, quoted

OTHERS = "(others)"
_MISSING_METRIC = "missing_share_difference"
_KINDS = {MISSING: FindingKind.PRESENCE, UNSEEN_SHARE: FindingKind.VALUES}


@dataclasses.dataclass(frozen=True)
class Windows:
    """Two windows of one space.

    Attributes:
      reference: the training side of that space.
      previous, current: statistics of the rows served in either window.
      spans: what the windows are called in a sentence (`span`).
      length: how long this window lasts, None where that is not known.
      start, previous_start: when this window and the earlier one began, likewise.
    """

    reference: Reference
    previous: Statistics
    current: Statistics
    spans: tuple[str, str]
    policy: Policy
    length: dt.timedelta | None = None
    start: dt.datetime | None = None
    previous_start: dt.datetime | None = None

    @cached_property
    def pair(self) -> ComparedPair:
        """The earlier window in training's place.

        What `Reference` knows of how training's days vary comes along with it: two windows are compared with
        windows of training that follow one another.
        """
        previous = _with_all(self.previous, self.current)
        reference = dataclasses.replace(self.reference, statistics=previous, trained_on=None)
        return ComparedPair(
            reference,
            self.policy,
            self.current,
            Counter(),
            self.length,
            between_windows=True,
            start=self.start,
            previous_start=self.previous_start,
        )

    @cached_property
    def test_results(self) -> TestResults:
        names = list(window_summary.comparable(self.pair))
        names = [name for name in names if self.pair.is_wanted(name)]
        there = tuple(name for name in names if name in self.pair.serving)
        return TestResults(self.pair, there, tuple(name for name in names if name not in self.pair.serving))

    def is_back(self, name: str, metric: str) -> bool:
        """Whether the earlier window was off from training in this metric, and this one at most half so."""
        (was_off, before), (is_off, after) = (
            _distance_from_training(results, name, metric) for results in self._of_training
        )
        return was_off and not is_off and after <= before / 2

    @cached_property
    def training(self) -> dict[str, View]:
        return views_by_feature(self.reference.statistics)

    @cached_property
    def _of_training(self) -> tuple[TestResults, ...]:
        """Both windows beside training, all features together: a feature alone would count sooner."""
        both = ((self.previous, self.previous_start), (self.current, self.start))
        return tuple(
            self._judged(
                ComparedPair(self.reference, self.policy, statistics, Counter(), self.length, start=start)
            )
            for statistics, start in both
        )

    def _judged(self, pair: ComparedPair) -> TestResults:
        names = [
            name for name in (*self.test_results.names, *self.test_results.present) if name in pair.training
        ]
        there = tuple(name for name in names if name in pair.serving)
        return TestResults(pair, there, tuple(name for name in names if name not in pair.serving))


def findings(windows: Windows) -> list[Finding]:
    """What moved since the earlier window, beyond chance and by as much as matters; a warning each.

    What comes back to training is info: it was the earlier window that was off.
    """
    if not dataset(windows.previous).num_examples or not dataset(windows.current).num_examples:
        return []
    differences = list(_differences(windows))
    # Causes are looked for in errors of the kinds that differences have.
    causes = diagnose.diagnosed(windows.pair, differences)
    return [
        _drift(windows, finding, cause.diagnosis) for finding, cause in zip(differences, causes, strict=True)
    ]


def _differences(windows: Windows) -> Iterator[Finding]:
    """As errors of the kinds that such differences from training have, one for each feature and kind."""
    results = windows.test_results
    for name, differences in results.differences.items():
        counting = [difference for difference in differences if results.counts(name, difference)]
        for kind, difference in {
            _KINDS.get(difference.metric, FindingKind.DISTRIBUTION): difference
            for difference in counting[::-1]
        }.items():
            yield Finding(
                feature=name,
                space=windows.reference.space,
                kind=kind,
                severity=Severity.ERROR,
                metric=_MISSING_METRIC if difference.metric == MISSING else difference.metric,
                message=f"since {windows.spans[0]}: {_message(windows, name, difference)}",
                distance=difference.effect,
                threshold=results.least_effect(name, difference.metric),
                evidence=results.evidence(name, difference),
                p_value=difference.p_value,
                raw_features=windows.pair.raw_features(name),
            )


def _drift(windows: Windows, finding: Finding, cause: Diagnosis | None) -> Finding:
    level, message = Severity.WARNING, finding.message
    metric = MISSING if finding.metric == _MISSING_METRIC else finding.metric
    if windows.is_back(finding.feature, metric):
        level, message = Severity.INFO, f"{message}; it is back to what training has"
    if finding.feature in windows.policy.ignore:
        level, message = Severity.INFO, f"{message} (ignored)"
    if cause is not None and cause.cause == fitting.UNKNOWN:
        cause = None
    if cause is not None:
        evidence = f"with {windows.spans[0]} for training: {cause.evidence}"
        cause = dataclasses.replace(cause, evidence=evidence)
    return dataclasses.replace(
        finding, kind=FindingKind.DRIFT, severity=level, message=message, diagnosis=cause
    )


def _distance_from_training(results: TestResults, name: str, metric: str) -> tuple[bool, float]:
    """Whether a window is off from training in one metric, and how far."""
    effects = [
        difference.effect for difference in results.differences.get(name, ()) if difference.metric == metric
    ]
    return bool(results.of(name, metric)), max(effects, default=0.0)


def _message(windows: Windows, name: str, difference: FeatureDifference) -> str:
    _, before, after = difference.parts[0] if difference.parts else ("", 0.0, 0.0)
    if difference.metric == MISSING:
        return f"missing in {percent(before)} of rows then, in {percent(after)} now ({windows.spans[1]})"
    if difference.metric == UNSEEN_SHARE:
        return f"values that were not there then are {percent(after)} now ({windows.spans[1]})"
    least = number(windows.test_results.least_effect(name, difference.metric))
    far = f"{wording.distance(difference)} is over {least} and beyond chance ({_p_value(difference)})"
    moved = (
        [f"{_label(windows, name, difference)}: {percent(before)} then, {percent(after)} now"]
        if difference.parts
        else []
    )
    medians = [_medians(windows, name)] if difference.metric == KOLMOGOROV else []
    return f"{'; '.join([*medians, *moved])} ({windows.spans[1]}); {far}"


def _p_value(difference: FeatureDifference) -> str:
    return f"p {difference.p_value:.1e}" if difference.p_value >= 1e-12 else "p below 1e-12"


def _medians(windows: Windows, name: str) -> str:
    pair = windows.pair
    return f"median {number(pair.training[name].median())}, now {number(pair.serving[name].median())}"


def _label(windows: Windows, name: str, difference: FeatureDifference) -> str:
    """What moved most: a range of numbers as it is, a category's value only if it may be named."""
    label = difference.parts[0][0]
    if difference.metric != VARIATION or label == OTHERS:
        return label.strip("()")
    training = windows.training.get(name)
    pair = (windows.pair.training[name], windows.pair.serving[name])
    rows = max(side.rows_at_least(label, side.counts()[label]) for side in pair)
    known = training.counts() if training is not None else {}
    return quoted(label) if may_be_named(label, known, rows) else "a rare value"


def _with_all(previous: Statistics, current: Statistics) -> Statistics:
    """The earlier statistics, with the features that no row had then as missing in all of them."""
    previous_data = dataset(previous)
    known = views_by_feature(previous).keys()
    absent = [feature for feature in dataset(current).features if View(feature, 0).name not in known]
    if not absent:
        return previous
    completed = statistics_pb2.DatasetFeatureStatistics()
    completed.CopyFrom(previous_data)
    for feature in absent:
        added = completed.features.add(name=feature.name, type=feature.type)
        added.path.CopyFrom(feature.path)
        added.num_stats.common_stats.num_missing = previous_data.num_examples
    return Statistics(datasets=[completed])


def span(window: Window, otherwise: str) -> str:
    """A window as `--window` takes it: `2013-07-13`, `2013-07-13T05`, `2013-07-13 to 2013-07-16`.

    `otherwise` where it has no start and no end.
    """
    start, end = window.start, window.end
    if start is None or end is None:
        known = [f"from {_moment(start)}"] if start else [f"up to {_moment(end)}"] if end else []
        return known[0] if known else otherwise
    if end - start == dt.timedelta(days=1) and start.time() == dt.time():
        return _moment(start)
    if end - start == dt.timedelta(hours=1) and start.minute == start.second == start.microsecond == 0:
        return f"{start:%Y-%m-%dT%H}"
    return f"{_moment(start)} to {_moment(end)}"


def _moment(time: dt.datetime | None) -> str:
    if time is None:
        return ""
    plain = time.astimezone(dt.UTC).replace(tzinfo=None)
    return plain.date().isoformat() if plain.time() == dt.time() else plain.isoformat()
