"""Values outside a schema's domain that new values of texts make: as many as are expected are no error."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.compare import Policy, compare
from trueserve.transforms.verdict.evidence import unseen_mass
from trueserve.transforms.verdict.findings import schema as schema_findings
from trueserve.transforms.verdict.model import Severity
from trueserve.transforms.verdict.reference import ComparedPair

DOMAIN = schema_pb2.StringDomain(value=["a", "b"])
FEATURE = schema_pb2.Feature(name="c", type=schema_pb2.BYTES, string_domain=DOMAIN)


def pair(expected: float, *, between_windows: bool = False) -> ComparedPair:
    """Of a thousand values served 30 are outside the domain."""
    training, served = hand_made.category("c", {"a": 1000}), hand_made.category("c", {"a": 970, "new": 30})
    both = (hand_made.statistics(1000, side) for side in (training, served))
    made = hand_made.pair(hand_made.schema(FEATURE), *both, new_values={"c": expected})
    return dataclasses.replace(made, between_windows=between_windows)


@pytest.mark.parametrize(
    ("expected", "severity"), [(0.0, Severity.ERROR), (0.01, Severity.ERROR), (0.04, Severity.WARNING)]
)
def test_what_is_expected_is_taken_off(expected: float, severity: Severity) -> None:
    made = pair(expected)
    served = made.serving["c"]
    mass = unseen_mass.of_category(made.schema, FEATURE, served)
    assert mass is not None
    level, message = schema_findings._unseen_message(made, "c", mass)
    assert level is severity
    says = f"; new values of texts make up to {expected:.1%} of all values".replace("%", " %")
    assert message.endswith(says) is bool(expected)


def test_of_an_earlier_window_nothing_is() -> None:
    made = pair(0.04, between_windows=True)
    mass = unseen_mass.of_category(made.schema, FEATURE, made.serving["c"])
    assert mass is not None
    assert schema_findings._unseen_message(made, "c", mass)[0] is Severity.ERROR


@pytest.mark.parametrize(("expected", "is_left_out"), [(0.3, False), (0.31, True)])
def test_where_a_key_has_hardly_three_rows_nothing_is_compared_and_that_is_said(
    expected: float, is_left_out: bool
) -> None:
    made = pair(expected)
    result = compare(made.reference, made.served, Policy(), Counter())
    reasons = {left_out.feature: left_out.reason for left_out in result.not_compared}
    assert (
        reasons.get("c", "") == "fitted by key, and training has hardly three rows of each"
    ) is is_left_out
