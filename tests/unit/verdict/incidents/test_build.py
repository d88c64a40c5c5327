"""Findings to incidents: what follows from one cause is one incident, and the worst comes first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from support.page import HOSTILE, make_finding

from trueserve.transforms.verdict.diagnosis.categories import NEW, SPELLED
from trueserve.transforms.verdict.diagnosis.causes import SCALE, SWAPPED
from trueserve.transforms.verdict.diagnosis.diagnose import MISSING_MORE
from trueserve.transforms.verdict.findings import season
from trueserve.transforms.verdict.incidents import build
from trueserve.transforms.verdict.incidents.incident import Incident, IncidentKind
from trueserve.transforms.verdict.model import (
    Diagnosis,
    Finding,
    FindingEvidence,
    FindingKind,
    Severity,
    Space,
)

KILOMETRES = Diagnosis(SCALE, 0.97, "serving is training x 1.609: kilometres for miles? (fit 0.936)", 1.0)
LOWER = Diagnosis(
    SPELLED, 0.98, "values are in lower case: 15 of 15 new values equal a training value apart from that", 1.0
)


def measured(effect: float, least: float = 0.025) -> FindingEvidence:
    return FindingEvidence(True, True, "kolmogorov_smirnov", effect, least, 0.0, 0.0, 0.001, 5_000)


def moved(name: str, effect: float = 0.1, **more: Any) -> Finding:
    return make_finding(name, evidence=measured(effect), **more)


def computed(name: str, *raw: str, effect: float = 0.1, **more: Any) -> Finding:
    return moved(name, effect, space=Space.TRANSFORMED, raw_features=raw, **more)


def missing(name: str, share: float) -> Finding:
    evidence = f"missing in 0.0% of training and {100 * share:.1f}% of serving"
    diagnosis = Diagnosis(MISSING_MORE, 0.98, evidence, share)
    return make_finding(name, kind=FindingKind.PRESENCE, diagnosis=diagnosis)


def incidents(*findings: Finding) -> list[Incident]:
    return list(build.build(findings, None).incidents)


def titles(*findings: Finding) -> list[str]:
    return [incident.title for incident in incidents(*findings)]


def test_two_faults_come_before_a_season_of_many_features() -> None:
    weather = [moved(name, 0.7) for name in ("temp", "humid", "visib", "wind")]
    faults = [moved("carrier", diagnosis=LOWER), moved("distance", diagnosis=KILOMETRES)]
    assert titles(*weather, computed("temp_z", "temp"), *faults, computed("distance_z", "distance")) == [
        "carrier is in lower case in all rows",
        "distance is training x 1.609 (kilometres for miles?) in all rows",
        "humid, temp, visib and 1 more moved, and no cause is known",
    ]


def test_each_finding_knows_its_incident() -> None:
    findings = [moved("temp"), moved("miles", diagnosis=KILOMETRES), computed("miles_z", "miles")]
    findings += [moved("temp", severity="info"), moved("calm", severity="info")]
    grouped = build.build(findings, None)
    assert [incident.findings for incident in grouped.incidents] == [2, 2]
    assert grouped.of_finding == (1, 0, 0, 1, None)


def test_the_same_done_to_several_features_is_one_incident() -> None:
    [only] = incidents(moved("a", 0.2, diagnosis=KILOMETRES), moved("b", 0.3, diagnosis=KILOMETRES))
    assert (only.kind, only.title) == (
        IncidentKind.PIPELINE,
        "b and a are training x 1.609 (kilometres for miles?) in all rows",
    )
    assert (only.effect, only.share) == (0.3, 1.0)


def test_other_factors_are_other_incidents() -> None:
    inches = Diagnosis(SCALE, 0.97, "serving is training x 2.54: centimetres? (fit 0.9)", 1.0)
    assert len(incidents(moved("a", diagnosis=KILOMETRES), moved("b", diagnosis=inches))) == 2


def test_features_swapped_with_each_other_are_one_incident() -> None:
    pairs = (("a", "b"), ("b", "a"))
    swapped = [
        moved(name, diagnosis=Diagnosis(SWAPPED, 0.9, f"serving has the values of `{other}` (fit 0.9)", 1.0))
        for name, other in pairs
    ]
    assert len(incidents(*swapped)) == 1


def test_features_that_lack_values_in_as_many_rows_have_one_source() -> None:
    first, second = incidents(missing("a", 0.32), missing("b", 0.321), missing("c", 0.9))
    assert {first.title, second.title} == {
        "a and b are missing in 32.0 % of the rows, 0.0 % in training",
        "c is missing in 90.0 % of the rows, 0.0 % in training",
    }


def test_an_unsure_cause_is_none() -> None:
    unsure = Diagnosis(SCALE, 0.3, "serving is training x 0.3937 in about 60% of rows (fit 0.660)", 0.6)
    assert titles(moved("pressure", diagnosis=unsure)) == ["pressure moved, and no cause is known"]


def test_what_is_computed_from_healthy_features_is_the_preprocessing() -> None:
    [only] = incidents(computed("temp_z", "temp"), computed("dest_id", "dest"))
    assert only.kind is IncidentKind.PREPROCESSING
    assert (
        only.title
        == "what the model sees of dest_id and temp_z moved, and the raw features agree with training"
    )
    assert "trueserve check" in only.what_to_do


def test_a_trifle_of_the_raw_feature_explains_no_error_of_what_is_computed() -> None:
    kinds = [
        incident.kind
        for incident in incidents(
            make_finding("dest", "warning", kind=FindingKind.VALUES, metric="unseen_share"),
            computed("dest_id", "dest"),
        )
    ]
    assert kinds == [IncidentKind.PREPROCESSING, IncidentKind.VALUES]


def test_a_trifle_of_a_feature_that_moved_is_no_incident_of_its_own() -> None:
    trifle = make_finding("dest", "warning", kind=FindingKind.VALUES, metric="unseen_share")
    [only] = incidents(trifle, moved("dest"))
    assert (only.severity, only.findings) == (Severity.ERROR, 2)


def test_predictions_follow_from_the_worst_of_what_moved() -> None:
    answers = moved("score", 0.9, space=Space.PREDICTION)
    [only] = incidents(answers, moved("miles", diagnosis=KILOMETRES))
    assert (only.findings, only.features[0].feature) == (2, "miles")
    assert titles(answers) == ["the predictions moved, and no feature did: score"]


def test_a_loss_of_performance_is_an_incident_of_its_own() -> None:
    loss = make_finding(
        "score", message="AUC fell by 0.1; more", space=Space.PREDICTION, kind=FindingKind.PERFORMANCE
    )
    assert titles(loss, moved("miles", diagnosis=KILOMETRES), moved("score", space=Space.PREDICTION)) == [
        "miles is training x 1.609 (kilometres for miles?) in all rows",
        "AUC fell by 0.1",
    ]


def test_a_slice_belongs_to_what_its_feature_has() -> None:
    sliced = moved("miles", slice="version=2", diagnosis=KILOMETRES)
    [only] = incidents(sliced, moved("miles", diagnosis=KILOMETRES))
    assert only.findings == 2
    assert len(incidents(sliced, moved("miles", slice="version=3", diagnosis=KILOMETRES))) == 1
    apart = incidents(sliced, moved("miles", slice="hour=3", diagnosis=KILOMETRES))
    assert {incident.title.partition(": ")[0] for incident in apart} == {"in version=2", "in hour=3"}
    assert {incident.sliced_by for incident in apart} == {"version", "hour"}
    assert len({incident.id for incident in apart}) == 2


def test_new_values_are_an_incident_of_each_feature() -> None:
    new = Diagnosis(NEW, 0.7, "3 values that training did not have, 9.0% of served values", 0.09)
    values = [moved(name, kind=FindingKind.VALUES, diagnosis=new) for name in ("a", "b")]
    assert titles(*values) == [f"{name} has values that training did not have" for name in ("a", "b")]


def test_a_season_names_its_features() -> None:
    note = make_finding("", "warning", metric=season.METRIC, raw_features=("temp", "humid"))
    grouped = build.build([note, moved("temp", severity="info")], None)
    assert (
        grouped.incidents[0].title == "a season that training does not have: temp and humid have values of it"
    )
    assert grouped.of_finding == (0, 0)


def test_why_a_run_failed_is_no_incident() -> None:
    assert incidents(make_finding("", kind=FindingKind.INPUT, space=Space.SET)) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_strangers_names_are_harmless(name: str) -> None:
    [only] = incidents(moved(name, diagnosis=KILOMETRES))
    assert only.title.isprintable()
    assert len(only.title) < 200
    assert set(only.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


def test_ids_tell_causes_features_and_windows_apart() -> None:
    first, second = (dt.datetime(2024, 5, day, tzinfo=dt.UTC) for day in (1, 2))
    ids = {
        build.build([finding], start).incidents[0].id
        for finding in (moved("a"), moved("b"), moved("a", diagnosis=KILOMETRES))
        for start in (first, second)
    }
    assert len(ids) == 6
    again = build.build([moved("a")], first).incidents[0].id
    assert again in ids
