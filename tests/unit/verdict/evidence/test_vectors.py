"""Bounds from moments alone: never less than the p-value, never more than what differs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]
from support import vectors

from trueserve.transforms.core.custom_stats import VECTOR_STATS
from trueserve.transforms.verdict.evidence import wording
from trueserve.transforms.verdict.evidence.vectors import bounds, difference, profile
from trueserve.transforms.verdict.evidence.vectors.bounds import Sample

Array = np.ndarray[Any, Any]


def sample(values: Array) -> Sample:
    """Of columns of values."""
    rows = np.full(values.shape[1], len(values))
    return Sample(values.mean(0), values.var(0), values.min(0), values.max(0), rows)


DRAWS = {
    "normal": lambda random, shape: random.normal(size=shape),
    "rare": lambda random, shape: (random.random(shape) < 0.002).astype(float),
    "log-normal": lambda random, shape: random.lognormal(0, 1.5, shape),
    "Cauchy": lambda random, shape: random.standard_cauchy(shape),
    "counts": lambda random, shape: random.poisson(0.05, shape).astype(float),
}


@pytest.mark.parametrize("name", sorted(DRAWS))
@pytest.mark.parametrize("rows", [(5000, 500), (500, 500), (300, 4000)])
def test_samples_of_one_distribution_have_low_p_values_no_more_often_than_they_say(
    name: str, rows: tuple[int, int]
) -> None:
    random = np.random.default_rng(1)
    columns = 2000
    first, second = (sample(DRAWS[name](random, (count, columns))) for count in rows)
    p_values = bounds.p_values(first, second)
    for level in (0.1, 0.01, 0.001):
        assert (p_values <= level).mean() <= level


def test_a_moved_mean_is_seen_nearly_as_well_as_by_the_normal_tail() -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(size=(5000, 200)), random.normal(0.3, 1, (1000, 200))
    ours = np.log10(bounds.p_values(sample(first), sample(second)))
    theirs = np.log10(stats.ttest_ind(first, second).pvalue)
    assert np.median(ours / theirs) > 0.65
    assert (ours >= theirs).mean() > 0.99


def test_what_cannot_differ_has_p_value_1() -> None:
    constant = sample(np.full((100, 1), 3.0))
    assert bounds.p_values(constant, constant).tolist() == [1.0]
    assert bounds.least_shares(constant, constant).tolist() == [0.0]


def test_two_constants_differ_in_all_rows() -> None:
    first, second = sample(np.full((1000, 1), 3.0)), sample(np.full((500, 1), 4.0))
    assert bounds.p_values(first, second)[0] < 1e-100
    assert bounds.least_shares(first, second).tolist() == [1.0]


def test_one_row_unlike_all_others_proves_nothing() -> None:
    first, second = np.zeros((5000, 1)), np.zeros((500, 1))
    second[0] = 1e9
    assert bounds.p_values(sample(first), sample(second))[0] > 0.01


def test_one_row_of_great_weight_proves_as_little_as_one_row() -> None:
    first, second = np.zeros((5000, 1)), np.zeros((500, 1))
    second[:40] = 1
    plain = bounds.p_values(sample(first), sample(second))[0]
    heavy = bounds.p_values(sample(first), sample(second)._replace(heaviest=40.0))[0]
    assert plain < 1e-20
    assert heavy > 0.001


def test_the_p_value_of_a_part_is_no_less_than_that_of_all() -> None:
    random = np.random.default_rng(3)
    first, second = sample(random.normal(size=(900, 3))), sample(random.normal(0.4, 1, (900, 3)))
    parts = [bounds.p_values(first, second, part) for part in (0.0, 0.3, 0.7, 1.0)]
    assert parts[0].tolist() == [1.0] * 3
    assert all((more <= less).all() for less, more in itertools.pairwise(parts))


@pytest.mark.parametrize("shift", [0.1, 0.5, 2.0])
def test_the_least_share_is_no_more_than_what_differs(shift: float) -> None:
    random = np.random.default_rng(4)
    first, second = random.normal(size=(4000, 1)), random.normal(shift, 1, (4000, 1))
    least = bounds.least_shares(sample(first), sample(second))[0]
    total_variation = 2 * stats.norm.cdf(shift / 2) - 1
    assert 0.3 * total_variation <= least <= total_variation + 0.03


def test_the_least_share_of_rare_rows_is_their_share() -> None:
    second = np.zeros((1000, 1))
    second[:70] = 5
    assert bounds.least_shares(sample(np.zeros((1000, 1))), sample(second))[0] == pytest.approx(0.07)


RANDOM = np.random.default_rng(6)
TRAINING = RANDOM.normal(size=(3000, 6)).astype(np.float32)


def test_positions_that_differ_are_those_that_were_changed() -> None:
    served = RANDOM.normal(size=(1000, 6)).astype(np.float32)
    served[:, 2] += 1
    served[:, 4] *= 3
    result = difference.of_vectors(vectors.view(TRAINING), vectors.view(served))
    assert result is not None
    assert result.of_positions is not None
    assert sorted(result.of_positions.differing.tolist()) == [2, 4]
    assert result.p_value < 1e-12
    assert result.effect > 0.1
    assert result.p_of_part(0.0) == 1.0


def test_how_positions_go_together_is_seen_in_sums_alone() -> None:
    served = RANDOM.normal(size=(1000, 6)).astype(np.float32)
    served[:, 1] = served[:, 0]
    result = difference.of_vectors(vectors.view(TRAINING), vectors.view(served))
    assert result is not None
    assert result.of_positions is not None
    assert result.of_sums is not None
    assert not len(result.of_positions.differing)
    assert len(result.of_sums.differing)
    assert result.p_value < 1e-9


def test_what_is_no_vector_of_the_same_length_is_not_compared_by_position() -> None:
    ragged = vectors.view(TRAINING)
    assert difference.of_vectors(ragged, vectors.view(TRAINING[:, :5])) is None
    assert difference.of_vectors(ragged, ragged, wanted=False) is None
    assert difference.of_vectors(vectors.view(TRAINING[:, :1]), vectors.view(TRAINING[:, :1])) is None


def test_statistics_without_positions_are_a_pool() -> None:
    plain = vectors.view(TRAINING)
    kept = [each for each in plain.proto.custom_stats if each.name != VECTOR_STATS]
    del plain.proto.custom_stats[:]
    plain.proto.custom_stats.extend(kept)
    assert profile.of_view(plain) is None
    assert difference.of_vectors(plain, vectors.view(TRAINING)) is None


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (0.5, "2 of 6 positions differ (2, 4): total variation of at least 0."),
        (0.0, "positions differ a little: total variation of at least 0."),
    ],
)
def test_the_sentence_names_the_positions(least: float, expected: str) -> None:
    served = RANDOM.normal(size=(200_000 if not least else 1000, 6)).astype(np.float32)
    served[:, [2, 4]] += 1 if least else 0.03
    training = RANDOM.normal(size=(200_000, 6)).astype(np.float32)
    result = difference.of_vectors(vectors.view(training), vectors.view(served))
    assert result is not None
    assert wording.distance(result).startswith(expected)
