"""The cause that a finding shows by itself, as a key that findings of the same cause share."""

from __future__ import annotations

import re
from typing import NamedTuple

from trueserve.transforms.verdict.diagnosis.categories import NEW
from trueserve.transforms.verdict.diagnosis.causes import SWAPPED
from trueserve.transforms.verdict.diagnosis.fitting import UNKNOWN
from trueserve.transforms.verdict.findings import season
from trueserve.transforms.verdict.incidents.incident import IncidentKind
from trueserve.transforms.verdict.model import Diagnosis, Finding, FindingKind, Space

#: Diagnoses that are less sure than this name no cause.
CERTAIN = 0.7
#: Keys of what has no cause of its own: it follows whatever else is known of the feature.
MOVED, MISSING, NEW_COLUMNS, PERFORMANCE = "moved", "missing", "new columns", "performance"
_PREPROCESSED, _PREDICTED = "transformed", "predicted"
_FIT = re.compile(r" \(fit [0-9.]+\)")
_PART = re.compile(r" in about [0-9.]+ ?% of rows")
_FEATURE = re.compile(r"`(.*)`")


class Cause(NamedTuple):
    """What an incident is made of.

    Attributes:
      key: findings of the same kind and key have one cause, whichever features they are about.
    """

    kind: IncidentKind
    key: str

    @property
    def is_unknown(self) -> bool:
        return self.key in (MOVED, _PREPROCESSED, _PREDICTED)


def of_finding(finding: Finding) -> Cause:
    """The cause of one finding, without regard to others."""
    if finding.metric == season.METRIC:
        return Cause(IncidentKind.SEASON, "season")
    if finding.space is Space.SET and finding.kind is FindingKind.PRESENCE:
        return Cause(IncidentKind.PIPELINE, finding.metric)
    if finding.space is Space.PREDICTION:
        key = PERFORMANCE if finding.kind is FindingKind.PERFORMANCE else _PREDICTED
        return Cause(IncidentKind.PREDICTIONS, key)
    if finding.kind in _OF_THE_SET:
        return Cause(_OF_THE_SET[finding.kind], _key_of_set(finding))
    if finding.space is Space.TRANSFORMED:
        diagnosis = _diagnosed(finding)
        return Cause(IncidentKind.PREPROCESSING, signature(diagnosis) if diagnosis else _PREPROCESSED)
    return _of_raw(finding)


_OF_THE_SET = {
    FindingKind.REPLAY: IncidentKind.MODEL,
    FindingKind.CONTRACT: IncidentKind.MODEL,
    FindingKind.DRIFT: IncidentKind.DRIFT,
    FindingKind.DEPENDENCE: IncidentKind.PIPELINE,
    FindingKind.SCHEMA: IncidentKind.OTHER,
}


def _key_of_set(finding: Finding) -> str:
    """Of the schema each metric is a matter of its own; other kinds have one key each."""
    return finding.metric if finding.kind is FindingKind.SCHEMA else finding.kind.value


def _of_raw(finding: Finding) -> Cause:
    if finding.kind is FindingKind.PRESENCE:
        return Cause(IncidentKind.PIPELINE, MISSING)
    if finding.kind in (FindingKind.TYPE, FindingKind.REPRESENTATION):
        return Cause(IncidentKind.PIPELINE, f"{finding.kind.value}: {finding.metric}")
    diagnosis = _diagnosed(finding)
    if diagnosis is not None and diagnosis.cause != NEW:
        return Cause(IncidentKind.PIPELINE, signature(diagnosis, finding.feature))
    if finding.kind is FindingKind.VALUES and finding.metric == "SCHEMA_NEW_COLUMN":
        return Cause(IncidentKind.VALUES, NEW_COLUMNS)
    if finding.kind is FindingKind.VALUES and finding.metric != "outside_training_range":
        return Cause(IncidentKind.VALUES, f"new values of {finding.feature}")
    return Cause(IncidentKind.POPULATION, MOVED)


def _diagnosed(finding: Finding) -> Diagnosis | None:
    """The diagnosis, if it names a cause and is sure of it."""
    diagnosis = finding.diagnosis
    is_known = diagnosis is not None and diagnosis.cause != UNKNOWN and diagnosis.confidence >= CERTAIN
    return diagnosis if is_known else None


def signature(diagnosis: Diagnosis, feature: str = "") -> str:
    """What findings of one cause have in common: cause and factor, but neither fit, rows nor feature."""
    if diagnosis.cause == SWAPPED:
        others = _FEATURE.findall(diagnosis.evidence)
        return f"{SWAPPED}: {' and '.join(sorted({feature, *others}))}"
    evidence = plain_evidence(diagnosis)
    return f"{diagnosis.cause}: {evidence.split(':')[0]}"


def plain_evidence(diagnosis: Diagnosis) -> str:
    """The evidence without how well it fits, and in how many rows."""
    return _PART.sub("", _FIT.sub("", diagnosis.evidence))
