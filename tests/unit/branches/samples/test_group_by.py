"""Rows with the same value of a feature belong together, wherever they lie; others as without it."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.sessions import OF_USER, Sessions, sessions

from benchmarks import in_memory
from trueserve.transforms.branches.samples import design_effect, group_feature, groups
from trueserve.transforms.branches.samples.group_sizes import GroupSizes
from trueserve.transforms.branches.samples.requests import RequestsPartial
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch

Array = np.ndarray[Any, Any]


def batch(
    columns: dict[str, Any],
    record: Array | None = None,
    ids: list[str | None] | None = None,
    file: str = "log",
) -> Batch:
    features = in_memory.batch(columns)
    record = np.arange(features.num_rows) if record is None else record
    metadata = {field.name: pa.nulls(features.num_rows, field.type) for field in METADATA_SCHEMA}
    metadata |= {"file": pa.array([file] * len(record), pa.string()), "record": pa.array(record, pa.int64())}
    if ids is not None:
        metadata["request_id"] = pa.array(ids, pa.string())
    return Batch(features, pa.RecordBatch.from_arrays([*metadata.values()], schema=METADATA_SCHEMA))


def partial(rows: Sessions, cuts: int = 1, group_by: str | None = "user") -> RequestsPartial:
    """Of the rows in so many files, each of which a range reads."""
    merged = RequestsPartial()
    for number in range(cuts):
        columns = {name: values[number::cuts] for name, values in rows.columns.items()}
        part = RequestsPartial()
        part.add(group_feature.marked(batch(columns, file=f"log-{number}"), group_by))
        merged.merge(pickle.loads(pickle.dumps(part)))
    return merged


def test_rows_with_the_same_value_are_a_group_wherever_they_stand() -> None:
    users = {"user": np.array(["a", "b", "a", "c", "b"], object), "x": np.arange(5).astype(np.float32)}
    rows, of_rows = groups.groups_of(group_feature.marked(batch(users), "user")).of_feature
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert of_rows[0] == of_rows[2] != of_rows[1] == of_rows[4] != of_rows[3]
    later = {"user": np.array(["b", "a"], object), "x": np.zeros(2, np.float32)}
    moved = groups.groups_of(
        group_feature.marked(batch(later, np.array([7, 8]), file="b"), "user")
    ).of_feature
    assert moved[1].tolist() == [of_rows[1], of_rows[0]]


def test_values_are_told_apart_by_any_part_of_them() -> None:
    names = [f"{'x' * first}{letter}{'y' * (50 - first)}" for first in range(0, 51, 10) for letter in "ab"]
    users = {"user": np.array(names, object)}
    assert len({*groups.groups_of(group_feature.marked(batch(users), "user")).of_feature[1].tolist()}) == len(
        names
    )


def test_rows_that_lack_the_feature_are_grouped_as_without_it() -> None:
    users = pa.array([[b"a"], None, [], [b"a"], None, None], pa.large_list(pa.large_binary()))
    record, ids = np.array([0, 0, 0, 1, 2, 3]), ["i", "i", "i", "i", "i", None]
    rows = batch({"x": np.arange(6).astype(np.float32)}, record, [*ids])
    features = pa.RecordBatch.from_arrays([users, *rows.features.columns], names=["user", "x"])
    grouped = groups.groups_of(group_feature.marked(Batch(features, rows.metadata), "user"))
    assert grouped.of_feature[0].tolist() == [0, 3]
    assert grouped.of_records[0].tolist() == [1, 2]
    assert grouped.of_ids[0].tolist() == [4]


def test_a_feature_that_no_row_has_groups_nothing() -> None:
    rows = batch({"x": np.arange(6).astype(np.float32)})
    assert group_feature.marked(rows, "user") is rows
    assert group_feature.marked(rows, None) is rows


def test_a_users_features_are_grouped_and_a_rows_are_not() -> None:
    rows = sessions(1, 600)
    effects = partial(rows).result()
    assert {name for name, effect in effects.items() if effect.values > 1} == {"user", *OF_USER}
    _, sizes = np.unique(rows.columns["user"], return_counts=True)
    mean = (sizes.astype(float) ** 2).sum() / sizes.sum()
    assert [effects[name].values for name in OF_USER] == pytest.approx([mean, mean], rel=0.1)
    assert partial(rows, group_by=None).result() == {}


@pytest.mark.parametrize("cuts", [2, 7, 50])
def test_however_rows_are_cut_the_effects_are_alike(cuts: int) -> None:
    rows = sessions(2, 500)
    uncut, effects = partial(rows).result(), partial(rows, cuts).result()
    assert set(effects) == set(uncut)
    for name, effect in effects.items():
        assert effect.values == pytest.approx(uncut[name].values, rel=0.1)


def test_few_large_groups_that_a_sample_misses_count() -> None:
    """One of 20,000 users has a tenth of the rows."""
    rng = np.random.default_rng(0)
    users = np.concatenate([rng.integers(1, 20_000, 90_000), np.zeros(10_000, int)])
    sizes = GroupSizes()
    for part in np.array_split(rng.permutation(users), 9):
        other = GroupSizes()
        other.add(part.astype(np.uint64))
        sizes.merge(pickle.loads(pickle.dumps(other)))
    counts = np.bincount(users).astype(float)
    assert sizes.mean == pytest.approx((counts**2).sum() / counts.sum(), rel=0.1)
    assert GroupSizes().mean == 1.0


def test_of_few_groups_each_counts_for_a_row() -> None:
    rng = np.random.default_rng(0)
    columns = {"user": rng.integers(0, 4, 4000), "x": rng.normal(size=4000).astype(np.float32)}
    part = RequestsPartial()
    part.add(group_feature.marked(batch(columns), "user"))
    assert part.result()["x"].values == pytest.approx(1000, rel=0.1)


def test_slight_likeness_in_large_groups_is_seen() -> None:
    """A correlation of 0.05 makes 400 rows of a user tell as much as 19."""
    rng = np.random.default_rng(3)
    user = np.repeat(np.arange(500), 400)
    x = np.sqrt(0.05) * rng.normal(size=500)[user] + np.sqrt(0.95) * rng.normal(size=len(user))
    part = RequestsPartial()
    for start, end in itertools.pairwise(range(0, len(user) + 1, 8000)):
        columns = {"user": user[start:end], "x": x[start:end].astype(np.float32)}
        part.add(group_feature.marked(batch(columns, np.arange(start, end)), "user"))
    # Of whether it is above the median: 2 / pi x arcsin(0.05).
    assert part.result()["x"].values == pytest.approx(1 + 399 * 2 / np.pi * np.arcsin(0.05), rel=0.4)


def test_that_there_are_no_effects_is_noted_where_it_is_known() -> None:
    statistics = in_memory.statistics(in_memory.batch({"x": np.arange(9).astype(np.float32)}))
    design_effect.note(statistics, {}, all_known=True)
    [feature] = statistics.datasets[0].features
    assert {each.num for each in feature.custom_stats if each.name.startswith("design_effect")} == {1.0}
