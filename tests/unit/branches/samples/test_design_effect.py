"""Design effects against their definition, and of independent rows none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.ranking import OF_CANDIDATE, OF_USER, traffic

from benchmarks import in_memory
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.design_effect import DesignEffect
from trueserve.transforms.core.custom_stats import DESIGN_EFFECT, MISSING_EFFECT

Array = np.ndarray[Any, Any]


def effects(columns: dict[str, Any], groups: Array, share: float = 1.0) -> dict[str, DesignEffect]:
    return design_effect.of_rows(in_memory.batch(columns), groups.astype(np.uint64), share)


def test_rows_that_are_all_alike_tell_as_much_as_one() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=400), 10)
    effect = effects({"x": values}, np.repeat(np.arange(400), 10))["x"]
    # As far above ten as it may lie, known from 400 groups, and the greatest of nine estimates.
    assert 10 < effect.values < 12
    assert effect.missing == 1.0


@pytest.mark.parametrize("is_text", [False, True])
def test_of_independent_rows_there_is_none(is_text: bool) -> None:
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(200), 20)
    for _ in range(200):
        values = rng.choice(np.array([*"abcdefgh"], object), 4000) if is_text else rng.gamma(2, size=4000)
        assert effects({"x": values}, groups) == {}


def test_the_expected_size_of_an_effect() -> None:
    """Kish: 1 + (rows of a group - 1) x correlation within groups."""
    rng, groups = np.random.default_rng(2), np.repeat(np.arange(2000), 5)
    common = rng.normal(size=2000)[groups] * np.sqrt(0.5) + rng.normal(size=10_000) * np.sqrt(0.5)
    # Of whether it is above the median: 2 / pi x arcsin(0.5).
    expected = 1 + 4 * 2 / np.pi * np.arcsin(0.5)
    assert effects({"x": common}, groups)["x"].values == pytest.approx(expected, rel=0.12)


def test_missing_rows_of_a_request_have_an_effect_of_their_own() -> None:
    rng, groups = np.random.default_rng(3), np.repeat(np.arange(300), 8)
    values = np.where(rng.random(300)[groups] < 0.3, np.nan, rng.normal(size=2400))
    effect = effects({"x": values}, groups)["x"]
    assert effect.values == 1.0
    assert 8 < effect.missing < 10


def test_rows_outside_of_groups_take_their_part() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=400), 10)
    all_grouped, half = (
        effects({"x": values}, np.repeat(np.arange(400), 10), share)["x"].values for share in (1.0, 0.5)
    )
    assert half - 1 == pytest.approx((all_grouped - 1) / 2)


def test_users_features_are_grouped_and_candidates_are_not() -> None:
    rows = traffic(4, 250)
    by_name = effects(rows.columns, rows.request)
    assert set(by_name) == {*OF_USER}
    assert not {*OF_CANDIDATE} & set(by_name)
    assert min(effect.values for effect in by_name.values()) > 20


def test_lists_count_by_the_share_of_their_values() -> None:
    rng, groups = np.random.default_rng(5), np.repeat(np.arange(300), 6)
    users = rng.normal(size=(300, 3))[groups]
    column = pa.array(users.tolist(), pa.large_list(pa.float32()))
    rows = pa.RecordBatch.from_pydict({"history": column})
    assert 6 < design_effect.of_rows(rows, groups.astype(np.uint64), 1.0)["history"].values < 7.5


def test_hostile_rows_have_none() -> None:
    groups = np.repeat(np.arange(5), 4).astype(np.uint64)
    columns = {
        "nan": pa.array([[float("nan")]] * 20, pa.large_list(pa.float32())),
        "empty": pa.array([[]] * 20, pa.large_list(pa.float32())),
        "nothing": pa.nulls(20),
        "constant": pa.array([[b"a"]] * 20, pa.large_list(pa.large_binary())),
    }
    assert design_effect.of_rows(pa.RecordBatch.from_pydict(columns), groups, 1.0) == {}
    assert design_effect.of_rows(pa.RecordBatch.from_pydict({"a": columns["nan"]}), groups * 0, 1.0) == {}


def test_effects_stand_beside_the_statistics() -> None:
    rows = traffic(4, 250)
    statistics = in_memory.statistics(in_memory.batch(rows.columns))
    design_effect.note(statistics, {"age": DesignEffect(21.5, 1.0)})
    noted = {
        feature.path.step[0] or feature.name: {s.name: s.num for s in feature.custom_stats if s.num}
        for feature in statistics.datasets[0].features
    }
    assert noted["age"] == {DESIGN_EFFECT: 21.5, MISSING_EFFECT: 1.0}
    assert DESIGN_EFFECT not in noted["price"]
    design_effect.note(None, {"age": DesignEffect(2.0, 1.0)})
