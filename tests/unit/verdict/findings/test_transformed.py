"""Shares of a transformed feature's values that grew: which, by how much, and what is said of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import pytest
from support import hand_made
from support.hand_made import about
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.findings import transformed
from trueserve.transforms.verdict.findings.range import OUTSIDE_RANGE
from trueserve.transforms.verdict.findings.transformed import (
    NOT_FINITE,
    SATURATED,
    UNKNOWN_WORDS,
    ZERO_VARIANCE,
    Growth,
)
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.significance import TestResults

RAW = {"id": ("word",), "x": ("price",)}


def results(training: Any, served: Any, **reference: Any) -> TestResults:
    name = training.path.step[0]
    kind = schema_pb2.BYTES if training.HasField("string_stats") else schema_pb2.FLOAT
    schema = hand_made.schema(schema_pb2.Feature(name=name, type=kind))
    both = [
        hand_made.statistics(side.num_stats.common_stats.num_non_missing or 1000, side)
        for side in (training, served)
    ]
    given = {"space": Space.TRANSFORMED, "raw_features": RAW} | reference
    return TestResults(hand_made.pair(schema, *both, **given), (name,))


def grown(training: Any, served: Any, **reference: Any) -> list[Growth]:
    return transformed.growths(results(training, served, **reference))[0]


def ids(counts: Mapping[str, float], **more: Any) -> Any:
    return hand_made.category("id", counts, **more)


def number(low: float, high: float, nans: int = 0, present: int = 1000) -> Any:
    buckets = [(low, high, present - nans)]
    made = hand_made.number("x", present, buckets=buckets, quantiles=buckets, nans=nans)
    made.num_stats.min, made.num_stats.max = low, high
    return made


def test_unknown_words_are_the_ids_from_the_first_to_the_last_of_them() -> None:
    training = ids({"0": 600, "1": 250, "3": 40, "4": 60, "5": 50})
    served = ids({"0": 300, "1": 150, "3": 80, "4": 50, "5": 20})
    [growth] = grown(training, served, unknown_ids={"id": (3, 4)})
    assert (growth.feature, growth.metric, growth.kind) == ("id", UNKNOWN_WORDS, FindingKind.VALUES)
    assert growth.effect == about(130 / 600 - 100 / 1000)
    assert growth.p_value == about(p_values.of_rates(100, 1000, 130, 600))
    assert growth.message == "21.7 % of the words of 'word' are out of vocabulary; in training 10.0 %"


def test_a_share_that_stayed_or_fell_did_not_grow() -> None:
    half, third = ids({"0": 500, "3": 500}), ids({"0": 600, "3": 300})
    assert grown(half, half, unknown_ids={"id": (3, 3)}) == []
    assert grown(half, third, unknown_ids={"id": (3, 3)}) == []
    assert grown(third, half) == []


def test_an_id_whose_count_training_did_not_keep_came_as_often_as_it_may_have() -> None:
    training = ids({"0": 700, "1": 100}, unique=4, values=1000, present=1000)
    served = ids({"0": 600, "3": 300, "4": 100})
    [growth] = grown(training, served, unknown_ids={"id": (3, 4)})
    # Two ids, of at most 100 each.
    assert growth.effect == about(0.4 - 0.2)
    # Of three ids one is known, by its 100; the two others came as often at most.
    [growth] = grown(training, ids({"1": 100, "2": 900}), unknown_ids={"id": (1, 3)})
    assert growth.effect == about(1.0 - 0.3)


@pytest.mark.parametrize(("full", "end"), [("0", "first"), ("3", "last")])
def test_each_end_bucket_is_looked_at_alone(full: str, end: str) -> None:
    training = ids({"0": 250, "1": 250, "2": 250, "3": 250})
    served = ids({"0": 200, "1": 200, "2": 200, "3": 200} | {full: 400})
    [growth] = grown(training, served, buckets={"id": (0, 3)})
    assert (growth.metric, growth.kind, growth.effect) == (SATURATED, FindingKind.DISTRIBUTION, about(0.15))
    assert growth.message == f"the {end} bucket of 'word' has 40.0 % of the values; in training 25.0 %"


def test_one_value_of_all_that_training_had_is_constant() -> None:
    [growth] = grown(ids({"5": 800, "6": 200}), ids({"5": 250}))
    assert (growth.metric, growth.effect) == (ZERO_VARIANCE, about(0.2))
    # 1,000 and 250 rows tell as much as a sample of 200.
    assert growth.p_value == about(0.8**200)
    assert growth.message == (
        "the feature is constant, one value for all of 'word'; in training 80.0 % of values are this value"
    )
    [growth] = grown(ids({"5": 800, "6": 200}), ids({"5": 250}), raw_features={})
    assert growth.message.startswith("the feature is constant, one value for all of the rows; ")


def test_a_constant_that_training_never_had() -> None:
    [growth] = grown(ids({"5": 800, "6": 200}), ids({"7": 250}))
    assert (growth.effect, growth.p_value) == (1.0, about(math.exp(-200)))
    cut = ids({"5": 700, "6": 100}, unique=3, values=1000, present=1000)
    [growth] = grown(cut, ids({"7": 250}))
    assert growth.effect == about(0.9)


def test_what_was_constant_in_training_lost_no_variance() -> None:
    assert grown(ids({"5": 1000}), ids({"5": 250})) == []
    assert grown(number(2.0, 2.0), number(2.0, 2.0)) == []
    assert grown(number(2.0, 2.0), number(3.0, 3.0)) == []


def test_a_list_of_values_that_was_cut_says_of_no_value_that_it_is_the_only_one() -> None:
    training = ids({"5": 800, "6": 200})
    assert grown(training, ids({"5": 250}, unique=2)) == []
    assert grown(training, ids({"5": 249, "6": 1})) == []


def test_a_number_that_stands_still() -> None:
    [growth] = grown(number(0.0, 10.0), number(4.0, 4.0, present=250))
    assert (growth.metric, growth.effect) == (ZERO_VARIANCE, 1.0)
    # Beside a NaN the only number is not all there is.
    [growth] = grown(number(0.0, 10.0), number(4.0, 4.0, nans=1, present=250))
    assert growth.metric == NOT_FINITE


def test_raw_features_are_asked_for_what_is_no_number_alone() -> None:
    assert grown(number(0.0, 10.0), number(4.0, 4.0), space=Space.RAW) == []
    [growth] = grown(number(0.0, 10.0, nans=20), number(0.0, 10.0, nans=50, present=500), space=Space.RAW)
    assert (growth.metric, growth.kind, growth.effect) == (NOT_FINITE, FindingKind.VALUES, about(0.08))
    assert growth.p_value == about(p_values.of_rates(20, 1000, 50, 500))
    assert growth.message == "50 values (10.0 %) made of 'price' are NaN or infinite; in training 2.0 %"
    [growth] = grown(number(0.0, 10.0), number(0.0, 10.0, nans=5), raw_features={})
    assert growth.message == "5 values (0.5 %) are NaN or infinite; in training 0.0 %"
    assert grown(number(0.0, 10.0, nans=5), number(0.0, 10.0, nans=5)) == []


def test_a_feature_of_another_kind_or_without_values_is_not_asked() -> None:
    training = ids({"5": 800, "6": 200})
    for served in (ids({}), hand_made.number("id", 250)):
        pair = results(training, served).pair
        assert list(transformed._of_feature(pair, "id")) == []
    assert list(transformed._of_feature(results(ids({}), ids({"5": 250})).pair, "id")) == []
    other = results(training, hand_made.category("other", {"5": 9})).pair
    assert list(transformed._of_feature(other, "id")) == []


MILLION = 1_000_000


@pytest.mark.parametrize(("unknown", "matters"), [(10_000, True), (9_999, False)])
def test_from_a_hundredth_on_unknown_words_are_an_error(unknown: int, matters: bool) -> None:
    made = results(
        ids({"0": MILLION}), ids({"0": MILLION - unknown, "3": unknown}), unknown_ids={"id": (3, 3)}
    )
    findings = transformed.added(made, [])
    assert [(f.severity, f.distance, f.threshold) for f in findings] == [
        (Severity.ERROR, 0.01, 0.01)
    ] * matters
    for finding in findings:
        assert (finding.space, finding.raw_features) == (Space.TRANSFORMED, ("word",))


@pytest.mark.parametrize(("nans", "severity"), [(10_000, Severity.ERROR), (9_999, Severity.WARNING)])
def test_fewer_that_are_not_finite_are_a_warning(nans: int, severity: Severity) -> None:
    made = results(number(0.0, 1.0, present=MILLION), number(0.0, 1.0, nans=nans, present=MILLION))
    assert [finding.severity for finding in transformed.added(made, [])] == [severity]


def test_what_chance_explains_is_no_finding() -> None:
    served = number(0.0, 1.0, nans=1, present=50)
    assert grown(number(0.0, 1.0), served)[0].effect == about(0.02)
    assert transformed.added(results(number(0.0, 1.0), served), []) == []


MOVED = Finding("x", Space.TRANSFORMED, FindingKind.DISTRIBUTION, Severity.ERROR, "ks", "it moved")


@pytest.mark.parametrize(
    ("changes", "merged"),
    [
        ({}, True),
        ({"kind": FindingKind.VALUES}, True),
        ({"severity": Severity.WARNING}, True),
        ({"severity": Severity.INFO}, False),
        ({"kind": FindingKind.TYPE}, False),
        ({"feature": "y"}, False),
    ],
)
def test_what_is_as_bad_and_of_the_same_feature_gets_the_words(changes: dict[str, Any], merged: bool) -> None:
    made = results(number(0.0, 1.0), number(0.0, 1.0, nans=90, present=10_000))
    finding = dataclasses.replace(MOVED, **changes)
    after = dataclasses.replace(MOVED, feature="z", message="so did z")
    first, second, *others = transformed.added(made, [finding, after])
    assert second == after
    message = "90 values (0.9 %) made of 'price' are NaN or infinite; in training 0.0 %"
    assert first.message == (f"it moved; {message}" if merged else "it moved")
    assert [other.message for other in others] == [message] * (not merged)
    assert dataclasses.replace(first, message="it moved") == finding


@pytest.mark.parametrize("space", [Space.TRANSFORMED, Space.RAW])
def test_a_range_that_was_left_is_said_with_the_distance_where_the_model_reads_it(space: Space) -> None:
    made = results(number(0.0, 1.0), number(0.0, 1.0), space=space)
    beyond = dataclasses.replace(
        MOVED, metric=OUTSIDE_RANGE, severity=Severity.WARNING, message="2 values lie outside"
    )
    findings = transformed.added(made, [beyond, MOVED])
    if space is Space.RAW:
        assert findings == [beyond, MOVED]
    else:
        assert [finding.message for finding in findings] == ["it moved; 2 values lie outside"]
