"""The sentences that tell what decided: each case in full."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.verdict.evidence import wording
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.evidence.vectors.profile import Profile
from trueserve.transforms.verdict.model import FindingEvidence, SeasonalVariation, ShareChange
from trueserve.transforms.verdict.wording import spans

PART = ShareChange("1 to 2", 0.1, 0.25)
DAYS = SeasonalVariation("day", 1, 0.2, 0.01, 0.05, 0.3)


def difference(metric: str, **changes: Any) -> FeatureDifference:
    return dataclasses.replace(FeatureDifference(metric, 0.25, 0.002, 500.0), **changes)


def evidence(**changes: Any) -> FindingEvidence:
    plain = FindingEvidence(True, True, "m", 0.25, 0.025, 0.002, 0.002, 0.005, 500, (PART,))
    return dataclasses.replace(plain, **changes)


@pytest.mark.parametrize(
    ("metric", "changes", "sentence"),
    [
        (
            KOLMOGOROV,
            {},
            "Kolmogorov-Smirnov distance 0.25 is over 0.025 and beyond chance (p 2.0e-03); 1 to 2: 10.0 % of"
            " training, 25.0 % of serving",
        ),
        (VARIATION, {"parts": ()}, "total variation 0.25 is over 0.025 and beyond chance (p 2.0e-03)"),
        (
            LENGTH,
            {"parts": (), "beyond_chance": False},
            "distance of the numbers of values in a row 0.25 is over 0.025 and no more than chance explains",
        ),
        (
            VARIATION,
            {"large_enough": False, "parts": ()},
            "total variation 0.25, beyond chance (p 2.0e-03), is under the limit 0.025",
        ),
        (
            VARIATION,
            {"large_enough": False, "beyond_chance": False, "parts": ()},
            "total variation 0.25, no more than chance explains, is under the limit 0.025",
        ),
        (
            VARIATION,
            {"beyond_chance": False, "seasonal": DAYS, "parts": ()},
            "total variation 0.25 is over 0.025, but no more than training's days differ; training's days lie"
            " 0.01 from the rest (median), 0.05 at most, this window 0.2",
        ),
        (MISSING, {}, "missing in 10.0 % of training rows and in 25.0 % of those served (p 2.0e-03)"),
        (
            UNSEEN_SHARE,
            {},
            "25.0 % of the values served are new; training leads to expect 10.0 % (p 2.0e-03)",
        ),
        (
            MISSING,
            {"seasonal": dataclasses.replace(DAYS, unit="hour", most=0.0)},
            "missing in 10.0 % of training rows and in 25.0 % of those served (p 2.0e-03); training's hours"
            " differ no more than chance makes them",
        ),
        (
            MISSING,
            {"seasonal": DAYS, "beyond_chance": False},
            "missing in 10.0 % of training rows and in 25.0 % of those served is over 0.025, but no more than"
            " training's days differ; training's days lie 0.01 from the rest (median), 0.05 at most, this"
            " window 0.2",
        ),
        (
            MISSING,
            {"large_enough": False},
            "missing in 10.0 % of training rows and in 25.0 % of those served, beyond chance (p 2.0e-03), is"
            " under the limit 0.025",
        ),
    ],
)
def test_a_sentence_tells_both_conditions_and_what_moved(
    metric: str, changes: dict[str, Any], sentence: str
) -> None:
    assert wording.sentence(difference(metric), evidence(**changes)) == sentence


def test_of_the_parts_the_first_is_told_alone() -> None:
    parts = (PART, ShareChange("2 to 3", 0.3, 0.1))
    assert wording.sentence(difference(KOLMOGOROV), evidence(parts=parts)).count(" of training") == 1


@pytest.mark.parametrize(
    ("p_value", "says"), [(1e-12, "p 1.0e-12"), (9.9e-13, "p below 1e-12"), (0.0, "p below 1e-12")]
)
def test_p_values_that_nobody_can_imagine_are_not_spelled_out(p_value: float, says: str) -> None:
    assert f"({says})" in wording.sentence(difference(KOLMOGOROV), evidence(p_value=p_value))


def test_the_value_that_was_left_out_is_named() -> None:
    measured = wording.distance(difference(KOLMOGOROV, excluded_value=0.0))
    assert measured == "Kolmogorov-Smirnov distance 0.25 of the values that are not 0"


def test_what_decided_has_no_parts() -> None:
    expected_text = "total variation 0.25 is over 0.025 and beyond chance (p 2.0e-03)"
    assert wording.decided(difference(VARIATION), evidence()) == expected_text
    days = "training's days lie 0.01 from the rest (median), 0.05 at most, this window 0.2"
    assert wording.decided(difference(VARIATION), evidence(seasonal=DAYS)) == f"{expected_text}; {days}"


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({}, "too few to be an error"),
        ({"beyond_chance": False}, "which is no more than chance explains"),
        ({"beyond_chance": False, "seasonal": DAYS}, "which is no more than training's days differ"),
        ({"seasonal": DAYS}, "too few to be an error"),
        (
            {"beyond_chance": False, "seasonal": DAYS, "large_enough": False},
            "which is no more than chance explains",
        ),
    ],
)
def test_why_missing_rows_are_no_error(changes: dict[str, Any], expected_text: str) -> None:
    assert wording.why_not(evidence(**changes)) == expected_text


def labels(metric: str, label: str, served: dict[str, float], between_windows: bool = False) -> list[str]:
    schema = hand_made.schema(schema_pb2.Feature(name="c", type=schema_pb2.BYTES))
    training = hand_made.statistics(100, hand_made.category("c", {"known": 3, "often": 50}))
    pair = hand_made.pair(schema, training, hand_made.statistics(100, hand_made.category("c", served)))
    pair = dataclasses.replace(pair, between_windows=between_windows)
    made = difference(metric, parts_of=lambda: ((label, 0.1, 0.2),))
    parts = wording.parts_of(pair, "c", made)
    assert [(part.training, part.serving) for part in parts] == [(0.1, 0.2)]
    return [part.label for part in parts]


def test_a_rare_value_that_training_does_not_have_is_not_named() -> None:
    assert labels(VARIATION, "new", {"new": NAMED_FROM}) == ["'new'"]
    assert labels(VARIATION, "new", {"new": NAMED_FROM - 1}) == ["a rare value"]
    assert labels(VARIATION, "known", {"new": 1}) == ["'known'"]
    assert labels(VARIATION, "known", {"new": 1}, between_windows=True) == ["a rare value"]
    assert labels(VARIATION, "often", {"new": 1}, between_windows=True) == ["'often'"]
    assert labels(VARIATION, "(others)", {"new": 1}) == ["others"]
    assert labels(UNSEEN_SHARE, "new", {"new": 1}) == ["new"]
    assert labels(KOLMOGOROV, "(others)", {"new": 1}) == ["(others)"]


def test_what_is_not_served_keeps_its_label() -> None:
    schema = hand_made.schema(schema_pb2.Feature(name="c", type=schema_pb2.BYTES))
    training = hand_made.statistics(100, hand_made.category("c", {"known": 3}))
    pair = hand_made.pair(schema, training, hand_made.statistics(100))
    made = difference(VARIATION, parts_of=lambda: (("(others)", 0.1, 0.2),))
    assert [part.label for part in wording.parts_of(pair, "c", made)] == ["(others)"]


@pytest.mark.parametrize(
    ("numbers", "width", "expected"),
    [
        ([5], 1, "5"),
        ([4, 2, 3, 9], 1, "2-4, 9"),
        ([0, 2], 3, "0-2, 6-8"),
        ([0, 2, 4, 6, 8, 10, 12, 13], 1, "0, 2, 4, 6, 8, 10 and 2 more"),
    ],
)
def test_positions_are_listed_shortly(numbers: list[int], width: int, expected: str) -> None:
    assert spans(numbers, width) == expected


def test_the_last_block_ends_where_the_vector_does() -> None:
    assert spans([0, 3333], 3, 10_000) == "0-2, 9999"
    assert spans([0, 3332, 3333], 3, 10_000) == "0-2, 9996-9999"
    assert spans([0, 3333], 3, 10_000, most=1) == "0-2 and 1 more"
    known = np.zeros(3334)
    assert Profile(10_000, known, 9.0, 1.0, is_vector=True).num_positions(np.array([0, 3333])) == 4
