"""What was done to a vector is named, with the positions: one error, and none where nothing was done."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from support import vectors

from benchmarks import detection_vectors as windows
from trueserve.transforms.core.custom_stats import DESIGN_EFFECT, VECTOR_STATS
from trueserve.transforms.verdict.compare import Policy, Reference
from trueserve.transforms.verdict.diagnosis import vectors as causes
from trueserve.transforms.verdict.diagnosis.causes import SCALE
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Finding, Space
from trueserve.transforms.verdict.thresholds import Thresholds

Array = np.ndarray[Any, Any]


def baseline(kind: str = "embedding") -> Reference:
    return windows.reference(kind, 1)


def served(kind: str = "embedding", rows: int = 1000) -> Array:
    return windows.KINDS[kind](1)(rows, np.random.default_rng(11))


def the_error(rows: Array, kind: str = "embedding", reference: Reference | None = None) -> Finding:
    [error] = vectors.errors(reference or baseline(kind), rows)
    assert error.diagnosis is not None
    return error


@pytest.mark.parametrize("kind", sorted(windows.KINDS))
def test_a_clean_window_has_no_error(kind: str) -> None:
    assert vectors.errors(baseline(kind), served(kind)) == []


def test_dead_positions_are_named() -> None:
    rows = served()
    rows[:, [4, 5, 6, 20]] = 0
    error = the_error(rows)
    assert error.diagnosis is not None
    assert (error.metric, error.diagnosis.cause) in {
        ("positions", causes.DEAD),
        ("kolmogorov_smirnov", causes.DEAD),
    }
    assert "positions 4-6, 20 are always 0" in error.message
    assert "4 of 32 positions differ (4-6, 20)" in error.message


def test_one_dead_position_is_named_whatever_its_value() -> None:
    rows = served()
    rows[:, 9] = rows[:, 9].mean()
    error = the_error(rows)
    assert error.metric == "positions"
    assert "position 9 is always" in error.message


def test_permuted_positions_are_named_with_where_they_went() -> None:
    order = np.arange(32)
    order[[3, 17, 30]] = [17, 30, 3]
    error = the_error(served()[:, order])
    assert error.metric == "positions"
    assert error.diagnosis is not None
    assert error.diagnosis.cause == causes.PERMUTED
    assert "3 of 32 positions differ (3, 17, 30)" in error.message
    assert "17 to 3, 30 to 17, 3 to 30" in error.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:, ::-1], "from last to first"),
        (lambda rows: np.roll(rows, 3, axis=1), "moved along by 3"),
        (lambda rows: np.roll(rows, -5, axis=1), "moved along by -5"),
        (lambda rows: windows.permuted(rows, np.random.default_rng(3)), "in another order"),
    ],
)
def test_the_way_positions_were_permuted_is_named(change: Any, message: str) -> None:
    error = the_error(np.ascontiguousarray(change(served())))
    assert error.diagnosis is not None
    assert error.diagnosis.cause == causes.PERMUTED
    assert message in error.message


@pytest.mark.parametrize("kind", ["embedding", "alike"])
def test_a_rotation_is_named(kind: str) -> None:
    error = the_error(windows.rotated(served(kind), np.random.default_rng(2)), kind)
    assert error.diagnosis is not None
    assert error.diagnosis.cause == causes.ROTATED
    assert "positions differ" in error.message


def test_a_permutation_of_alike_positions_is_seen_by_how_they_go_together() -> None:
    error = the_error(windows.permuted(served("alike"), np.random.default_rng(2)), "alike")
    assert "no position by itself but sums of positions differ" in error.message


def test_a_scaled_vector_is_one_finding() -> None:
    error = the_error(served() * np.float32(2))
    assert error.diagnosis is not None
    assert error.diagnosis.cause == SCALE
    assert "of 32 positions differ" in error.message


def test_positions_that_are_not_finite_are_named() -> None:
    rows = served()
    rows[::5, 7] = np.nan
    error = next(e for e in vectors.errors(baseline(), rows) if "positions differ" in e.message)
    assert "position 7 is NaN or infinite in serving" in error.message


def test_positions_that_are_not_finite_in_training_alone_are_named() -> None:
    rows = windows.KINDS["embedding"](1)(windows.TRAINING_ROWS, np.random.default_rng([1, 7]))
    rows[:, [7, 9]] = np.nan
    errors = [e for e in vectors.errors(windows.baseline(rows), served()) if "positions differ" in e.message]
    assert len(errors) == 1
    assert "positions 7, 9 are NaN or infinite in training, and not in serving" in errors[0].message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.transpose(0, 3, 1, 2), "(8 x 8 x 3) has its channels first"),
        (lambda p: p[..., ::-1], "channels in reverse: BGR for RGB?"),
    ],
)
def test_moved_channels_of_images_are_named(change: Any, message: str) -> None:
    pictures = served("images").reshape(-1, 8, 8, 3)
    rows = np.ascontiguousarray(change(pictures)).reshape(len(pictures), -1)
    error = the_error(rows, "images")
    assert error.diagnosis is not None
    assert error.diagnosis.cause == causes.CHANNELS
    assert message in error.message


def test_the_shape_of_the_schema_says_what_an_image_is() -> None:
    random = np.random.default_rng(9)

    def draw(rows: int) -> Array:
        ramp = (
            np.linspace(0, 3, 4)[:, None, None]
            + np.linspace(0, 9, 6)[None, :, None]
            + np.array([0.0, 5.0, 9.0])
        )
        return np.asarray(random.normal(size=(rows, 4, 6, 3)) + ramp, np.float32)

    reference = windows.baseline(draw(3000).reshape(3000, -1), shape=(4, 6, 3))
    first = np.ascontiguousarray(draw(1000).transpose(0, 3, 1, 2)).reshape(1000, -1)
    assert "(4 x 6 x 3) has its channels first" in the_error(first, reference=reference).message


def test_another_norm_is_named() -> None:
    random = np.random.default_rng(4)
    rows = windows.rotated(served(), random) * np.float32(1.5)
    error = the_error(rows)
    assert error.diagnosis is not None
    assert error.diagnosis.cause in {causes.OTHER_NORM, "spread at the same centre"}


def test_the_user_says_what_is_a_vector() -> None:
    rows = served()[:, ::-1].copy()
    listed = Policy(thresholds=Thresholds(vectors=frozenset({windows.FEATURE})))
    none = Policy(thresholds=Thresholds(vectors=frozenset()))
    assert vectors.errors(baseline(), rows, none) == []
    assert len(vectors.errors(baseline(), rows, listed)) == 1


def test_a_limit_of_ones_own_holds() -> None:
    rows = served()
    rows[:200, 3] += 2
    assert len(vectors.errors(baseline(), rows)) == 1
    patient = Policy(thresholds=Thresholds(defaults={"positions": 0.5}))
    assert vectors.errors(baseline(), rows, patient) == []


def test_a_limit_for_all_values_together_says_nothing_of_positions() -> None:
    rows = served()[:, ::-1].copy()
    assert len(vectors.errors(baseline(), rows, Policy(jsd=0.9))) == 1


def test_rows_that_belong_together_count_as_fewer() -> None:
    once = served(rows=50)
    again = np.repeat(once, 40, axis=0)
    statistics = vectors.statistics(again)
    assert vectors.errors(baseline(), again), "as if rows were independent"
    for feature in statistics.datasets[0].features:
        feature.custom_stats.add(name=DESIGN_EFFECT, num=40.0)
    assert vectors.errors_of(baseline(), statistics) == []


def test_an_older_baseline_compares_a_pool() -> None:
    statistics = Statistics()
    statistics.CopyFrom(baseline().statistics)
    for feature in statistics.datasets[0].features:
        kept = [each for each in feature.custom_stats if each.name != VECTOR_STATS]
        del feature.custom_stats[:]
        feature.custom_stats.extend(kept)
    older = dataclasses.replace(baseline(), statistics=statistics)
    assert vectors.errors(older, served()[:, ::-1].copy()) == []
    assert vectors.errors(older, served()) == []


@pytest.mark.parametrize("space", [Space.RAW, Space.TRANSFORMED])
def test_ids_of_words_are_no_vectors_unless_the_user_says_so(space: Space) -> None:
    def ids(rows: int, seed: int) -> Array:
        random = np.random.default_rng(seed)
        return np.stack([random.poisson(3 + position, rows) for position in range(4)], 1)

    reference = windows.baseline(ids(3000, 1))
    reference.schema.feature[0].int_domain.is_categorical = True
    reference = dataclasses.replace(
        reference, statistics=vectors.statistics(ids(3000, 1), reference), space=space
    )
    served = ids(1000, 2)[:, ::-1].copy()
    listed = Policy(thresholds=Thresholds(vectors=frozenset({windows.FEATURE})))
    assert len(vectors.errors(reference, served)) == (space is Space.RAW)
    assert len(vectors.errors(reference, served, listed)) == 1
