"""How training's days and hours differ: counted in parts as in memory, kept, and held against a window."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faults import statistics
from tensorflow_metadata.proto.v0 import schema_pb2

from transforms.core.slicing import lasts
from transforms.verdict.compare import Policy, Reference, compare
from transforms.verdict.model import Finding, Severity, Space
from transforms.verdict.variation import bins as cell
from transforms.verdict.variation import seasonal_p_value, store, tails
from transforms.verdict.variation.period_counts import Layout, PeriodCounts
from transforms.verdict.variation.tails import Tail

Array = np.ndarray[Any, Any]
DAY, HOUR = 86_400_000_000, 3_600_000_000
ROWS = 300


def lists(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(
        [None if v is None else v if isinstance(v, list) else [v] for v in values], pa.large_list(kind)
    )


def rows(seed: int, days: int, wander: float = 0.3) -> tuple[pa.RecordBatch, pa.Array]:
    """Days of `ROWS` rows whose `x` wanders from day to day, and `steady`, which does not."""
    random = np.random.default_rng(seed)
    count = days * ROWS
    centre = np.repeat(random.normal(0, wander, days), ROWS)
    x = centre + random.normal(size=count)
    values = random.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1])
    missing = random.random(count) < 0.1
    batch = pa.RecordBatch.from_pydict(
        {
            "x": lists(x.tolist(), pa.float32()),
            "steady": lists(
                [None if m else v for m, v in zip(missing, random.normal(size=count), strict=True)],
                pa.float32(),
            ),
            "word": lists([word.encode() for word in values], pa.large_binary()),
            "list": lists([[1] * n for n in random.integers(1, 4, count).tolist()], pa.int64()),
        }
    )
    time = np.repeat(np.arange(days), ROWS) * DAY + random.integers(0, DAY, count)
    return batch, pa.array(time).cast(pa.timestamp("us", tz="UTC"))


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


def counted(batch: pa.RecordBatch, time: pa.Array, parts: int = 1) -> PeriodCounts:
    layout = Layout.of(cell.of_statistics(statistics(batch), batch.schema.names))
    merged = PeriodCounts(layout)
    for part in range(parts):
        part_counts = PeriodCounts(layout)
        chosen = pa.array(np.arange(part, batch.num_rows, parts))
        for half in (chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]):
            part_counts.add(batch.take(half), time.take(half))
        merged.merge(part_counts)
    return merged


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


def test_counts_are_those_that_are_counted_plainly_and_the_same_in_any_number_of_parts() -> None:
    batch, time = rows(2, 9)
    at_once, parted = (store.of_counts(counted(batch, time, parts)) for parts in (1, 4))
    days = np.asarray(time.cast(pa.int64())) // DAY
    variation = at_once["day"]["word"]
    assert variation.periods.tolist() == list(range(9))
    categories = np.array([row[0].decode() for row in batch.column(2).to_pylist()])
    for number in range(9):
        plain = Counter(categories[days == number])
        assert variation.counts[number].tolist() == [*(plain[value] for value in variation.cells.values), 0]
    steady = at_once["day"]["steady"]
    assert steady.present.sum() == ROWS * 9 - batch.column(1).null_count
    assert steady.counts.sum() == steady.present.sum()
    assert steady.rows.tolist() == [ROWS] * 9
    lengths = at_once["day"]["list"].length_counts
    assert lengths.sum() == ROWS * 9
    for name, features in at_once["day"].items():
        for field in ("periods", "rows", "present", "counts", "length_counts"):
            np.testing.assert_array_equal(getattr(features, field), getattr(parted["day"][name], field))
        np.testing.assert_allclose(features.power_sums, parted["day"][name].power_sums, rtol=1e-4, atol=1e-3)


def test_means_of_days_follow_from_the_moments() -> None:
    batch, time = rows(3, 8)
    variation = store.of_counts(counted(batch, time))["day"]["x"]
    x = np.array([row[0] for row in batch.column(0).to_pylist()])
    expected = [variation.cells.standard(x[n * ROWS : (n + 1) * ROWS]) for n in range(8)]
    totals = np.column_stack([variation.power_sums, variation.counts.sum(1)])
    np.testing.assert_allclose(tails.mean(totals), [part.mean() for part in expected], rtol=1e-4, atol=1e-4)
    deviations = np.log(np.array([part.std() for part in expected]) + tails.NO_DEVIATION)
    np.testing.assert_allclose(tails.log_deviation(totals), deviations, rtol=1e-3)


def test_rows_without_a_time_are_counted_and_in_no_period() -> None:
    batch, time = rows(4, 6)
    none = pa.array([None] * 100 + time.to_pylist()[100:], time.type)
    counts = counted(batch, none)
    assert (counts.num_rows, counts.without_time) == (6 * ROWS, 100)
    assert store.of_counts(counts)["day"]["x"].rows.sum() == 6 * ROWS - 100


def test_a_sample_of_hours_does_not_depend_on_the_order_of_rows() -> None:
    batch, time = rows(5, 20)
    backwards = pa.array(np.arange(batch.num_rows)[::-1])
    forward, backward = counted(batch, time), counted(batch.take(backwards), time.take(backwards), 3)
    hours = store.of_counts(forward)["hour"]["x"]
    assert len(forward.units["hour"].rows) == 200 < 20 * 24
    np.testing.assert_array_equal(hours.counts, store.of_counts(backward)["hour"]["x"].counts)
    hour_numbers = np.asarray(time.cast(pa.int64())) // HOUR
    assert hours.rows.tolist() == [int((hour_numbers == number).sum()) for number in hours.periods]


def test_periods_that_training_cuts_at_its_ends_are_left_out() -> None:
    batch, time = rows(6, 10)
    late = time.take(pa.array(np.arange(ROWS - 40, batch.num_rows)))
    variation = store.of_counts(counted(batch.slice(ROWS - 40), late))["day"]["x"]
    assert variation.periods.tolist() == list(range(1, 10))


def test_values_of_one_day_alone_are_new_to_all_others() -> None:
    batch, time = rows(7, 8)
    values = ["only" if n < 12 else "a" for n in range(batch.num_rows)]
    columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
    columns["word"] = lists([word.encode() for word in values], pa.large_binary())
    variation = store.of_counts(counted(pa.RecordBatch.from_pydict(columns), time, 2))["day"]["word"]
    assert variation.new is not None
    assert variation.new.tolist() == [12.0] + [0.0] * 7


def test_what_is_written_is_read_and_the_same_bytes_come_of_the_same_counts() -> None:
    batch, time = rows(8, 7)
    variation = store.of_counts(counted(batch, time))
    data = store.to_bytes({"raw": variation})
    assert data == store.to_bytes({"raw": store.of_counts(counted(batch, time))})
    back = store.from_bytes(data)["raw"]
    for unit, features in variation.items():
        for name, written in features.items():
            read_back = back[unit][name]
            assert read_back.cells.values == written.cells.values
            for field in ("periods", "rows", "present", "counts", "length_counts"):
                np.testing.assert_array_equal(getattr(read_back, field), getattr(written, field))
            np.testing.assert_allclose(read_back.power_sums, written.power_sums, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\xff\xff\xff\xff\x10\x00\x00\x00" + b"\x00" * 40])
def test_what_is_no_variation_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(ValueError, match="Arrow"):
        store.from_bytes(data)


def test_another_table_is_refused() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())])) as writer:
        writer.write_batch(pa.RecordBatch.from_pydict({"a": [1]}))
    with pytest.raises(ValueError, match="columns"):
        store.from_bytes(sink.getvalue().to_pybytes())


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


def test_slices_of_an_hour_or_a_day_last_so_long() -> None:
    assert lasts("version=2") is None
    assert lasts("version=2,hour=2013-07-14T05") == dt.timedelta(hours=1)
    assert lasts("day=2013-07-14") == dt.timedelta(days=1)
    assert lasts("word=a\\,hour=3") is None


@given(st.lists(st.floats(0, 1), min_size=6, max_size=300), st.lists(st.floats(0, 2), min_size=2, max_size=5))
@settings(max_examples=100)
def test_a_tail_is_a_probability_that_falls(distances: list[float], at: list[float]) -> None:
    tail = tails.tail(np.array(distances))
    assert tail is not None
    probabilities = [tail.probability(d) for d in sorted(at)]
    assert all(0 <= p <= 1 for p in probabilities)
    assert (
        probabilities == sorted(probabilities, reverse=True)
        or max(np.diff(probabilities)) <= 1 / len(distances) + 1e-9
    )


def test_the_tail_of_exponential_distances_is_right_within_a_factor_of_two() -> None:
    random = np.random.default_rng(3)
    for true in (1e-2, 1e-3):
        probabilities = [
            Tail(np.sort(random.exponential(1, 400)), 400).probability(-np.log(true)) for _ in range(200)
        ]
        assert true / 2 < np.median(probabilities) < 2.5 * true


def test_few_periods_have_a_heavier_tail_and_too_few_say_nothing() -> None:
    short, long = (Tail(-np.log(1 - (np.arange(n) + 0.5) / n), n) for n in (12, 400))
    assert short.probability(12) > 20 * long.probability(12)
    assert tails.tail(np.zeros(4)) is None


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
