"""Rows with empty lists in TFDV's statistics, of features with several values a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.verdict.buckets import empty_rows, lengths_of_others
from trueserve.transforms.verdict.evidence import two_sample
from trueserve.transforms.verdict.feature_stats import View


def of_tfdv(lengths: Sequence[int | None]) -> View:
    """TFDV's own statistics of rows with so many values; None for a row without the feature."""
    column = pa.array([None if n is None else [0.5] * n for n in lengths], pa.large_list(pa.float32()))
    batch = pa.RecordBatch.from_arrays([column], ["x"])
    [data] = stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions()).datasets
    return View(data.features[0], len(lengths))


def common(
    values: int, *buckets: tuple[float, float, float], most: int = 3
) -> statistics_pb2.CommonStatistics:
    result = statistics_pb2.CommonStatistics(
        num_non_missing=round(sum(count for *_, count in buckets)), max_num_values=most, tot_num_values=values
    )
    for low, high, count in buckets:
        result.num_values_histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
    return result


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.2, 0.5, 0.93])
@pytest.mark.parametrize("others", [[3], [2], [1, 2], [1, 2, 3], [2, 4, 7]])
def test_of_few_lengths_tfdv_s_quantiles_tell_the_empty_ones(share: float, others: list[int]) -> None:
    rng = np.random.default_rng(5)
    lengths = np.where(rng.random(2000) < share, 0, rng.choice(others, 2000)).tolist()
    view = of_tfdv([*lengths, None, None])
    assert view.empty <= lengths.count(0) <= view.empty + view.maybe_empty
    assert view.missing == view.empty + 2
    if share in (0.1, 0.2, 0.5) or len(others) == 1:
        assert (view.empty, view.maybe_empty) == (lengths.count(0), 0)
    # Whatever is not known of training makes no difference to a window of such rows.
    missing = two_sample.of_missing(view, lengths.count(0) + 2, 2002)
    assert missing.effect == 0
    assert missing.p_value == pytest.approx(1)
    more = two_sample.of_missing(view, 2002 - 10, 2002)
    assert more.effect > 0.03


@pytest.mark.parametrize("share", [0.02, 0.3])
@pytest.mark.parametrize("most", [5, 12, 40, 300])
def test_they_never_tell_a_wrong_number(share: float, most: int) -> None:
    rng = np.random.default_rng(6)
    lengths = np.where(rng.random(3000) < share, 0, rng.integers(1, most + 1, 3000)).tolist()
    view = of_tfdv(lengths)
    assert view.empty <= lengths.count(0) <= view.empty + view.maybe_empty
    assert view.maybe_empty <= 400


@pytest.mark.parametrize(
    ("values", "buckets", "least", "unsure"),
    [
        # Of an earlier TFDV, which gives each bucket as many rows.
        (2400, [(0, 0, 100), (0, 3, 100), *[(3, 3, 100)] * 8], 200, 0),
        (2397, [(0, 0, 100), (0, 0, 100), (0, 3, 100), *[(3, 3, 100)] * 7], 201, 0),
        (2399, [(0, 0, 100), (0, 0, 100), (0, 3, 100), *[(3, 3, 100)] * 7], 200, 1),  # a row has two, say
        (1500, [(0, 0, 100), (0, 0, 100), (0, 3, 100), *[(3, 3, 100)] * 7], 200, 100),
        (1500, [(0, 3, 900), (3, 3, 100)], 0, 500),
        (1999, [(0, 0, 100), (0, 1, 100), (1, 3, 700), (3, 3, 100)], 100, 100),
        (300, [(0, 0, 50), (0, 3, 100)], 50, 0),
        (0, [], 0, 0),
    ],
)
def test_what_ten_quantiles_tell(
    values: int, buckets: list[tuple[float, float, float]], least: int, unsure: int
) -> None:
    assert empty_rows(common(values, *buckets)) == (least, unsure)


def test_the_lengths_of_the_others() -> None:
    stats = common(2397, (0, 0, 100), (0, 0, 100), (0, 3, 100), *[(3, 3, 100)] * 7)
    answer = lengths_of_others(stats, 201)
    assert answer is not None
    edges, shares = answer
    assert edges.tolist() == [3] * 9
    assert shares.tolist() == pytest.approx([0, *((99 + 100 * n) / 799 for n in range(8))])
    assert lengths_of_others(common(0, (0, 0, 100), most=0), 100) is None
    assert lengths_of_others(common(9, (0, 0, 7), (0, 3, 3)), 10) is None


def test_empty_lists_of_training_are_no_other_lengths() -> None:
    """trueserve's readers have them as missing, in a window of the same rows."""
    rng = np.random.default_rng(7)
    lengths = np.where(rng.random(4000) < 0.25, 0, rng.integers(1, 4, 4000))
    training = of_tfdv(lengths.tolist())
    window = of_tfdv([int(n) or None for n in lengths])
    assert training.missing == window.missing == int((lengths == 0).sum())
    difference = two_sample.of_lengths(training, window)
    assert difference is not None
    assert difference.effect < 0.01
    longer = two_sample.of_lengths(training, of_tfdv([int(n) * 2 or None for n in lengths]))
    assert longer is not None
    assert longer.effect > 0.3


def test_lengths_that_are_not_sure_make_no_difference() -> None:
    rng = np.random.default_rng(8)
    lengths = np.where(rng.random(4000) < 0.06, 0, rng.integers(1, 4, 4000))
    training = of_tfdv(lengths.tolist())
    assert training.maybe_empty
    difference = two_sample.of_lengths(training, of_tfdv([int(n) or None for n in lengths]))
    assert difference is not None
    assert difference.effect < 0.025
    longer = two_sample.of_lengths(training, of_tfdv([int(n) * 2 or None for n in lengths]))
    assert longer is not None
    assert longer.effect > 0.3
