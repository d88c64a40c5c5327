"""The incidents of one window, from its findings alone: worst first, each as if it were new."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from trueserve.transforms.verdict.incidents import grouping, titles
from trueserve.transforms.verdict.incidents.causes import CERTAIN, MISSING
from trueserve.transforms.verdict.incidents.grouping import Group, ratio
from trueserve.transforms.verdict.incidents.incident import FeatureOfSpace, Incident, IncidentKind
from trueserve.transforms.verdict.model import Finding, Space
from trueserve.transforms.verdict.severity import RANKS
from trueserve.transforms.verdict.wording import iso

_LONGEST_SLUG, _HEX = 24, 6


class Grouped(NamedTuple):
    """Incidents, worst first, and which of them each finding belongs to.

    Attributes:
      of_finding: for each finding the number of its incident; None for one that belongs to none.
    """

    incidents: tuple[Incident, ...]
    of_finding: tuple[int | None, ...]


def build(findings: Sequence[Finding], start: dt.datetime | None) -> Grouped:
    """Groups a verdict's findings.

    Args:
      findings: all of them, as the verdict has them.
      start: of the window; part of the incidents' ids.
    """
    groups = sorted(grouping.grouped(findings), key=lambda group: _order(group, findings))
    incidents = tuple(_incident(group, findings, start) for group in groups)
    of_finding: list[int | None] = [None] * len(findings)
    for at, group in enumerate(groups):
        for number in group.numbers:
            of_finding[number] = at
    return Grouped(incidents, tuple(of_finding))


def _order(group: Group, findings: Sequence[Finding]) -> tuple[object, ...]:
    """Errors first; of these faults of the pipeline, then what is most over its limit."""
    return *grouping.rank(group, findings), group.cause.kind.value, group.cause.key, group.numbers


def _incident(group: Group, findings: Sequence[Finding], start: dt.datetime | None) -> Incident:
    members = sorted(grouping.members(group, findings), key=_tells_most)
    kind, key = group.cause
    features = _features(kind, members)
    share = _share(key, members)
    measured = max((f for f in members if f.evidence is not None), key=ratio, default=None)
    evidence = measured.evidence if measured is not None else None
    return Incident(
        id=_id(group, features, start),
        kind=kind,
        key=key,
        title=titles.title(kind, key, features, members, share),
        severity=members[0].severity,
        what_to_do=titles.what_to_do(kind, key, features),
        features=features,
        share=share,
        metric=None if evidence is None else evidence.metric,
        effect=None if evidence is None else evidence.effect,
        least_effect=None if evidence is None else evidence.least_effect,
        effective_rows=None if evidence is None else evidence.effective_rows,
        first_start=start,
        sliced_by=group.sliced_by,
        findings=len(group.numbers),
    )


def _tells_most(finding: Finding) -> tuple[object, ...]:
    """Errors first; of these raw features, then what has a sure cause, then what is most over its limit."""
    sure = finding.diagnosis.confidence if finding.diagnosis else 0.0
    return (
        RANKS[finding.severity],
        finding.slice is not None,
        finding.space is not Space.RAW,
        -sure,
        -ratio(finding),
        finding.feature,
    )


def _features(kind: IncidentKind, members: Sequence[Finding]) -> tuple[FeatureOfSpace, ...]:
    """Its raw features, the most moved first; where it has none, those of the spaces behind."""
    if kind is IncidentKind.SEASON:
        names = dict.fromkeys(name for finding in members for name in finding.raw_features)
        return tuple(FeatureOfSpace(Space.RAW, name) for name in names)
    for space in (Space.RAW, Space.TRANSFORMED, Space.PREDICTION):
        moved = [f for f in members if f.space is space and f.feature]
        if moved:
            moved.sort(key=lambda f: (RANKS[f.severity], -ratio(f), f.feature))
            return tuple(dict.fromkeys(FeatureOfSpace(space, f.feature) for f in moved))
    return ()


def _share(key: str, members: Sequence[Finding]) -> float | None:
    """The part of the rows that it was done to: the greatest that a diagnosis of its cause gives."""
    first = members[0]
    if key == MISSING:
        return first.diagnosis.share if first.diagnosis else None
    if first.diagnosis is None or first.diagnosis.confidence < CERTAIN:
        return None
    alike = [f.diagnosis for f in members if f.diagnosis and f.diagnosis.cause == first.diagnosis.cause]
    return max((each.share for each in alike if each.share is not None), default=None)


def _id(group: Group, features: Sequence[FeatureOfSpace], start: dt.datetime | None) -> str:
    """A readable id that two windows, or two causes, do not share."""
    kind, key = group.cause
    name = features[0].feature if features else kind.value
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST_SLUG] or "incident"
    told_apart = repr(
        (kind.value, key, group.sliced_by, [tuple(map(str, each)) for each in features], iso(start))
    )
    return f"{slug}-{hashlib.sha256(told_apart.encode('utf-8', 'backslashreplace')).hexdigest()[:_HEX]}"
