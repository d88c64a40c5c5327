"""Design effects against their definition, and of independent rows none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.ranking import OF_CANDIDATE, OF_USER, traffic

from benchmarks import in_memory
from benchmarks.in_memory import Lists
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.design_effect import DesignEffect
from trueserve.transforms.branches.samples.group_sample import GroupSample
from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.core.custom_stats import DESIGN_EFFECT, MISSING_EFFECT, MOST_EFFECT

Array = np.ndarray[Any, Any]


def effects(columns: dict[str, Any], groups: Array) -> dict[str, DesignEffect]:
    return effects_of(in_memory.batch(columns), groups)


def effects_of(rows: pa.RecordBatch, groups: Array) -> dict[str, DesignEffect]:
    sample, hashes = GroupSample(), compact_rows.mixed(groups)
    wanted = sample.wanted(hashes)
    order = compact_rows.mixed(wanted)
    sample.add(hashes[wanted], order, compact_rows.compact(rows.take(pa.array(wanted))))
    sample.settle()
    return design_effect.of_sample(sample)


def normal(rng: np.random.Generator, count: int) -> Array:
    return rng.normal(size=count).astype(np.float32)


def test_rows_that_are_all_alike_tell_as_much_as_one() -> None:
    values = np.repeat(normal(np.random.default_rng(0), 400), 10)
    assert effects({"x": values}, np.repeat(np.arange(400), 10))["x"] == pytest.approx((10.0, 10.0, 10.0))


@pytest.mark.parametrize("kind", ["text", "number", "id"])
def test_of_independent_rows_there_is_none(kind: str) -> None:
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(200), 20)
    for _ in range(100):
        drawn = {
            "text": rng.choice(np.array([*"abcdefgh"], object), 4000),
            "number": rng.gamma(2, size=4000).astype(np.float32),
            "id": rng.zipf(1.5, 4000).clip(max=10_000),
        }
        assert effects({"x": drawn[kind]}, groups) == {}


def test_one_hot_vectors_of_a_request_are_alike_though_their_means_are_the_same() -> None:
    chosen = np.repeat(np.random.default_rng(4).integers(0, 8, 300), 10)
    rows = Lists(np.eye(8, dtype=np.int64)[chosen].reshape(-1), np.full(3000, 8))
    assert effects({"x": rows}, np.repeat(np.arange(300), 10))["x"].values == pytest.approx(10.0)


def test_the_expected_size_of_an_effect() -> None:
    """Kish: 1 + (rows of a group - 1) x correlation within groups."""
    rng, groups = np.random.default_rng(2), np.repeat(np.arange(2000), 5)
    common = normal(rng, 2000)[groups] * np.sqrt(0.5) + normal(rng, 10_000) * np.sqrt(0.5)
    # Of whether it is above the median: 2 / pi x arcsin(0.5).
    expected = 1 + 4 * 2 / np.pi * np.arcsin(0.5)
    # As far above as it may lie, known from a thousand groups, and the greatest of nine estimates.
    effect = effects({"x": common.astype(np.float32)}, groups)["x"]
    assert expected * 0.98 < effect.values < expected * 1.15


@pytest.mark.parametrize("share", [0.3, 0.015])
def test_missing_rows_of_a_request_have_an_effect_of_their_own(share: float) -> None:
    rng, groups = np.random.default_rng(3), np.repeat(np.arange(1000), 8)
    values = np.where(rng.random(1000)[groups] < share, np.nan, rng.normal(size=8000)).astype(np.float32)
    assert effects({"x": values}, groups)["x"] == pytest.approx((1.0, 8.0, 8.0))


def test_too_few_missing_rows_are_taken_to_be_as_alike_as_values() -> None:
    """Of 30 requests a hundredth of the rows, those of six users, cannot tell how alike they are."""
    users = np.repeat(np.arange(60), 10)
    values = np.repeat(normal(np.random.default_rng(6), 60), 10)
    for lacking in ([], [7], [7, 31]):
        rows = np.where(np.isin(users, lacking), np.nan, values).astype(np.float32)
        effect = effects({"x": rows}, users)["x"]
        assert effect.values == pytest.approx(10.0)
        assert effect.missing == effect.values
    # With rows enough they have an effect of their own.
    alone = np.where(np.arange(600) % 3 == 0, np.nan, values).astype(np.float32)
    assert effects({"x": alone}, users)["x"].missing == 1.0


def test_of_large_groups_a_few_rows_tell() -> None:
    """of groups of 1,500 rows on average six are kept; their sizes count."""
    rng = np.random.default_rng(6)
    sizes = rng.integers(1000, 2001, 30)
    groups = np.repeat(np.arange(30), sizes)
    by_name = effects({"x": normal(rng, 30)[groups], "y": normal(rng, len(groups))}, groups)
    assert {name: effect.values for name, effect in by_name.items()} == pytest.approx(
        {"x": (sizes.astype(float) ** 2).sum() / sizes.sum()}
    )


@pytest.mark.parametrize("number_of_values", [300, 20_000])
def test_values_of_which_none_is_frequent_are_grouped_too(number_of_values: int) -> None:
    rng, groups = np.random.default_rng(7), np.repeat(np.arange(400), 20)
    names = np.array([f"city {number}" for number in range(number_of_values)], object)
    cities = rng.choice(number_of_values, 400)[groups]
    by_name = effects({"city": names[cities], "id": cities}, groups)
    assert {name: effect.values for name, effect in by_name.items()} == pytest.approx({"city": 20, "id": 20})


def test_parts_of_the_rows_add_up() -> None:
    first, second = {"a": DesignEffect(5.0, 1.0)}, {"a": DesignEffect(3.0, 2.0), "b": DesignEffect(11.0, 1.0)}
    both = design_effect.added(design_effect.added({}, first, 0.5), second, 0.25)
    assert both == {"a": DesignEffect(3.5, 1.25), "b": DesignEffect(3.5, 1.0)}


def test_users_features_are_grouped_and_candidates_are_not() -> None:
    rows = traffic(4, 250)
    by_name = effects(rows.columns, rows.request)
    assert set(by_name) == {*OF_USER}
    assert not {*OF_CANDIDATE} & set(by_name)
    assert min(effect.values for effect in by_name.values()) > 20


def test_of_lists_the_mean_is_looked_at() -> None:
    rng, groups = np.random.default_rng(5), np.repeat(np.arange(300), 6)
    users = rng.normal(size=(300, 3))[groups]
    column = pa.array(users.tolist(), pa.large_list(pa.float32()))
    effect = effects_of(pa.RecordBatch.from_pydict({"history": column}), groups)["history"]
    assert effect.values == pytest.approx(6.0)


def test_hostile_rows_have_none() -> None:
    groups = np.repeat(np.arange(5), 4)
    columns = {
        "nan": pa.array([[float("nan")]] * 20, pa.large_list(pa.float32())),
        "empty": pa.array([[]] * 20, pa.large_list(pa.float32())),
        "nothing": pa.nulls(20),
        "constant": pa.array([[b"a"]] * 20, pa.large_list(pa.large_binary())),
        "infinite": pa.array([[float("inf"), -float("inf")]] * 20, pa.large_list(pa.float32())),
    }
    assert effects_of(pa.RecordBatch.from_pydict(columns), groups) == {}
    assert effects_of(pa.RecordBatch.from_pydict({"a": columns["constant"]}), groups * 0) == {}


def test_effects_stand_beside_the_statistics() -> None:
    rows = traffic(4, 250)
    statistics = in_memory.statistics(in_memory.batch(rows.columns))
    design_effect.note(statistics, {"age": DesignEffect(21.5, 1.0, 22.0)})
    noted = {
        feature.path.step[0] or feature.name: {s.name: s.num for s in feature.custom_stats if s.num}
        for feature in statistics.datasets[0].features
    }
    assert noted["age"] == {DESIGN_EFFECT: 21.5, MISSING_EFFECT: 1.0, MOST_EFFECT: 22.0}
    assert DESIGN_EFFECT not in noted["price"]
    design_effect.note(None, {"age": DesignEffect(2.0, 1.0)})
