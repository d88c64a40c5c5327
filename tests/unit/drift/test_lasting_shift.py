"""Windows that each lie off too little to count are found together; chance and days that differ are not."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.drift import Columns, day, reference, rides, statistics, summary_of

from trueserve.transforms.drift import lasting_shift, slow_drift, span_positions
from trueserve.transforms.drift.lasting_shift import Judged
from trueserve.transforms.runs import window_summary
from trueserve.transforms.runs.window_summary import SummaryKey, WindowSummary
from trueserve.transforms.verdict.feature_stats import views_by_feature
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import parse
from trueserve.transforms.verdict.variation import bins
from trueserve.transforms.verdict.variation.store import FeaturePeriods

DAY = dt.timedelta(days=1)
ROWS = 1_000


@pytest.fixture(scope="module")
def training() -> Reference:
    return reference(rides(20_000, 1))


def judged(against: Reference, columns: Columns, policy: Policy | None = None) -> Judged:
    return Judged([against], {Space.RAW: statistics(columns)}, policy or Policy(), DAY)


def windows(against: Reference, columns: Sequence[Columns]) -> list[WindowSummary]:
    *previous, now = [summary_of(against, served, day(number)) for number, served in enumerate(columns)]
    return slow_drift.comparable(now, previous)


def nights(count: int, moved: Callable[[int], dict[str, float]], seed: int = 500) -> list[Columns]:
    return [rides(ROWS, seed + number, **moved(number)) for number in range(count)]


def findings(against: Reference, columns: Sequence[Columns], policy: Policy | None = None) -> list[Finding]:
    return lasting_shift.findings(windows(against, columns), judged(against, columns[-1], policy))


def test_a_shift_that_lasts_is_found_before_eight_nights_and_each_night_alone_is_not(
    training: Reference,
) -> None:
    shifted = nights(6, lambda _: {"shift": 0.063})
    [finding] = findings(training, shifted)
    assert (finding.feature, finding.space, finding.kind) == ("speed", Space.RAW, FindingKind.DRIFT)
    assert (finding.metric, finding.severity) == ("lasting_shift", Severity.WARNING)
    assert "lie off on one side since 2013-0" in finding.message
    assert "a value of training lies below one served in 5" in finding.message
    assert findings(training, shifted[-1:]) == []


@pytest.mark.parametrize(
    ("moved", "feature", "part"),
    [
        ({"points": 0.035}, "carrier", "'AA' is 43."),
        ({"lost": 0.02}, "fuel", "of rows lack it, in training 9."),
    ],
)
def test_shares_and_missing_rows_are_looked_at_too(
    training: Reference, moved: dict[str, float], feature: str, part: str
) -> None:
    [finding] = findings(training, nights(10, lambda _: moved, seed=1_300))
    assert finding.feature == feature
    assert part in finding.message


def test_nights_without_a_shift_are_silent(training: Reference) -> None:
    """Of 100 nights 0.2 are expected; three would come once in 900 times."""
    columns = nights(100, lambda _: {}, seed=900)
    summaries = windows(training, columns)
    loud = 0
    for last in range(1, 101):
        judging = judged(training, columns[last - 1])
        loud += bool(lasting_shift.findings(summaries[:last], judging))
    assert loud < 3


def test_a_feature_that_few_rows_have_is_as_uncertain_as_those_rows() -> None:
    def sparse(rows: int, seed: int) -> Columns:
        random = np.random.default_rng(seed)
        speed = random.normal(50, 10, rows).astype(object)
        speed[random.random(rows) > 0.05] = None
        return {**rides(rows, seed), "speed": speed}

    against = reference(sparse(20_000, 77))
    loud = sum(
        any(f.feature == "speed" and "lack" not in f.message for f in findings(against, columns))
        for columns in ([sparse(ROWS, 100 * seed + night) for night in range(8)] for seed in range(6))
    )
    assert loud == 0


def test_what_this_window_shows_alone_is_told_by_its_own_finding(training: Reference) -> None:
    assert findings(training, nights(6, lambda _: {"shift": 0.5})) == []


def test_windows_of_other_lengths_and_those_that_overlap_are_left_out(training: Reference) -> None:
    summaries = windows(training, nights(6, lambda _: {}))
    hourly = dataclasses.replace(summaries[2], window=day(2, 1 / 24))
    again = dataclasses.replace(summaries[4], rows=7)
    lined = lasting_shift.consecutive([*summaries[:2], hourly, *summaries[3:5], again, summaries[5]], DAY)
    assert [summary.window for summary in lined] == [day(number) for number in (0, 1, 3, 4, 5)]
    assert lined[-2].rows == 7, "of a window that was run again the last run counts"


def test_an_ignored_feature_is_info_and_a_limit_lets_it_pass(training: Reference) -> None:
    shifted = nights(6, lambda _: {"shift": 0.063})
    [finding] = findings(training, shifted, Policy(ignore=frozenset({"speed"})))
    assert finding.severity is Severity.INFO
    assert findings(training, shifted, Policy(only=frozenset({"fuel"}))) == []
    limits = parse(b"format = 1\n[raw.speed]\ndistribution = 0.2", "t")
    assert findings(training, shifted, Policy(thresholds=limits)) == []


def test_where_days_of_training_differ_as_much_it_is_no_shift(training: Reference) -> None:
    shifted = nights(6, lambda _: {"shift": 0.063})
    cells = bins.of_statistics(training.statistics, ["speed"])["speed"]

    def with_days(spread: float) -> Reference:
        random = np.random.default_rng(3)
        counts = np.stack(
            [
                _counts(cells, rides(400, 40_000 + number, shift=spread * random.normal()))
                for number in range(90)
            ]
        )
        rows = np.full(90, 400.0)
        sums = np.zeros((90, 2))
        feature = FeaturePeriods(
            cells, np.arange(15_000, 15_090), rows, rows, counts, np.zeros((90, 0)), sums
        )
        return dataclasses.replace(training, variation={"day": {"speed": feature}})

    assert [f.feature for f in findings(with_days(0.0), shifted)] == ["speed"]
    assert findings(with_days(0.15), shifted) == []


def _counts(cells: bins.Bins, columns: Columns) -> np.ndarray[Any, Any]:
    cell = bins.cell_indices(cells.edges, np.asarray(columns["speed"], float))
    return np.bincount(cell, minlength=cells.size).astype(float)


def test_of_what_no_days_are_known_where_others_are_nothing_is_said(training: Reference) -> None:
    without = dataclasses.replace(training, variation={"day": {}})
    assert findings(without, nights(6, lambda _: {"shift": 0.063})) == []
    key = SummaryKey(Space.RAW, "speed", window_summary.RANK)
    view = views_by_feature(training.statistics)["speed"]
    assert span_positions.of({"day": {}}, key, view) is None
    known = span_positions.of(None, key, view)
    assert known is not None
    assert known.of_span(DAY).variance == 0
