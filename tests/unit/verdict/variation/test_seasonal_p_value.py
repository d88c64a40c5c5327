"""A window is held against days and weeks of training."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faults import statistics
from support.variation import ROWS, counted, lists, rows
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.model import Finding, Severity, Space
from trueserve.transforms.verdict.variation import seasonal_p_value, store, tails

Array = np.ndarray[Any, Any]


def with_numbers(batch: pa.RecordBatch, name: str, values: Array) -> pa.RecordBatch:
    columns = {other: batch.column(i) for i, other in enumerate(batch.schema.names)}
    return pa.RecordBatch.from_pydict(columns | {name: lists(values.tolist(), pa.float32())})


def schema() -> schema_pb2.Schema:
    new_schema = schema_pb2.Schema()
    kinds = {
        "x": schema_pb2.FLOAT,
        "steady": schema_pb2.FLOAT,
        "word": schema_pb2.BYTES,
        "list": schema_pb2.INT,
    }
    for name, kind in kinds.items():
        new_schema.feature.add(name=name, type=kind)
    return new_schema


@pytest.fixture(scope="module")
def baseline() -> Reference:
    batch, time = rows(1, 60)
    against = Reference(schema(), statistics(batch), Space.RAW)
    return dataclasses.replace(against, variation=store.of_counts(counted(batch, time)))


def findings_by_feature(
    against: Reference, batch: pa.RecordBatch, span: dt.timedelta | None = None
) -> dict[str, Finding]:
    served = statistics(batch, against)
    findings = compare(against, served, Policy(), Counter(), span).findings
    return {finding.feature: finding for finding in reversed(findings)}


def errors(findings: dict[str, Finding]) -> set[str]:
    return {name for name, finding in findings.items() if finding.severity is Severity.ERROR}


def test_a_day_like_others_is_no_error_though_chance_does_not_explain_it(baseline: Reference) -> None:
    batch, _ = rows(100, 1, wander=0.0)
    moved = with_numbers(batch, "x", np.random.default_rng(1).normal(0.4, 1, ROWS))
    plain = dataclasses.replace(baseline, variation=None)
    assert errors(findings_by_feature(plain, moved)) == {"x"}
    findings = findings_by_feature(baseline, moved, dt.timedelta(days=1))
    assert errors(findings) == set()
    finding = findings["x"]
    assert finding.severity is Severity.INFO
    assert finding.evidence is not None
    assert finding.evidence.seasonal is not None
    assert (finding.evidence.seasonal.unit, finding.evidence.seasonal.length) == ("day", 1)
    assert finding.evidence.large_enough
    assert not finding.evidence.beyond_chance
    assert "no more than training's days differ" in finding.message


def test_days_are_held_against_all_values_though_the_others_alone_moved() -> None:
    def mostly_zero(seed: int, count: int) -> Array:
        random = np.random.default_rng(seed)
        return np.where(random.random(count) < 0.8, 0.0, random.lognormal(0, 1, count))

    batch, time = rows(1, 60)
    batch = with_numbers(batch, "x", mostly_zero(1, 60 * ROWS))
    served, _ = rows(2, 20)
    served = with_numbers(served, "x", 1.5 * mostly_zero(2, 20 * ROWS))
    against = Reference(
        schema(), statistics(batch), Space.RAW, variation=store.of_counts(counted(batch, time))
    )
    finding = findings_by_feature(against, served, dt.timedelta(days=20))["x"]
    assert finding.evidence is not None
    assert finding.evidence.seasonal is not None
    assert finding.distance is not None
    assert finding.distance > 0.08
    # A day's distance is that of all its values.
    assert finding.evidence.seasonal.distance == pytest.approx(0.2 * 0.16, abs=0.01)


def test_a_day_like_no_other_is_an_error(baseline: Reference) -> None:
    batch, _ = rows(101, 1, wander=0.0)
    random = np.random.default_rng(2)
    for name, values in {"x": random.normal(3, 1, ROWS), "steady": random.normal(0.5, 1, ROWS)}.items():
        moved = with_numbers(batch, name, values)
        assert name in errors(findings_by_feature(baseline, moved, dt.timedelta(days=1))), name


def test_days_of_the_kind_of_training_are_seldom_an_error(baseline: Reference) -> None:
    alarms = 0
    for seed in range(200, 260):
        batch, _ = rows(seed, 1)
        alarms += bool(errors(findings_by_feature(baseline, batch, dt.timedelta(days=1))))
    assert alarms <= 2
    plain = dataclasses.replace(baseline, variation=None)
    assert sum(bool(errors(findings_by_feature(plain, rows(seed, 1)[0]))) for seed in range(200, 220)) >= 8


def test_a_week_is_held_against_weeks_too_and_so_closer(baseline: Reference) -> None:
    assert baseline.variation is not None
    x = baseline.variation["day"]["x"]
    days, weeks = tails.of_values(x, 7)
    assert days.median > weeks.median > 0
    assert weeks.independent < days.independent
    assert tails.probability([days, weeks], 0.3) <= tails.probability([days], 0.3)
    assert tails.of_values(x, 1)[0].distances.tolist() == days.distances.tolist()


def test_a_window_is_as_long_as_hours_or_days() -> None:
    spans = {None: ("day", 1), dt.timedelta(): ("day", 1), dt.timedelta(hours=1): ("hour", 1)}
    spans |= {
        dt.timedelta(hours=6): ("hour", 6),
        dt.timedelta(hours=23): ("day", 1),
        dt.timedelta(days=7): ("day", 7),
    }
    for span, periods in spans.items():
        assert seasonal_p_value.periods_of(span) == periods


@given(st.floats(0.01, 1), st.floats(1, 60), st.floats(1, 60))
@settings(max_examples=100)
def test_the_division_is_an_upper_bound_near_the_least_sum(
    distance: float, steep: float, sharp: float
) -> None:
    def nature(part: float) -> float:
        return float(np.exp(-steep * part))

    def sampling(part: float) -> float:
        return float(np.exp(-sharp * (part * distance) ** 2))

    bound = seasonal_p_value.divided(nature, sampling, distance)
    grid = np.linspace(0, 1, 2001)
    least = min(nature(p * distance) + sampling(1 - p) for p in grid)
    assert bound >= 0.999 * min(least, 1.0)
    assert bound <= min(2.2 * least + 1e-9, 1.0)


def test_the_time_feature_is_never_compared() -> None:
    batch, _ = rows(9, 6)
    against = Reference(schema(), statistics(batch), Space.RAW, time_feature="x")
    moved = with_numbers(batch, "x", np.full(batch.num_rows, 1e6))
    result = compare(against, statistics(moved, against), Policy(), Counter())
    assert [entry.reason for entry in result.not_compared if entry.feature == "x"] == ["holds the row's time"]
    assert not [finding for finding in result.findings if finding.feature == "x"]


def test_numbers_that_are_none_are_no_days_business() -> None:
    """NaN lies in no cell of a day, so that days say nothing of how often it comes."""
    batch, time = rows(10, 30)
    wide = schema()
    against = Reference(wide, statistics(batch), Space.TRANSFORMED)
    against = dataclasses.replace(against, variation=store.of_counts(counted(batch, time)))
    values = np.random.default_rng(3).normal(0, 1, ROWS)
    values[: ROWS // 10] = np.nan
    findings = compare(
        against,
        statistics(with_numbers(rows(11, 1, wander=0.0)[0], "steady", values), against),
        Policy(),
        Counter(),
        dt.timedelta(days=1),
    ).findings
    assert ("steady", Severity.ERROR) in [
        (finding.feature, finding.severity) for finding in findings if finding.metric == "not_finite"
    ]


def test_a_day_without_a_single_number_leaves_the_others_as_they_are() -> None:
    batch, time = rows(12, 20)
    values = np.array([row[0] for row in batch.column(0).to_pylist()])
    values[:ROWS] = np.nan
    variation = store.of_counts(counted(with_numbers(batch, "x", values), time))["day"]["x"]
    period_tails, distance = tails.of_moment(variation, 1, tails.mean, 100.0)
    assert np.isfinite(distance)
    assert all(np.isfinite(tail.distances).all() for tail in period_tails)
