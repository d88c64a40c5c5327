"""What TFDV is asked for at a time: features, their domains and crosses, and the constraints once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import anomalies_pb2, path_pb2, schema_pb2

from trueserve.transforms.verdict import batched_validation
from trueserve.transforms.verdict.feature_stats import Statistics


def schema(*names: str) -> schema_pb2.Schema:
    return hand_made.schema(*(schema_pb2.Feature(name=name, type=schema_pb2.FLOAT) for name in names))


def statistics(*names: str) -> Statistics:
    return hand_made.statistics(9, *(hand_made.number(name, 9) for name in names))


def calls(
    monkeypatch: pytest.MonkeyPatch,
    given: schema_pb2.Schema,
    training: Statistics,
    serving: Statistics | None = None,
    columns: Collection[str] | None = None,
) -> list[Any]:
    """What TFDV is called with: statistics, schema, and those of serving."""
    made: list[Any] = []

    def validate(part: Statistics, of: schema_pb2.Schema, **more: Any) -> anomalies_pb2.Anomalies:
        made.append((part, of, more["serving_statistics"]))
        result = anomalies_pb2.Anomalies(baseline=of)
        result.anomaly_info[str(len(made))].short_description = more["environment"]
        return result

    monkeypatch.setattr("trueserve.transforms.verdict.native_validation.validate_statistics", validate)
    monkeypatch.setattr(batched_validation, "FEATURES_A_PART", 2)
    result = batched_validation.validate_statistics(training, given, "SERVING", serving, columns)
    assert not result.HasField("baseline")
    assert [info.short_description for info in result.anomaly_info.values()] == ["SERVING"] * len(made)
    return made


def names(made: Any) -> list[list[str]]:
    """The features of each call's schema, of its statistics, and of those of serving."""
    part, of, serving = made
    return [
        [feature.name for feature in of.feature],
        *([f.path.step[0] for f in s.datasets[0].features] for s in (part, serving) if s is not None),
    ]


def test_features_are_asked_for_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = calls(monkeypatch, schema("a", "b", "c"), statistics("c", "a"), statistics("d", "b"))
    assert [names(call) for call in made] == [[["a", "b"], ["a"], ["b"]], [["c"], ["c"], ["d"]]]
    assert [call[0].datasets[0].num_examples for call in made] == [9, 9]
    [only] = calls(monkeypatch, schema("a", "b"), statistics("b", "a"))
    assert names(only) == [["a", "b"], ["a", "b"]]


def test_of_some_columns_alone_and_of_none_once(monkeypatch: pytest.MonkeyPatch) -> None:
    [call] = calls(monkeypatch, schema("a", "b", "c"), statistics("a", "b", "c"), columns={"a", "c"})
    assert names(call) == [["a", "c"], ["a", "c"]]
    [call] = calls(monkeypatch, schema("a"), statistics("a"), columns=set())
    assert names(call) == [[], []]


def test_features_that_are_made_of_others_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ("sparse_feature", "weighted_feature"):
        given = schema("a", "b", "c")
        getattr(given, field).add(name="s")
        [call] = calls(monkeypatch, given, statistics("a", "b", "c"), columns={"a"})
        assert names(call) == [["a", "b", "c"], ["a", "b", "c"]]


def test_the_constraints_of_the_data_set_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = schema("a", "b", "c")
    assert not any(c[1].HasField("dataset_constraints") for c in calls(monkeypatch, given, statistics("a")))
    given.dataset_constraints.min_examples_count = 5
    made = calls(monkeypatch, given, statistics("a"))
    assert [call[1].HasField("dataset_constraints") for call in made] == [True, False]


def test_domains_are_those_of_the_features_and_all_beside_a_struct(monkeypatch: pytest.MonkeyPatch) -> None:
    given = schema("a", "b", "c", "d")
    given.feature[0].domain, given.feature[2].domain = "x", "y"
    for name in ("x", "y", "z"):
        given.string_domain.add(name=name)
    made = calls(monkeypatch, given, statistics("a"))
    assert [[domain.name for domain in call[1].string_domain] for call in made] == [["x"], ["y"]]
    given.feature[3].struct_domain.feature.add(name="e")
    made = calls(monkeypatch, given, statistics("a"))
    assert [[domain.name for domain in call[1].string_domain] for call in made] == [["x"], ["x", "y", "z"]]


def test_a_cross_goes_with_both_of_its_features(monkeypatch: pytest.MonkeyPatch) -> None:
    training = statistics("a", "b", "c")
    training.datasets[0].features[0].custom_stats.add(name="own", num=1)
    for first, second in (("a", "b"), ("a", "c")):
        paths = [path_pb2.Path(step=[name]) for name in (first, second)]
        training.datasets[0].cross_features.add(path_x=paths[0], path_y=paths[1])
    made = calls(monkeypatch, schema("a", "b", "c"), training)
    crosses = [[cross.path_y.step[0] for cross in call[0].datasets[0].cross_features] for call in made]
    assert crosses == [["b"], []]
    assert not any(feature.custom_stats for call in made for feature in call[0].datasets[0].features)
    assert training.datasets[0].features[0].custom_stats


def test_a_field_of_a_struct_is_in_its_column() -> None:
    field = hand_made.number("a", 9)
    field.path.step.append("b")
    assert batched_validation.top(field) == "a"
    named = hand_made.Feature(name="n")
    assert batched_validation.top(named) == "n"
