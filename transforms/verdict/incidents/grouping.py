"""Findings grouped by what they follow from: by lineage, by diagnosis, and by having moved together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from trueserve.transforms.verdict.incidents import causes
from trueserve.transforms.verdict.incidents.causes import MISSING, Cause
from trueserve.transforms.verdict.incidents.incident import FAULTS, IncidentKind
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.severity import RANKS

# Features that lack values in as many rows have one source: this far apart, absolutely or in proportion.
_APART, _PART_APART = 0.01, 0.05


@dataclasses.dataclass
class Group:
    """Findings of one cause, by their number in the verdict.

    Attributes:
      sliced_by: the fields of the slices that alone have it; empty where the rows as a whole do.
    """

    cause: Cause
    sliced_by: str = ""
    numbers: list[int] = dataclasses.field(default_factory=list)


def grouped(findings: Sequence[Finding]) -> list[Group]:
    """The groups of a verdict's findings; an info is in a group if it is about the same feature.

    Why a run failed or examined nothing is no incident.
    """
    grouping = _Grouping(findings)
    for step in (grouping.add_causes, grouping.add_consequences, grouping.add_answers, grouping.add_infos):
        step()
    return [group for group in grouping.groups.values() if group.numbers]


class _Grouping:
    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings
        self.groups: dict[tuple[Cause, str, int], Group] = {}
        self.placed: set[int] = set()
        # The groups of a raw feature, each with how bad it makes it.
        self.of_raw: dict[str, dict[int, tuple[Severity, Group]]] = {}
        self.left = [
            number
            for number, finding in enumerate(findings)
            if finding.severity is not Severity.INFO and finding.kind is not FindingKind.INPUT
        ]

    def add_causes(self) -> None:
        """Raw features and what is about the whole set: each finding by its own cause."""
        roots = [number for number in self.left if self._is_root(self.findings[number])]
        own = {number: causes.of_finding(self.findings[number]) for number in roots}
        known = _known(self.findings, own)
        missing = _by_share(self.findings, [n for n in roots if own[n].key == MISSING])
        for number in sorted(roots, key=lambda n: RANKS[self.findings[n].severity]):
            finding, cause = self.findings[number], own[number]
            if cause.is_unknown:
                severity, known_cause = known.get(finding.feature, (finding.severity, cause))
                cause = known_cause if RANKS[severity] <= RANKS[finding.severity] else cause
            worse = self._of_sources(finding) if cause.kind not in FAULTS else None
            if worse is not None and finding.feature and not self._is_as_bad(finding, worse):
                self._add(worse, number)
            else:
                self._put(number, cause, missing.get(number, 0))

    def _is_as_bad(self, finding: Finding, group: Group) -> bool:
        worst = min(RANKS[self.findings[number].severity] for number in group.numbers)
        return RANKS[finding.severity] <= worst

    def _is_root(self, finding: Finding) -> bool:
        # What a loss of performance follows from is not known: whoever accepts a cause does not accept it.
        is_own = finding.space in (Space.RAW, Space.SET) or finding.kind is FindingKind.PERFORMANCE
        return finding.slice is None and is_own and finding.kind is not FindingKind.DRIFT

    def add_consequences(self) -> None:
        """What is computed from raw features, slices and drift: with its source, if that is as bad."""
        for number in sorted(self.left, key=lambda n: self.findings[n].slice is not None):
            finding = self.findings[number]
            if finding.space is Space.PREDICTION or number in self.placed:
                continue
            group = self._of_sources(finding)
            if group is not None:
                self._add(group, number)
            else:
                self._put(number, causes.of_finding(finding))

    def add_answers(self) -> None:
        """The predictions: with the worst of what moved their features."""
        worst = min(self.groups.values(), key=self.rank, default=None)
        explains = worst is not None and any(
            self.findings[n].severity is Severity.ERROR for n in worst.numbers
        )
        for number in self.left:
            finding = self.findings[number]
            if finding.space is not Space.PREDICTION or number in self.placed:
                continue
            if explains and worst is not None and worst.cause.kind is not IncidentKind.PREDICTIONS:
                self._add(worst, number)
            else:
                self._put(number, causes.of_finding(finding))

    def add_infos(self) -> None:
        for number, finding in enumerate(self.findings):
            is_info = finding.severity is Severity.INFO and bool(finding.feature)
            if is_info and (group := self._of_sources(finding)) is not None:
                self._add(group, number)

    def rank(self, group: Group) -> tuple[int, bool, float]:
        """See `rank`."""
        return rank(group, self.findings)

    def _add(self, group: Group, number: int) -> None:
        group.numbers.append(number)
        self.placed.add(number)

    def _put(self, number: int, cause: Cause, part: int = 0) -> None:
        """Into the group of its cause; `part` tells groups of one cause apart."""
        finding = self.findings[number]
        sliced_by = "" if finding.slice is None else fields_of_slice(finding.slice)
        group = self.groups.setdefault((cause, sliced_by, part), Group(cause, sliced_by))
        self._add(group, number)
        for name in _raw_names(finding, group.cause):
            before, _ = self.of_raw.setdefault(name, {}).get(id(group), (finding.severity, group))
            worst = min(before, finding.severity, key=RANKS.__getitem__)
            self.of_raw[name][id(group)] = (worst, group)

    def _of_sources(self, finding: Finding) -> Group | None:
        """The worst group of its raw features that is at least as bad as it is."""
        names = finding.raw_features if finding.space is not Space.RAW else (finding.feature,)
        groups = [
            entry for name in names or (finding.feature,) for entry in self.of_raw.get(name, {}).values()
        ]
        as_bad = [group for severity, group in groups if RANKS[severity] <= RANKS[finding.severity]]
        return min(as_bad, key=self.rank, default=None)


def rank(group: Group, findings: Sequence[Finding]) -> tuple[int, bool, float]:
    """Sort key, the worst first: by severity, faults before what has no cause, by effect over its limit."""
    members = [findings[number] for number in group.numbers]
    severity = min(RANKS[finding.severity] for finding in members)
    return severity, group.cause.kind not in FAULTS, -max(map(ratio, members))


def _raw_names(finding: Finding, cause: Cause) -> Iterable[str]:
    """The raw features that a root finding is about."""
    if cause.kind is IncidentKind.SEASON:
        return finding.raw_features
    return (finding.feature,) if finding.space is Space.RAW and finding.slice is None else ()


def ratio(finding: Finding) -> float:
    """How many times its limit the effect is; 0 where no test measured it."""
    evidence = finding.evidence
    if evidence is not None and evidence.least_effect:
        return evidence.effect / evidence.least_effect
    return (finding.distance or 0.0) / finding.threshold if finding.threshold else 0.0


def _known(findings: Sequence[Finding], own: Mapping[int, Cause]) -> dict[str, tuple[Severity, Cause]]:
    """For each feature the cause of the worst of its findings that has one, and how bad that is."""
    known: dict[str, tuple[Severity, Cause]] = {}
    for number in sorted(own, key=lambda n: (RANKS[findings[n].severity], -ratio(findings[n]), n)):
        name, cause = findings[number].feature, own[number]
        if name and not cause.is_unknown:
            known.setdefault(name, (findings[number].severity, cause))
    return known


def _by_share(findings: Sequence[Finding], numbers: Sequence[int]) -> dict[int, int]:
    """Of findings of missing rows, which lack values in about as many rows: a number for each such part."""
    shares = sorted((_missing_share(findings[number]), number) for number in numbers)
    parts: dict[int, int] = {}
    part, last = 0, 0.0
    for share, number in shares:
        part += bool(parts) and share - last > max(_APART, _PART_APART * share)
        parts[number], last = part, share
    return parts


def _missing_share(finding: Finding) -> float:
    diagnosis = finding.diagnosis
    return -1.0 if diagnosis is None or diagnosis.share is None else diagnosis.share


def fields_of_slice(name: str) -> str:
    """The fields of a slice: `version,hour` of `version=2,hour=3`."""
    return ",".join(part.partition("=")[0] for part in name.split(","))


def members(group: Group, findings: Sequence[Finding]) -> Iterator[Finding]:
    """The errors and warnings of a group."""
    return (findings[n] for n in group.numbers if findings[n].severity is not Severity.INFO)
