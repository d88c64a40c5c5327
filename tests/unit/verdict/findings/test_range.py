"""Numbers outside training's range: how many are a finding, how bad it is, and bounds of the schema."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support import hand_made
from support.hand_made import about
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.evidence import noise_floor
from trueserve.transforms.verdict.findings import range as range_findings
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair

ROWS = 10_000
# What is beyond chance, of ten thousand rows of either side.
LEAST = 0.001 + noise_floor.range_floor(ROWS, ROWS)


def number(low: float, high: float, *outside: tuple[float, float, float]) -> Any:
    """Values from `low` to `high`, of which those of `outside` lie in buckets of their own."""
    inside = ROWS - sum(count for _, _, count in outside)
    made = hand_made.number("x", ROWS, buckets=[(low, high, inside), *outside])
    made.num_stats.min, made.num_stats.max = low, high
    return made


def pair(served: Any, training: Any = None, **domain: Any) -> ComparedPair:
    feature = schema_pb2.Feature(name="x", type=schema_pb2.FLOAT, **domain)
    both = (number(0.0, 10.0) if training is None else training, served)
    return hand_made.pair(hand_made.schema(feature), *(hand_made.statistics(ROWS, side) for side in both))


def findings(*outside: tuple[float, float, float], **domain: Any) -> list[Finding]:
    return list(range_findings.findings(pair(number(0.0, 10.0, *outside), **domain), ["x"]))


def test_a_hundredth_beyond_the_range_is_a_warning() -> None:
    [finding] = findings((11.0, 12.0, 100))
    assert (finding.feature, finding.kind, finding.severity) == ("x", FindingKind.VALUES, Severity.WARNING)
    assert finding.metric == "outside_training_range"
    assert finding.message == "at least 1.0 % of values lie outside training's range, 0 to 10"


def test_what_reaches_into_the_range_is_not_counted() -> None:
    assert findings((10.0, 90.0, 500), (-90.0, 0.0, 500)) == []
    [finding] = findings((10.1, 90.0, 500), (-90.0, -0.1, 300))
    assert finding.message.startswith("at least 8.0 % of values")


def test_up_to_what_chance_explains_it_is_none() -> None:
    most = int(LEAST * ROWS)
    assert 10 < most < 50
    assert findings((11.0, 12.0, most)) == []
    assert len(findings((11.0, 12.0, most + 1))) == 1


@pytest.mark.parametrize(
    ("low", "severity"),
    [(20.0, Severity.WARNING), (20.1, Severity.ERROR), (-10.5, Severity.ERROR), (-10.0, Severity.WARNING)],
)
def test_farther_out_than_the_range_is_wide_it_is_an_error(low: float, severity: Severity) -> None:
    [finding] = findings((low, low, 100))
    assert finding.severity is severity
    assert [f.severity for f in findings((50.0, 60.0, 99))] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        ({"min": -1.0}, "up to 10"),
        ({"max": 11.0}, "from 0 on"),
        ({"min": -1.0, "max": 11.0}, None),
    ],
)
def test_where_the_schema_has_a_bound_that_is_the_range(domain: dict[str, float], text: str | None) -> None:
    outside = [(-30.0, -20.0, 100), (30.0, 40.0, 200)]
    made = findings(*outside, float_domain=schema_pb2.FloatDomain(**domain))
    assert [f.message.rpartition("range, ")[2] for f in made] == ([text] if text else [])
    for finding in made:
        assert ("2.0 %" if text == "up to 10" else "1.0 %") in finding.message


def test_what_is_far_out_counts_where_chance_does_not_explain_what_is_outside() -> None:
    def far(*outside: tuple[float, float, float]) -> float:
        return range_findings.far_out(pair(number(0.0, 10.0, *outside)), "x")

    assert far((11.0, 12.0, 100), (25.0, 30.0, 40)) == about(0.004)
    assert far((25.0, 30.0, int(LEAST * ROWS))) == 0.0
    assert far((11.0, 12.0, 500)) == 0.0


def test_as_many_as_new_values_of_texts_make_are_no_error() -> None:
    plain = pair(number(0.0, 10.0, (25.0, 30.0, 400)))
    for expected, severity, far in ((0.0, Severity.ERROR, 0.04), (0.05, Severity.WARNING, 0.0)):
        reference = dataclasses.replace(plain.reference, new_values={"x": expected})
        made = dataclasses.replace(plain, reference=reference)
        assert [finding.severity for finding in range_findings.findings(made, ["x"])] == [severity]
        assert range_findings.far_out(made, "x") == about(far)
    # Two windows of serving both have new values.
    between = dataclasses.replace(made, between_windows=True)
    assert [finding.severity for finding in range_findings.findings(between, ["x"])] == [Severity.ERROR]


def test_features_of_other_kinds_or_without_training_are_left_alone() -> None:
    served, category = number(0.0, 10.0, (50.0, 60.0, 500)), hand_made.category("x", {"a": ROWS})
    empty = hand_made.number("x", 0)
    for training in (category, empty, hand_made.number("y", 5)):
        made = pair(served, training)
        assert list(range_findings.findings(made, ["x"])) == []
    for training in (category, hand_made.number("y", 5)):
        assert range_findings.far_out(pair(served, training), "x") == 0.0
    for other in (category, hand_made.number("y", 5)):
        assert list(range_findings.findings(pair(other), ["x"])) == []
        assert range_findings.far_out(pair(other), "x") == 0.0
