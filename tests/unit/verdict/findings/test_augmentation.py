"""What is told of spreads that the augmentation of training changed, and where nothing is."""

from __future__ import annotations

import math

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.findings import augmentation
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space


def findings(clean: float, trained: float, served: float, present: int = 10) -> list[Finding]:
    def of(deviation: float, count: int = 10) -> Statistics:
        return hand_made.statistics(10, hand_made.number("x", count, deviation=deviation))

    schema = hand_made.schema(schema_pb2.Feature(name="x", type=schema_pb2.FLOAT))
    pair = hand_made.pair(
        schema,
        of(clean),
        of(served, present),
        trained_on=of(trained),
        space=Space.TRANSFORMED,
        raw_features={"x": ("raw",)},
    )
    return list(augmentation.findings(pair, ["x"]))


def test_the_finding_compares_what_is_served_with_what_training_was_given() -> None:
    [finding] = findings(1.0, 2.0, 1.0)
    assert finding == Finding(
        feature="x",
        space=Space.TRANSFORMED,
        kind=FindingKind.DISTRIBUTION,
        severity=Severity.INFO,
        metric="augmentation_spread",
        message=(
            "standard deviation: augmented training 2, training before augmentation 1, serving 1 (0.5 of"
            " augmented training)"
        ),
        distance=0.5,
        raw_features=("raw",),
    )
    assert findings(1.0, 2.0, 5.0)[0].distance == 1.5


@pytest.mark.parametrize(
    ("clean", "trained", "count"),
    [(0.97, 1.0, 1), (0.99, 1.0, 0), (1.03, 1.0, 1), (1.01, 1.0, 0), (0.0, 1.0, 1), (0.0, 0.0, 0)],
)
def test_a_change_of_the_spread_by_a_fiftieth_at_least_is_told(
    clean: float, trained: float, count: int
) -> None:
    assert len(findings(clean, trained, 1.0)) == count


def test_the_least_change_is_a_fiftieth_of_the_augmented_spread() -> None:
    # 0.25 and 12.5 - 0.25 are exact in binary: just at the limit.
    assert len(findings(12.25, 12.5, 1.0)) == 1
    assert len(findings(12.26, 12.5, 1.0)) == 0


@pytest.mark.parametrize(
    ("served", "as_wide"), [(1.74, False), (1.75, True), (2.0, True), (2.25, True), (2.26, False)]
)
def test_values_about_as_wide_as_the_augmented_raise_the_question(served: float, as_wide: bool) -> None:
    [finding] = findings(1.0, 2.0, served)
    hint = "; serving is about as wide as augmented training: is the augmentation in the serving code, too?"
    assert finding.message.endswith(hint) is as_wide


def test_as_wide_is_within_a_quarter_of_what_the_augmentation_made() -> None:
    assert ["too?" in findings(1.0, 5.0, served)[0].message for served in (4.0, 3.9)] == [True, False]


def test_a_spread_that_is_not_known_is_not_compared() -> None:
    assert findings(1.0, 2.0, 0.0)[0].distance == 1.0
    assert findings(1.0, 2.0, 1.0, present=0) == []
    assert findings(1.0, 2.0, math.nan) == []


def test_features_that_are_no_numbers_or_lack_on_a_side_are_left_out() -> None:
    numbers = hand_made.statistics(10, hand_made.number("x", 10, deviation=1.0))
    wide = hand_made.statistics(10, hand_made.number("x", 10, deviation=2.0))
    categories = hand_made.statistics(10, hand_made.category("x", {"a": 10}))

    def count(clean: Statistics, trained: Statistics | None, served: Statistics) -> int:
        pair = hand_made.pair(hand_made.schema(), clean, served, trained_on=trained)
        return len(list(augmentation.findings(pair, ["x", "y"])))

    assert count(numbers, wide, numbers) == 1
    assert count(numbers, None, numbers) == 0
    for other in (categories, hand_made.statistics(10)):
        assert count(other, wide, numbers) == 0
        assert count(numbers, other, numbers) == 0
        assert count(numbers, wide, other) == 0
