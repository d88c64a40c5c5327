"""Which incidents a model is asked about, why others are not, and what is said of the effect."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support import hand_made

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Window
from trueserve.transforms.performance.harm import Effect
from trueserve.transforms.publish import harm
from trueserve.transforms.publish.harm import ExportedModel
from trueserve.transforms.verdict.incidents.incident import (
    FeatureOfSpace,
    Incident,
    IncidentKind,
    IncidentState,
)
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import TrainingSample
from trueserve.transforms.verdict.result import Verdict, VerdictOutcome

MILES = Incident(
    "miles-1",
    IncidentKind.PIPELINE,
    "scale",
    "miles is training x 1.609",
    Severity.ERROR,
    "Look.",
    features=(FeatureOfSpace(Space.RAW, "miles"),),
)
MODEL = ExportedModel("gs://models/1", why_not="it reads files")
EFFECT = Effect(900, 1, 0, 0.43, 0.12, 0.01, 0.15, {})


def measured(*incidents: Incident, model: ExportedModel | None = MODEL) -> list[dict[str, Any] | None]:
    verdict = Verdict(VerdictOutcome.SKEW, Window(), Accounting(compared=9), incidents=incidents)
    after = harm.with_harm(verdict, model, None, [])
    return [None if each.harm is None else dict(each.harm) for each in after.incidents]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"severity": Severity.INFO}, "it is no error and no warning"),
        ({"sliced_by": "version"}, "it is in a part of the rows alone"),
        ({"features": ()}, "no raw feature differs, so that training's values cannot be put back"),
        (
            {"features": (FeatureOfSpace(Space.TRANSFORMED, "miles_z"),)},
            "no raw feature differs, so that training's values cannot be put back",
        ),
        ({}, "it reads files"),
    ],
)
def test_an_incident_that_was_not_measured_says_why(changed: dict[str, Any], why: str) -> None:
    [of] = measured(dataclasses.replace(MILES, **changed))
    assert of is not None
    assert (of["text"], of["why"]) == ("", why)
    assert {value for key, value in of.items() if key not in ("text", "why")} == {None}


def test_without_a_model_and_once_an_incident_is_over_nothing_is_said() -> None:
    assert measured(MILES, model=None) == [None]
    over = dataclasses.replace(MILES, state=IncidentState.RESOLVED)
    assert measured(over, MILES)[0] is None


def test_no_rows_and_no_training_rows_are_reasons() -> None:
    model = ExportedModel("gs://models/1")
    [of] = measured(MILES, model=model)
    assert of is not None
    assert of["why"] == "the baseline keeps no training rows"
    reference = hand_made.pair(hand_made.schema(), hand_made.statistics(9), hand_made.statistics(9)).reference
    assert harm._measured([MILES], model, None, [reference]) == "the baseline keeps no training rows"


@pytest.mark.parametrize(
    ("training", "why"),
    [
        # A feature that training lacks cannot be put back: that is no effect of 0.
        (
            pa.record_batch([pa.array([[1.0]] * 9)], names=["other"]),
            "the training rows that the baseline keeps lack",
        ),
        (
            pa.record_batch([pa.array([], pa.large_list(pa.float32()))], names=["miles"]),
            "the model cannot be asked",
        ),
    ],
)
def test_what_cannot_be_put_back_is_a_reason_and_no_error(training: Any, why: str) -> None:
    pair = hand_made.pair(hand_made.schema(), hand_made.statistics(9), hand_made.statistics(9))
    reference = dataclasses.replace(pair.reference, sample=TrainingSample(training, training))
    served = pa.record_batch([pa.array([[1.0]] * 90, pa.large_list(pa.float32()))], names=["miles"])
    measured = harm._measured([MILES], ExportedModel("/no/model"), served, [reference])
    assert isinstance(measured, str)
    assert measured.startswith(why)


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        (EFFECT, "It changes late by 0.15 in a row on average; its mean goes from 0.31 to 0.43."),
        (
            dataclasses.replace(EFFECT, change=0.02),
            "It changes late by 0.15 in a row on average; its mean stays at 0.43.",
        ),
        (
            dataclasses.replace(EFFECT, metrics={"mae": (0.5, 2.5), "rmse": (1.0, 3.0)}),
            "It changes late by 0.15 in a row on average; its mean goes from 0.31 to 0.43;"
            " the estimated MAE is worse by 0.5.",
        ),
        # What looks better, or the same, is not said.
        (dataclasses.replace(EFFECT, metrics={"auc": (0.01, 0.8)}), "0.31 to 0.43."),
        (dataclasses.replace(EFFECT, metrics={"auc": (-0.0001, 0.8)}), "0.31 to 0.43."),
        (
            dataclasses.replace(EFFECT, metrics={"auc": (-0.01, 0.8)}),
            "0.31 to 0.43; the estimated AUC is worse by 0.01.",
        ),
        (dataclasses.replace(EFFECT, width=3, value=2), "It changes late[2] by 0.15 in a row on average;"),
        (dataclasses.replace(EFFECT, served=123_456.0, change=1000.0), "goes from 122,456 to 123,456."),
    ],
)
def test_the_effect_in_words(effect: Effect, text: str) -> None:
    assert text in harm.text("late", effect)
    if text.startswith("It") and text.endswith("."):
        assert harm.text("late", effect) == text
