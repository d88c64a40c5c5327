"""Days and hours of training: counted in parts as in memory."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from support.variation import DAY, HOUR, ROWS, counted, lists, rows

from trueserve.transforms.verdict.variation import period_counts, store, tails


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


def test_a_sample_of_hours_is_of_days_and_does_not_depend_on_the_order_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(period_counts.UNITS, "hour", (HOUR, 192))
    batch, time = rows(5, 20)
    backwards = pa.array(np.arange(batch.num_rows)[::-1])
    forward, backward = counted(batch, time), counted(batch.take(backwards), time.take(backwards), 3)
    hours = store.of_counts(forward)["hour"]["x"]
    assert len(forward.units["hour"].rows) == 192 < 20 * 24
    assert len({number // 24 for number in forward.units["hour"].rows}) <= 10
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
