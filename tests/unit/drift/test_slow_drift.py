"""Slow drift over many windows: found where no step shows it; no round of a week, no jump, no noise."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.drift import Columns, day, reference, rides, statistics, summary_of

from trueserve.transforms.drift import slow_drift, window_drift
from trueserve.transforms.drift.window_drift import Windows
from trueserve.transforms.runs.window_summary import SummaryKey, WindowSummary
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.variation import bins
from trueserve.transforms.verdict.variation.store import FeaturePeriods

ROWS, WINDOWS = 2000, 12
#: How much busier each day of a week is, from Monday on.
WEEK = (0.0, 0.05, 0.1, 0.15, 0.2, 0.6, 0.5)


@pytest.fixture(scope="module")
def training() -> Reference:
    return reference(rides(6000, 1))


def windows(against: Reference, columns: Sequence[Columns]) -> list[WindowSummary]:
    return [summary_of(against, served, day(number)) for number, served in enumerate(columns)]


def slow(against: Reference, columns: Sequence[Columns], policy: Policy | None = None) -> list[Finding]:
    *previous, now = windows(against, columns)
    return slow_drift.findings(slow_drift.comparable(now, previous), [against], policy or Policy())


def steps(against: Reference, columns: Sequence[Columns]) -> list[list[Finding]]:
    """What each window's comparison with the one before says."""
    known = [statistics(served) for served in columns]
    return [
        window_drift.findings(Windows(against, previous, now, ("a", "b"), Policy()))
        for previous, now in itertools.pairwise(known)
    ]


def days(moved: Callable[[int], dict[str, float]], count: int = WINDOWS, seed: int = 100) -> list[Columns]:
    return [rides(ROWS, seed + number, **moved(number)) for number in range(count)]


def test_small_steps_that_add_up_are_found_and_no_step_is(training: Reference) -> None:
    creeping = days(lambda at: {"shift": 0.02 * at})
    assert not any(steps(training, creeping))
    [finding] = slow(training, creeping)
    assert (finding.feature, finding.space, finding.kind) == ("speed", Space.RAW, FindingKind.DRIFT)
    assert (finding.metric, finding.severity, finding.threshold) == ("slow_drift", Severity.WARNING, 0.025)
    assert finding.distance == pytest.approx(
        0.22 * 0.28, abs=0.02
    )  # of two normal values 1 deviation apart 0.76
    assert finding.p_value is not None
    assert finding.p_value < 0.001
    assert finding.message.startswith("moved a little each time over 12 windows since 2013-06-01: ")


def test_what_days_of_training_do_is_no_drift(training: Reference) -> None:
    creeping = days(lambda at: {"shift": 0.02 * at})
    cells = bins.of_statistics(training.statistics, ["speed"])["speed"]

    def counted(served: Columns) -> np.ndarray[Any, Any]:
        cell = bins.cell_indices(cells.edges, np.asarray(served["speed"], float))
        return np.bincount(cell, minlength=cells.size)

    def with_days(deviation: float) -> Reference:
        random, rows = np.random.default_rng(3), np.full(90, 400.0)
        served = [rides(400, 40_000 + number, shift=deviation * random.normal()) for number in range(90)]
        counts, nothing = np.stack([counted(columns) for columns in served]), np.zeros((90, 0))
        numbers = np.arange(15_000, 15_090)
        of_days = FeaturePeriods(cells, numbers, rows, rows, counts, nothing, np.zeros((90, 2)))
        return dataclasses.replace(training, variation={"day": {"speed": of_days}})

    assert [finding.feature for finding in slow(with_days(0.0), creeping)] == ["speed"]
    assert slow(with_days(0.15), creeping) == []


def test_shares_and_missing_rows_creep_too(training: Reference) -> None:
    creeping = days(lambda at: {"points": 0.008 * at, "lost": 0.006 * at}, count=14)
    assert not any(steps(training, creeping))
    findings = {finding.feature: finding for finding in slow(training, creeping)}
    assert findings.keys() == {"carrier", "fuel"}
    assert "the share of 'AA' went from " in findings["carrier"].message
    assert "missing rows went from " in findings["fuel"].message
    assert findings["fuel"].threshold == 0.01


def test_unchanged_windows_give_nothing(training: Reference) -> None:
    for seed in (200, 300, 400):
        assert not slow(training, days(lambda _: {}, count=20, seed=seed))


@pytest.mark.parametrize("count", [6, 7, 12, 14, 20, 31])
def test_a_week_is_no_trend_wherever_it_begins(count: int) -> None:
    random = np.random.default_rng(count)
    rank_key = SummaryKey(Space.RAW, "x", "rank")
    for first in range(7):
        values = [WEEK[(first + at) % 7] - 0.3 + random.normal(0, 0.002) for at in range(count)]
        series = [WindowSummary(day(at), "b", 1, {rank_key: value}) for at, value in enumerate(values)]
        assert not list(slow_drift.trends(series, slow_drift.FALSE_TRENDS))


def test_a_week_in_rows_is_no_slow_drift(training: Reference) -> None:
    assert not slow(training, days(lambda at: {"shift": WEEK[at % 7]}, count=13))


def test_a_trend_under_a_week_is_found() -> None:
    rank_key = SummaryKey(Space.RAW, "x", "rank")
    values = [0.01 * at + 0.2 * WEEK[at % 7] for at in range(30)]
    series = [WindowSummary(day(at), "b", 1, {rank_key: value}) for at, value in enumerate(values)]
    [trend] = slow_drift.trends(series, slow_drift.FALSE_TRENDS)
    assert trend.line.total == pytest.approx(0.29, rel=0.15)


@pytest.mark.parametrize("at", [3, 6, 9])
def test_a_jump_is_told_as_a_step_and_not_as_slow(training: Reference, at: int) -> None:
    jump = days(lambda number: {"shift": 0.5 if number >= at else 0.0})
    features = [[finding.feature for finding in findings] for findings in steps(training, jump)]
    assert features == [["speed"] if number == at - 1 else [] for number in range(WINDOWS - 1)]
    assert not slow(training, jump)


def test_a_jump_in_the_middle_of_a_long_history_is_not_slow() -> None:
    rank_key = SummaryKey(Space.RAW, "x", "rank")
    random = np.random.default_rng(3)
    values = [(0.06 if at >= 15 else 0.0) + random.normal(0, 0.003) for at in range(31)]
    series = [WindowSummary(day(at), "b", 1, {rank_key: value}) for at, value in enumerate(values)]
    assert not list(slow_drift.trends(series, slow_drift.FALSE_TRENDS))


def line(count: int, rise: float, places: Sequence[SummaryKey], baseline: str = "b") -> list[WindowSummary]:
    return [WindowSummary(day(at), baseline, 1, dict.fromkeys(places, rise * at)) for at in range(count)]


RANK = SummaryKey(Space.RAW, "x", "rank")


def test_another_model_begins_the_history_of_predictions_anew_and_of_nothing_else() -> None:
    places = [RANK, SummaryKey(Space.PREDICTION, "y", "rank")]
    before = [dataclasses.replace(summary, model="old") for summary in line(9, 0.05, places)]
    [*previous, now] = before
    same = slow_drift.comparable(now, previous)
    assert {trend.key for trend in slow_drift.trends(same, slow_drift.FALSE_TRENDS)} == set(places)
    lined = slow_drift.comparable(dataclasses.replace(now, model="new"), previous)
    assert len(lined) == 9
    assert [trend.key for trend in slow_drift.trends(lined, slow_drift.FALSE_TRENDS)] == [RANK]


def test_eight_windows_are_needed_at_least() -> None:
    assert not list(slow_drift.trends(line(7, 0.05, [RANK]), 0.05))
    assert list(slow_drift.trends(line(8, 0.05, [RANK]), slow_drift.FALSE_TRENDS))


def test_what_is_beyond_chance_must_come_to_as_much_as_matters() -> None:
    assert not list(slow_drift.trends(line(20, 0.001, [RANK]), 0.002))
    assert list(slow_drift.trends(line(20, 0.0015, [RANK]), 0.002))


def test_among_many_features_a_trend_must_be_surer() -> None:
    random = np.random.default_rng(4)
    places = [SummaryKey(Space.RAW, f"f{number}", "rank") for number in range(1000)]
    noise = random.normal(0, 0.05, (15, 1000))
    series = [
        WindowSummary(day(at), "b", 1, dict(zip(places, row.tolist(), strict=True)))
        for at, row in enumerate(noise)
    ]
    # Alone, one in twenty of them would be beyond chance at this rate.
    assert not list(slow_drift.trends(series, 0.05))
    creeping = [
        dataclasses.replace(summary, values={**summary.values, RANK: 0.01 * at})
        for at, summary in enumerate(series)
    ]
    assert [trend.key for trend in slow_drift.trends(creeping, slow_drift.FALSE_TRENDS)] == [RANK]


def test_what_never_changes_weakens_no_test() -> None:
    still = [SummaryKey(Space.RAW, f"f{number}", "missing") for number in range(1000)]
    series = [
        dataclasses.replace(summary, values={**summary.values, **dict.fromkeys(still, 0.0)})
        for summary in line(9, 0.01, [RANK])
    ]
    assert [trend.key for trend in slow_drift.trends(series, slow_drift.FALSE_TRENDS)] == [RANK]


def test_windows_of_another_baseline_are_left_out_and_order_does_not_matter() -> None:
    *previous, now = line(10, 0.01, [RANK])
    others = line(9, -0.02, [RANK], baseline="other")
    assert slow_drift.comparable(now, [*previous[::-1], *others]) == [*previous, now]


def test_a_feature_that_some_windows_lack_is_judged_by_the_others() -> None:
    other = SummaryKey(Space.RAW, "y", "rank")
    series = line(12, 0.01, [RANK, other])
    series = [
        dataclasses.replace(summary, values={RANK: summary.values[RANK]}) if at in (0, 4) else summary
        for at, summary in enumerate(series)
    ]
    trends = {trend.key: trend for trend in slow_drift.trends(series, 0.002)}
    assert (trends[RANK].windows, trends[other].windows) == (12, 10)
    assert trends[other].first == day(1)


def test_a_feature_is_told_once_by_what_moved_most(training: Reference) -> None:
    share = [SummaryKey(Space.RAW, "carrier", "share", number) for number in range(4)]
    rises = dict(zip(share, (0.01, -0.006, -0.003, -0.001), strict=True))
    series = [
        WindowSummary(day(at), "b", 1, {key: 0.4 + rise * at for key, rise in rises.items()})
        for at in range(12)
    ]
    [finding] = slow_drift.findings(series, [training], Policy())
    assert "the share of 'AA' went from 40.0 % to 51.0 %" in finding.message
    [ignored] = slow_drift.findings(series, [training], Policy(ignore=frozenset({"carrier"})))
    assert (ignored.severity, ignored.message.endswith("(ignored)")) == (Severity.INFO, True)


def test_a_window_without_bounds_has_no_history() -> None:
    *previous, now = line(12, 0.01, [RANK])
    unbounded = dataclasses.replace(now, window=dataclasses.replace(now.window, end=None))
    assert not list(slow_drift.trends([*previous, unbounded], 0.002))
