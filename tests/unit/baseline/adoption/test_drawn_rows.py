"""Rows drawn from statistics: each column as the statistics say, checked on figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline.adoption import drawn_rows
from trueserve.transforms.core.arrow import pa

ROWS = 1000
FLOAT, INT, BYTES = schema_pb2.FLOAT, schema_pb2.INT, schema_pb2.BYTES


def column(feature: Any, kind: Any = FLOAT, rows: int = ROWS) -> list[Any]:
    name = feature.path.step[0]
    schema = hand_made.schema(schema_pb2.Feature(name=name, type=kind))
    statistics = hand_made.statistics(ROWS, feature)
    common = getattr(statistics.datasets[0].features[0], feature.WhichOneof("stats")).common_stats
    common.num_missing = ROWS - common.num_non_missing
    batch = drawn_rows.draw(statistics, schema, rows)
    assert batch.num_rows == rows
    values: list[Any] = batch.column(0).to_pylist()
    return values


def number(present: int = ROWS, **more: Any) -> Any:
    quantiles = [(0.0, 1.0, 500.0), (1.0, 11.0, 500.0)]
    feature = hand_made.number("x", present, quantiles=quantiles)
    for name, value in {"min_num_values": 1, "max_num_values": 1, **more}.items():
        setattr(feature.num_stats.common_stats, name, value)
    return feature


def category(counts: dict[str, float]) -> Any:
    feature = hand_made.category("x", counts)
    common = feature.string_stats.common_stats
    common.min_num_values = common.max_num_values = 1
    common.num_non_missing = ROWS
    return feature


def test_numbers_have_the_quantiles_of_training() -> None:
    values = [row[0] for row in column(number())]
    assert sum(value <= 1 for value in values) == ROWS / 2
    assert sum(value <= 6 for value in values) == pytest.approx(750, abs=1)
    assert 0 <= min(values) < 0.01
    assert 10.9 < max(values) <= 11
    assert values != sorted(values)


def test_integers_are_whole_numbers() -> None:
    values = {row[0] for row in column(number(), INT)}
    assert values == {*range(12)}
    assert all(type(value) is int for value in values)


def test_as_many_rows_lack_the_feature_as_in_training() -> None:
    rows = column(number(present=700))
    assert sum(row is None for row in rows) == pytest.approx(300, abs=1)


def test_rows_have_as_many_values_as_in_training() -> None:
    feature = number(min_num_values=0, max_num_values=4)
    for low, high, count in ((0, 0, 250), (1, 2, 500), (4, 4, 250)):
        feature.num_stats.common_stats.num_values_histogram.buckets.add(
            low_value=low, high_value=high, sample_count=count
        )
    lengths = [0 if row is None else len(row) for row in column(feature)]
    assert (lengths.count(0), lengths.count(4)) == (250, 250)
    assert lengths.count(1) + lengths.count(2) == 500
    assert [] not in column(feature)


def test_categories_come_as_often_as_in_training() -> None:
    values = [
        row[0] for row in column(category({"a": 600, "b": 300, "__BYTES_VALUE__": 50, "c": 100}), BYTES)
    ]
    assert {value: values.count(value) for value in set(values)} == {b"a": 600, b"b": 300, b"c": 100}
    assert {row[0] for row in column(category({"7": 10, "-1": 10}), INT)} == {7, -1}
    assert {row[0] for row in column(category({"0.5": 10}), FLOAT)} == {0.5}


def test_the_same_statistics_give_the_same_rows_and_features_do_not_go_together() -> None:
    assert column(number()) == column(number())
    other = number()
    other.path.step[0] = "y"
    assert column(other) != column(number())


def test_a_feature_of_which_no_value_is_known_is_missing() -> None:
    empty = hand_made.number("x", ROWS)
    assert column(empty) == [None] * ROWS
    assert column(number(), BYTES) == [None] * ROWS
    schema = hand_made.schema(schema_pb2.Feature(name="gone", type=FLOAT))
    batch = drawn_rows.draw(hand_made.statistics(ROWS, number()), schema, 3)
    assert batch.column(0).to_pylist() == [None] * 3
    assert pa.types.is_large_list(batch.schema.field(0).type)


def test_infinite_ends_are_left_out() -> None:
    feature = hand_made.number("x", ROWS, quantiles=[(float("-inf"), 0.0, 10.0), (2.0, 2.0, 10.0)])
    feature.num_stats.common_stats.min_num_values = feature.num_stats.common_stats.max_num_values = 1
    assert {row[0] for row in column(feature)} == {2.0}


def test_the_statistics_of_all_rows_are_taken() -> None:
    slices = [statistics_pb2.DatasetFeatureStatistics(name=name) for name in ("a", "All Examples")]
    merged = statistics_pb2.DatasetFeatureStatisticsList(datasets=slices)
    assert drawn_rows.dataset_of(merged).name == "All Examples"
    alone = statistics_pb2.DatasetFeatureStatisticsList(datasets=slices[:1])
    assert drawn_rows.dataset_of(alone).name == "a"


def test_names_of_features() -> None:
    nested = statistics_pb2.FeatureNameStatistics(path={"step": ["a", "b"]})
    assert drawn_rows.name_of(nested) == "a.b"
    assert drawn_rows.name_of(statistics_pb2.FeatureNameStatistics(name="c")) == "c"
