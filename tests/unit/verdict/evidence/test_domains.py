"""Which values a schema's domain has, in each way that it can be written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.verdict.evidence import unseen_mass
from trueserve.transforms.verdict.feature_stats import View

SCHEMA = schema_pb2.Schema(string_domain=[{"name": "d", "value": ["a", "b"]}, {"name": "e", "value": ["c"]}])


def feature(kind: int = schema_pb2.BYTES, **more: Any) -> schema_pb2.Feature:
    return schema_pb2.Feature(name="x", type=kind, **more)


@pytest.mark.parametrize(
    ("made", "values"),
    [
        (feature(domain="d"), {"a", "b"}),
        (feature(domain="e"), {"c"}),
        (feature(domain="f"), None),
        (feature(string_domain={"value": ["z"]}), {"z"}),
        (feature(bool_domain={"true_value": "yes", "false_value": "no"}), {"yes", "no"}),
        (feature(schema_pb2.INT, bool_domain={"true_value": "yes"}), {"0", "1"}),
        (feature(), None),
        (feature(schema_pb2.INT, int_domain={"min": 1}), None),
    ],
)
def test_the_values_that_a_domain_lists(made: schema_pb2.Feature, values: set[str] | None) -> None:
    assert unseen_mass.known_values(SCHEMA, made) == values


@pytest.mark.parametrize(
    ("made", "bounds"),
    [
        (feature(schema_pb2.INT, int_domain={"min": 1}), (1, math.inf)),
        (feature(schema_pb2.INT, int_domain={"max": 5}), (-math.inf, 5)),
        (feature(schema_pb2.FLOAT, float_domain={"min": 0.5, "max": 1.5}), (0.5, 1.5)),
        (feature(schema_pb2.INT, bool_domain={}), (0, 1)),
        (feature(), (-math.inf, math.inf)),
    ],
)
def test_the_bounds_of_a_domain(made: schema_pb2.Feature, bounds: tuple[float, float]) -> None:
    assert unseen_mass.bounds(made) == bounds


def of_category(made: schema_pb2.Feature, counts: Mapping[str, float], **more: Any) -> Any:
    return unseen_mass.of_category(SCHEMA, made, View(hand_made.category("x", counts, **more), 1000))


def test_whole_numbers_are_held_against_bounds() -> None:
    bounded = feature(schema_pb2.INT, int_domain={"min": 1, "max": 3, "is_categorical": True})
    counts = {"0": 10, "1": 40, "3": 30, "4": 15, "odd": 5}
    mass = of_category(bounded, counts)
    assert (mass.least, mass.most, mass.named) == (0.25, 0.25, ("4", "0"))
    assert of_category(bounded, {"1": 5, "3": 5, "odd": 1}) is None
    assert of_category(feature(), {"0": 5}) is None


def test_values_that_were_not_kept_are_bounds() -> None:
    made = feature(string_domain={"value": ["a", "b", "c"]})
    # `c` was not kept: it came ten times at most.
    mass = of_category(made, {"a": 60, "b": 10}, values=100, unique=4)
    assert (mass.least, mass.most) == (0.2, 0.3)
    # Of a hundred values three are known at most: all others came once at least.
    mass = of_category(made, {"a": 60, "b": 35}, values=100, unique=8)
    assert mass.least == pytest.approx((0.97 * 8 - 2 - 1) / 100)
    assert mass.most == 0.05
    assert of_category(made, {"a": 60, "b": 38}, values=100, unique=3) is None
    assert of_category(made, {}) is None


def test_what_may_be_named() -> None:
    assert unseen_mass.may_be_named("a", ("a",), 0)
    assert unseen_mass.may_be_named("a", (), NAMED_FROM)
    assert not unseen_mass.may_be_named("a", ("b",), NAMED_FROM - 1)


def number(*buckets: tuple[float, float, float], values: int = 100) -> View:
    return View(hand_made.number("x", values, buckets=buckets), values)


def test_buckets_that_lie_wholly_outside_are_counted() -> None:
    view = number((-2, -1, 10), (-1, 0, 20), (0, 5, 30), (5, 6, 20), (6, 7, 20))
    assert unseen_mass.share_outside(view, 0, 5) == pytest.approx(0.3)
    assert unseen_mass.share_outside(view, 0.5, 4.5) == pytest.approx(0.7)
    assert unseen_mass.share_outside(view, -1, 6) == 0.0
    assert unseen_mass.share_outside(number(), 0, 5) == 0.0


def test_a_value_at_least_is_outside_where_tfdv_saw_one() -> None:
    made = feature(schema_pb2.FLOAT, float_domain={"max": 5})
    assert unseen_mass.outside_domain(made, number((0, 5, 100))) == (0.01, None, (), 0)
    assert unseen_mass.outside_domain(made, number((0, 5, 80), (6, 7, 20))).least == 0.2
    assert unseen_mass.outside_domain(made, number(values=0)).least == 1.0
