"""What the page knows of each feature: its picture, its findings, and what was measured of it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.verdict.histograms import OTHER, FeaturePicture
from trueserve.transforms.verdict.model import Finding

#: A space and a feature's name.
Key: TypeAlias = tuple[str, str]

_SEVERITIES = ("error", "warning", "info")


@dataclasses.dataclass(frozen=True)
class Row:
    """A feature in one space: its picture, what was found, and its distance, found or passing.

    Attributes:
      measured: `metric`, `distance` and `threshold`; where a test decided, its effect and its limit.
      raw_features: what a transformed feature is computed from, as far as that is known.
      missing_share, unseen_share: of the rows served, 0 to 1, None where they are not known.
    """

    feature: str
    space: str
    picture: FeaturePicture | None
    findings: tuple[Json, ...]
    measured: Json | None
    raw_features: tuple[str, ...] = ()
    missing_share: float | None = None
    unseen_share: float | None = None

    @property
    def key(self) -> Key:
        return self.space, self.feature

    @property
    def severity(self) -> str:
        present = {finding["severity"] for finding in self.findings}
        return next((severity for severity in _SEVERITIES if severity in present), "none")

    @property
    def ratio(self) -> float:
        """Distance over threshold; 0 where there is none."""
        if self.measured is None or not self.measured["threshold"]:
            return 0.0
        return float(self.measured["distance"]) / float(self.measured["threshold"])

    @property
    def missing_difference(self) -> float:
        """By how much the shares of rows without a value differ, 0 to 1."""
        if self.picture is None:
            return 0.0
        return abs(self.picture.serving_missing - self.picture.training_missing)

    def badness(self) -> tuple[int, float, str, str]:
        rank = _SEVERITIES.index(self.severity) if self.severity != "none" else len(_SEVERITIES)
        return (rank, -self.ratio, self.feature, self.space)

    def fewer_categories(self, most: int) -> tuple[list[str], list[float], list[float]]:
        """Labels and shares of the categories with the largest shares, the rest as one; with a picture."""
        assert self.picture is not None
        labels, was, now = list(self.picture.labels), list(self.picture.training), list(self.picture.serving)
        if len(labels) <= most + 1:
            return labels, was, now
        rest = [sum(was[most:]), sum(now[most:])]
        return [*labels[:most], OTHER], [*was[:most], rest[0]], [*now[:most], rest[1]]


def rows(verdict: Json, pictures: Sequence[FeaturePicture], distances: Sequence[Finding]) -> list[Row]:
    """Every feature that has a picture, a distance or a finding of its own, worst first."""
    findings: dict[Key, list[Json]] = defaultdict(list)
    for finding in verdict["findings"]:
        if finding["feature"] and finding["slice"] is None:
            findings[finding["space"], finding["feature"]].append(finding)
    # Worst first: of several distances of a feature the first stays.
    passing = {(str(d.space), d.feature): d.to_json() for d in reversed(distances) if d.distance is not None}
    drawn = {(str(picture.space), picture.feature): picture for picture in pictures}
    listed = {(entry["space"], entry["feature"]): entry for entry in verdict.get("features") or ()}
    keys = {**drawn, **passing, **findings}
    made = (
        _row(key, drawn.get(key), findings.get(key, ()), passing.get(key), listed.get(key, {}))
        for key in keys
    )
    return sorted(made, key=Row.badness)


def _row(
    key: Key, picture: FeaturePicture | None, findings: Sequence[Json], passing: Json | None, entry: Json
) -> Row:
    origins = [finding["raw_features"] for finding in (*findings, *filter(None, [passing]))]
    return Row(
        feature=key[1],
        space=key[0],
        picture=picture,
        findings=tuple(findings),
        measured=_measured(findings, _decided(entry) or passing),
        raw_features=tuple(next(filter(None, origins), ())),
        missing_share=entry.get("missing_share"),
        unseen_share=entry.get("unseen_share"),
    )


def _measured(findings: Iterable[Json], passing: Json | None) -> Json | None:
    """Of what was found, what is farthest over its limit; else what passed."""
    measures = [measure for finding in findings if (measure := _measure(finding)) is not None]
    return max(measures, key=lambda m: m["distance"] / m["threshold"], default=passing)


def _measure(finding: Json) -> Json | None:
    """The figures that a finding's decision rests on; None where there are none."""
    decided = _decided(finding.get("evidence") or {})
    if decided is not None:
        return decided
    return finding if finding["distance"] is not None and finding["threshold"] else None


def _decided(evidence: Mapping[str, object]) -> Json | None:
    """A test's effect and its limit, where it has both."""
    effect, limit = evidence.get("effect"), evidence.get("least_effect")
    if effect is None or not limit:
        return None
    return {"metric": evidence.get("metric") or "", "distance": effect, "threshold": limit}
