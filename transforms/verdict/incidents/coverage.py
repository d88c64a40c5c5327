"""What a window could have shown: an incident of the last window is over only if this one looked for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from trueserve.transforms.verdict.incidents.causes import MISSING, PERFORMANCE
from trueserve.transforms.verdict.incidents.grouping import fields_of_slice
from trueserve.transforms.verdict.incidents.incident import FeatureOfSpace, Incident, IncidentKind
from trueserve.transforms.verdict.model import FindingKind, Space
from trueserve.transforms.verdict.result import Verdict, VerdictOutcome

# Keys of causes that a check beside the comparison finds.
_REPLAY, _CONTRACT, _DEPENDENCE = (
    kind.value for kind in (FindingKind.REPLAY, FindingKind.CONTRACT, FindingKind.DEPENDENCE)
)
_DRIFT = IncidentKind.DRIFT.value


@dataclasses.dataclass(frozen=True)
class Coverage:
    """What was looked at.

    Attributes:
      values, missing: the features whose values were tested, and whose missing rows were counted.
      left_out: those that were not compared.
      spaces: those of which any feature was compared.
      tied: raw features whose ties to others were compared.
      slices: the fields by which slices were compared.
      checks: the other checks that were made, by the keys of their causes.
    """

    values: frozenset[FeatureOfSpace] = frozenset()
    missing: frozenset[FeatureOfSpace] = frozenset()
    left_out: frozenset[FeatureOfSpace] = frozenset()
    spaces: frozenset[Space] = frozenset()
    tied: frozenset[str] = frozenset()
    slices: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()

    def shows(self, incident: Incident) -> bool:
        """Whether the window would have the incident if it lasted."""
        if incident.sliced_by and incident.sliced_by not in self.slices:
            return False
        if incident.key in (_REPLAY, _CONTRACT, PERFORMANCE):
            return incident.key in self.checks
        if incident.kind is IncidentKind.DRIFT and _DRIFT not in self.checks:
            return False
        if incident.key == _DEPENDENCE:
            return {each.feature for each in incident.features} <= self.tied and bool(self.tied)
        return all(self._shows_feature(incident.key, each) for each in incident.features)

    def _shows_feature(self, key: str, feature: FeatureOfSpace) -> bool:
        if key == MISSING:
            return feature in self.missing
        # A column that training does not have, and that is gone, is nowhere.
        is_gone = feature not in self.left_out and feature not in self.missing
        return feature in self.values or (is_gone and feature.space in self.spaces)


def of_verdict(verdict: Verdict) -> Coverage:
    """That of a run, from what it publishes."""
    features = {FeatureOfSpace(each.space, each.feature): each for each in verdict.features}
    compared = [each for each in verdict.slices if each.outcome is not VerdictOutcome.NOT_EXAMINED]
    return Coverage(
        values=frozenset(name for name, numbers in features.items() if numbers.metric is not None),
        missing=frozenset(features),
        left_out=frozenset(FeatureOfSpace(each.space, each.feature) for each in verdict.not_compared),
        spaces=frozenset(name.space for name in features),
        tied=frozenset((verdict.dependence or {}).get("compared", ())),
        slices=frozenset(fields_of_slice(each.name) for each in compared),
        checks=frozenset(_checks(verdict)),
    )


def _checks(verdict: Verdict) -> Iterable[str]:
    if verdict.replay is not None:
        yield _REPLAY
    if verdict.versions is not None:
        yield _CONTRACT
    if (verdict.performance or {}).get("metrics"):
        yield PERFORMANCE
    if (verdict.previous or {}).get("run") is not None:
        yield _DRIFT
