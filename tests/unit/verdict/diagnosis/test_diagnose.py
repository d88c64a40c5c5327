"""Which findings get a cause, what is said of it, and which features may have been swapped."""

from __future__ import annotations

from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.diagnosis import diagnose
from trueserve.transforms.verdict.diagnosis.diagnose import MISSING_LESS, MISSING_MORE
from trueserve.transforms.verdict.diagnosis.other_types import TYPE_CHANGED
from trueserve.transforms.verdict.model import Diagnosis, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair

ROWS = 1000


def pair(training: int | None, serving: int | None, rows: int = ROWS, **more: Any) -> ComparedPair:
    """Numbers that so many of a thousand rows have; None for a feature that is not there."""
    both = [
        hand_made.statistics(total, *([] if present is None else [hand_made.number("x", present)]))
        for present, total in ((training, ROWS), (serving, rows))
    ]
    schema = hand_made.schema(schema_pb2.Feature(name="x", type=schema_pb2.FLOAT))
    return hand_made.pair(schema, *both, **more)


def finding(kind: FindingKind, severity: Severity = Severity.ERROR, feature: str = "x") -> Finding:
    return Finding(feature, Space.RAW, kind, severity, "metric", "it differs")


@pytest.mark.parametrize(
    ("training", "serving", "cause", "evidence"),
    [
        (900, 500, MISSING_MORE, "missing in 10.0% of training and 50.0% of serving"),
        (900, 900, MISSING_MORE, "missing in 10.0% of training and 10.0% of serving"),
        (500, 900, MISSING_LESS, "missing in 50.0% of training and 10.0% of serving"),
        (900, None, MISSING_MORE, "missing in 10.0% of training and 100.0% of serving"),
        (None, 900, MISSING_MORE, "missing in 0.0% of training and 10.0% of serving"),
    ],
)
def test_rows_that_lack_a_feature(
    training: int | None, serving: int | None, cause: str, evidence: str
) -> None:
    [made] = diagnose.diagnosed(pair(training, serving), [finding(FindingKind.PRESENCE)])
    share = 1.0 if serving is None else 1 - serving / 1000
    assert made.diagnosis == Diagnosis(cause, 0.98, evidence, round(share, 4))
    # The finding says it already.
    assert made.message == "it differs"


def test_where_nothing_was_served_everything_is_missing() -> None:
    [made] = diagnose.diagnosed(pair(900, None, rows=0), [finding(FindingKind.PRESENCE)])
    assert made.diagnosis is not None
    assert made.diagnosis.evidence == "missing in 10.0% of training and 100.0% of serving"


def test_another_type_is_its_own_cause() -> None:
    [made] = diagnose.diagnosed(pair(900, 900), [finding(FindingKind.TYPE)])
    assert made.diagnosis == Diagnosis(TYPE_CHANGED, 0.98, "it differs")


@pytest.mark.parametrize(
    "plain",
    [
        finding(FindingKind.PRESENCE, Severity.WARNING),
        finding(FindingKind.TYPE, Severity.INFO),
        finding(FindingKind.SCHEMA),
        finding(FindingKind.TYPE, feature=""),
    ],
)
def test_what_is_no_error_of_a_feature_has_no_cause(plain: Finding) -> None:
    assert list(diagnose.diagnosed(pair(900, 500), [plain])) == [plain]
    # Beside an error of the same feature neither.
    first, second = diagnose.diagnosed(pair(900, 500), [finding(FindingKind.PRESENCE), plain])
    assert first.diagnosis is not None
    assert second == plain


def test_features_beyond_the_first_hundreds_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "MOST_DIAGNOSED", 2)
    every = [finding(FindingKind.TYPE, feature=name) for name in ("a", "b", "a", "c")]
    made = diagnose.diagnosed(pair(900, 900), every)
    assert [f.diagnosis is not None for f in made] == [True, True, True, False]


def test_only_raw_features_of_the_same_kind_that_differ_too_may_be_swapped() -> None:
    numbers = [hand_made.number(name, 9) for name in ("x", "y", "z")]
    trained = hand_made.statistics(9, *numbers, hand_made.category("w", {"a": 9}))
    names = ("x", "y", "w", "new")
    for space, others in ((Space.RAW, ["y"]), (Space.TRANSFORMED, [])):
        both = hand_made.pair(schema_pb2.Schema(), trained, trained, space=space)
        causes = diagnose._Causes(both, names)
        assert list(causes._others("x", "number")) == others
