"""How far each feature was off in a window, and what of it counts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from support import hand_made
from support.hand_made import about
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.backtesting import judging
from trueserve.transforms.backtesting.judging import FeatureEffect, WindowResult, WindowState
from trueserve.transforms.backtesting.suggest import LimitKey, Series
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import Override, Thresholds

START = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KEY, OTHER = LimitKey("raw", "x", "distribution"), LimitKey("raw", "w", "missing")


def effect(key: LimitKey, value: float, counts: bool = True, today: float = 0.1, floor: float = 0.1) -> Any:
    return FeatureEffect(key, value, counts, today, floor)


def window(*effects: FeatureEffect, distances: Any = (), findings: Any = ()) -> WindowResult:
    state = WindowState.JUDGED
    return WindowResult(Window(START, START + DAY), 9, state, findings, tuple(distances), effects)


def finding(severity: Severity, distance: float | None = None, threshold: float | None = None) -> Finding:
    kind = FindingKind.DISTRIBUTION
    return Finding("x", Space.RAW, kind, severity, "jsd", "moved", distance=distance, threshold=threshold)


def test_the_errors_of_a_window_are_no_warnings() -> None:
    findings = tuple(finding(severity) for severity in Severity)
    assert window(findings=findings).errors == (finding(Severity.ERROR),)


def test_a_time_is_cut_into_whole_windows() -> None:
    assert judging.cut(START, START + 2 * DAY, DAY) == [
        Window(START, START + DAY),
        Window(START + DAY, START + 2 * DAY),
    ]
    with pytest.raises(UsageError) as error:
        judging.cut(START, START + 1.5 * DAY, DAY)
    assert str(error.value) == (
        "--every does not divide the time from --start to --end; end it at 2013-02-02T00:00:00+00:00 or"
        " 2013-02-03T00:00:00+00:00"
    )
    with pytest.raises(UsageError, match="end it at no time that there is: make it shorter"):
        judging.cut(START, START + DAY, dt.timedelta(days=3_000_000))


def test_a_series_has_a_value_for_each_window_and_0_where_none_counts() -> None:
    windows = [
        window(effect(KEY, 0.5, today=0.3, floor=0.05)),
        window(),
        window(effect(KEY, 0.7, counts=False, today=0.2, floor=0.06), effect(OTHER, 0.9)),
    ]
    assert judging.series_of(windows) == [
        Series(OTHER, 0.1, 0.1, (0.0, 0.0, 0.9)),
        Series(KEY, 0.2, 0.06, (0.5, 0.0, 0.0)),
    ]


def test_distances_with_a_threshold_are_a_series() -> None:
    windows = [
        window(distances=[finding(Severity.INFO, 0.2, 0.1)]),
        window(distances=[finding(Severity.INFO, None, 0.1), finding(Severity.INFO, 0.4, None)]),
        window(distances=[finding(Severity.INFO, 0.0, 0.1)]),
        window(distances=[finding(Severity.INFO, 0.3, 0.0)]),
    ]
    assert judging.distances_of(windows) == [Series(LimitKey("raw", "x", "jsd"), 0.1, 0.1, (0.2, 0, 0, 0))]


ROWS = 5000


def number(low: float, nans: int = 0, values: int = ROWS) -> Any:
    """`low` of the values are uniform on 0 to 5, the others on 5 to 10."""
    buckets = [(0.0, 5.0, low), (5.0, 10.0, values - nans - low)]
    made = hand_made.number("x", values, buckets=buckets, quantiles=buckets, nans=nans)
    made.num_stats.min, made.num_stats.max, made.num_stats.median = 0.0, 10.0, 5.0
    return made


def category(a: int, b: int, z: int = 0, present: int | None = None) -> Any:
    counts = {name: n for name, n in {"a": a, "b": b, "z": z}.items() if n}
    return hand_made.category("w", counts, present=present)


def against(**changes: Any) -> Reference:
    domain = schema_pb2.StringDomain(value=["a", "b"])
    schema = hand_made.schema(
        schema_pb2.Feature(name="x", type=schema_pb2.FLOAT),
        schema_pb2.Feature(name="w", type=schema_pb2.BYTES, string_domain=domain),
    )
    plain = Reference(schema, hand_made.statistics(ROWS, number(2500), category(2500, 2500)), Space.RAW)
    return dataclasses.replace(plain, **changes)


def judged(*served: Any, policy: Policy | None = None, rows: int = ROWS) -> dict[LimitKey, FeatureEffect]:
    statistics = {Space.RAW: hand_made.statistics(rows, *served)}
    _, _, effects = judging.judge([against()], statistics, policy or Policy(), DAY)
    assert len({effect.key for effect in effects}) == len(effects)
    return {effect.key: effect for effect in effects}


def test_what_is_beyond_chance_counts() -> None:
    calm = judged(number(2520), category(2500, 2500))
    assert (calm[KEY].counts, calm[KEY].today, calm[KEY].floor) == (False, 0.025, 0.025)
    moved = judged(number(3500), category(2500, 2500))[KEY]
    assert (moved.counts, moved.value) == (True, about(0.2, abs=0.01))


def test_missing_rows_and_values_never_seen_have_limits_of_their_own() -> None:
    effects = judged(number(2500), category(2000, 2000, 500))
    missing, new_values = effects[OTHER], effects[LimitKey("raw", "w", "unseen")]
    assert (missing.counts, missing.value, missing.floor) == (True, about(0.1), 0.01)
    assert (new_values.counts, new_values.floor) == (True, 0.01)
    assert new_values.value == pytest.approx(500 / 4500, abs=0.01)


def test_what_is_no_number_counts_where_it_grew() -> None:
    key = LimitKey("raw", "x", "not_finite")
    grown = judged(number(2250, nans=500), category(2500, 2500))[key]
    assert (grown.counts, grown.value, grown.floor) == (True, about(0.1), 0.01)
    assert judged(number(2500, nans=1), category(2500, 2500))[key].counts is False
    assert key not in judged(number(2500), category(2500, 2500))


def policies(**bound: Any) -> Mapping[str, Policy]:
    features = {(Space.RAW, "x"): Override(**bound), (Space.RAW, "w"): Override(**bound)}
    return {
        "ignored": Policy(ignore=frozenset({"x", "w"})),
        "warned of": Policy(thresholds=Thresholds(features=features)),
    }


@pytest.mark.parametrize("name", ["ignored", "warned of"])
def test_what_the_user_has_silenced_does_not_count(name: str) -> None:
    policy = policies(severity=Severity.WARNING)[name]
    effects = judged(number(3000, nans=500), category(2000, 2000, 500), policy=policy)
    assert len(effects) >= 4
    assert not any(effect.counts for effect in effects.values())


def test_an_error_that_the_user_confirms_counts() -> None:
    policy = policies(severity=Severity.ERROR)["warned of"]
    assert judged(number(3500), category(2500, 2500), policy=policy)[KEY].counts
    policy = policies(limits={"distribution": 0.3})["warned of"]
    limited = judged(number(3500), category(2500, 2500), policy=policy)[KEY]
    assert (limited.counts, limited.floor) == (True, 0.3)


def test_the_users_own_distance_decides_of_distributions_alone() -> None:
    effects = judged(number(3500, nans=500), category(2000, 2000, 500), policy=Policy(jsd=0.5))
    assert effects[KEY].counts is False
    assert effects[OTHER].counts is True
    assert effects[LimitKey("raw", "x", "not_finite")].counts is True


def test_values_far_outside_are_held_against_the_limit_of_the_unseen() -> None:
    key = LimitKey("raw", "x", "unseen")
    far = number(2500)
    for histogram in far.num_stats.histograms:
        histogram.buckets[1].sample_count -= 100
        histogram.buckets.add(low_value=1000, high_value=2000, sample_count=100)
    outside = judged(far, category(2500, 2500))[key]
    assert (outside.counts, outside.value, outside.floor) == (True, 0.02, 0.01)
    assert key not in judged(number(2500), category(2500, 2500))


def test_what_training_was_augmented_with_is_no_finding_of_a_window() -> None:
    wide = number(2500)
    wide.num_stats.std_dev = 9.0
    reference = against(trained_on=hand_made.statistics(ROWS, wide, category(2500, 2500)))
    statistics = {Space.RAW: hand_made.statistics(ROWS, number(2500), category(2500, 2500))}
    findings, distances, _ = judging.judge([reference], statistics, Policy(), DAY)
    assert [finding.metric for finding in findings if finding.metric == "augmentation_spread"] == []
    assert {distance.feature for distance in distances} == {"x", "w"}


def test_of_several_effects_of_a_limit_the_largest_that_counts_is_kept() -> None:
    first, second, third = effect(KEY, 0.9, counts=False), effect(KEY, 0.2), effect(KEY, 0.3)
    for order in ([first, second, third], [third, second, first]):
        assert judging._largest(order) == [third]
    assert judging._largest([first, effect(KEY, 0.9, counts=False, today=0.7)]) == [first]
