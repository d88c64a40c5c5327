"""Features that could not show a change are not compared, and half of them leave nothing examined."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.verdict.compare import compare
from trueserve.transforms.verdict.evidence import power
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import ComparisonResult, Slice, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.result import Examined, Verdict, decide
from trueserve.transforms.verdict.severity import Policy

SCHEMA = hand_made.schema(
    *(schema_pb2.Feature(name=name, type=schema_pb2.BYTES) for name in ("text", "kind", "size"))
)


def unique(prefix: str, count: int, na: int = 0) -> dict[str, float]:
    return {f"{prefix}{n}": 1.0 for n in range(count)} | ({"NA": na} if na else {})


def side(rows: int, text: dict[str, float], *, texts: int | None = None, only: bool = False) -> Any:
    kept = dict(list(text.items())[:1000])
    feature = hand_made.category("text", kept, present=rows, values=rows, unique=texts or len(text))
    kinds = dict.fromkeys("ab", rows / 2)
    others = [hand_made.category(name, kinds) for name in ("kind", "size")]
    return hand_made.statistics(rows, feature, *others[: 0 if only else 2])


def comparison(training: Any, served: Any, space: Space = Space.RAW, **reference: Any) -> ComparisonResult:
    return compare(Reference(SCHEMA, training, space, **reference), served, Policy(), Counter())


def verdict(*compared: ComparisonResult) -> Verdict:
    accounting = Accounting(read=1500, decoded=1500, rows=1500, compared=1500)
    return decide(Window(), accounting, compared, (), Policy(), None)


def reasons(result: ComparisonResult) -> dict[str, str]:
    return {left_out.feature: left_out.reason for left_out in result.not_compared}


@pytest.mark.parametrize(("prefix", "what"), [("user ", "identifier"), ("1", "numbers written as text")])
def test_texts_that_all_differ_are_not_compared(prefix: str, what: str) -> None:
    training, served = side(3000, unique(prefix, 3000)), side(1500, unique(f"{prefix}0", 1500))
    result = comparison(training, served)
    assert list(reasons(result)) == ["text"]
    assert "100.0 % of its values come too seldom" in reasons(result)["text"]
    assert what in reasons(result)["text"]
    assert result.without_power == {"text"}
    assert {distance.feature for distance in result.distances} == {"kind", "size"}


def test_numbers_among_which_some_are_na_are_not_compared() -> None:
    training, served = side(900, unique("0.", 880, 20)), side(900, unique("1.", 880, 20))
    assert reasons(comparison(training, served))["text"].startswith("97.8 % of its values")


def test_a_category_of_values_that_repeat_is_compared() -> None:
    values = {f"w{n}": 30.0 for n in range(100)}
    result = comparison(side(3000, values), side(3000, values))
    assert reasons(result) == {}


def test_new_values_show_where_training_had_all_of_them_twice() -> None:
    """Each is too rare to be counted alone, but one that is new is news."""
    values = {f"w{n}": 3.0 for n in range(300)}
    assert power.hidden_share(*sides_of(side(900, values), side(900, values))) == 0.0


def test_a_list_of_values_that_is_cut_shows_nothing_of_the_rest() -> None:
    kept = {f"w{n}": 2.0 for n in range(1000)}
    hidden = power.hidden_share(*sides_of(side(20_000, kept, texts=9000), side(20_000, kept, texts=9000)))
    assert hidden == 1.0


def sides_of(training: Any, served: Any) -> tuple[View, View]:
    first, second = (
        View(each.datasets[0].features[0], each.datasets[0].num_examples) for each in (training, served)
    )
    return first, second


def test_a_part_of_the_features_leaves_the_verdict_as_it_is() -> None:
    result = comparison(side(3000, unique("u", 3000)), side(1500, unique("v", 1500)))
    assert verdict(result).outcome == "ok"


def test_half_of_the_features_without_power_are_not_examined() -> None:
    training, served = side(3000, unique("u", 3000), only=True), side(1500, unique("v", 1500), only=True)
    kind = hand_made.category("kind", {"a": 1500.0, "b": 1500.0})
    for statistics in (training, served):
        statistics.datasets[0].features.append(kind)
    made = verdict(comparison(training, served))
    assert (made.outcome, made.exit_code) == ("not_examined", 4)
    assert made.reasons[0].startswith("1 of 2 raw features could not show even a large change: 'text'")


def test_what_shows_in_a_transformed_feature_is_examined() -> None:
    training, served = side(3000, unique("u", 3000), only=True), side(1500, unique("v", 1500), only=True)
    raw = comparison(training, served)
    of_text = {"kind": ("text",), "size": ("text",)}
    known = side(3000, {"a": 3000.0}), side(1500, {"a": 1500.0})
    transformed = comparison(*known, Space.TRANSFORMED, raw_features=of_text)
    assert verdict(raw, transformed).outcome == "ok"
    without = dataclasses.replace(transformed, distances=())
    assert verdict(raw, without).outcome == "not_examined"


def test_only_those_that_show_nowhere_count() -> None:
    """Nine of ten texts show in what is computed from them."""
    names = [f"t{n}" for n in range(10)]
    schema = hand_made.schema(*(schema_pb2.Feature(name=name, type=schema_pb2.BYTES) for name in names))
    texts = [
        hand_made.category(name, unique("u", 1000), present=3000, values=3000, unique=3000) for name in names
    ]
    training = hand_made.statistics(3000, *texts)
    raw = compare(Reference(schema, training, Space.RAW), training, Policy(), Counter())
    kinds = hand_made.statistics(3000, *(hand_made.category(name, {"a": 3000.0}) for name in names))
    of_raw = {name: (name,) for name in names[1:]}
    transformed = Reference(schema, kinds, Space.TRANSFORMED, raw_features=of_raw)
    seen = compare(transformed, kinds, Policy(), Counter())
    seen = dataclasses.replace(seen, distances=tuple(d for d in seen.distances if d.raw_features))
    assert raw.without_power == set(names)
    assert verdict(raw, seen).outcome == "ok"


def test_what_is_ignored_does_not_count() -> None:
    training, served = side(3000, unique("u", 3000), only=True), side(1500, unique("v", 1500), only=True)
    for statistics in (training, served):
        statistics.datasets[0].features.append(hand_made.category("kind", {"a": 1500.0, "b": 1500.0}))
    policy = Policy(ignore=frozenset({"text"}))
    made = compare(Reference(SCHEMA, training, Space.RAW), served, policy, Counter())
    accounting = Accounting(read=1500, decoded=1500, rows=1500, compared=1500)
    assert decide(Window(), accounting, [made], (), policy, None).outcome == "ok"


def test_a_feature_with_a_dot_in_its_name_is_tested_like_any_other() -> None:
    schema = hand_made.schema(schema_pb2.Feature(name="geo.lat", type=schema_pb2.BYTES))
    training = hand_made.statistics(4000, hand_made.category("geo.lat", {"a": 2000.0, "b": 1960.0}))
    served = hand_made.statistics(4000, hand_made.category("geo.lat", {"a": 1500.0, "b": 1300.0}))
    made = compare(Reference(schema, training, Space.RAW), served, Policy(), Counter())
    assert "missing_share_difference" in {finding.metric for finding in made.findings}


@pytest.mark.parametrize(("compared", "outcome"), [([False, False], "not_examined"), ([False, True], "ok")])
def test_slices_of_which_none_is_compared_are_not_ok(compared: list[bool], outcome: str) -> None:
    slices = [Slice(f"carrier={n}", 300, is_compared=each) for n, each in enumerate(compared)]
    fine = {f"w{n}": 30.0 for n in range(100)}
    result = comparison(side(3000, fine), side(3000, fine))
    accounting = Accounting(read=3000, decoded=3000, rows=3000, compared=3000)
    examined = Examined(slices=slices)
    assert decide(Window(), accounting, [result], (), Policy(), None, examined=examined).outcome == outcome
