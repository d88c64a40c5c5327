"""The rules that make the findings of one comparison, in the order in which they are applied."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import anomalies_pb2

from trueserve.transforms.verdict import decide
from trueserve.transforms.verdict.diagnosis import diagnose
from trueserve.transforms.verdict.findings import augmentation as augmentation_findings
from trueserve.transforms.verdict.findings import form as form_findings
from trueserve.transforms.verdict.findings import range as range_findings
from trueserve.transforms.verdict.findings import representation as representation_findings
from trueserve.transforms.verdict.findings import schema as schema_findings
from trueserve.transforms.verdict.findings import season as season_findings
from trueserve.transforms.verdict.findings import skew as skew_findings
from trueserve.transforms.verdict.findings import transformed as transformed_findings
from trueserve.transforms.verdict.model import Finding, FindingKind
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import TestResults


@dataclasses.dataclass(frozen=True)
class Examination:
    """What the rules look at.

    Attributes:
      pair: training and serving.
      anomalies: TFDV's check of serving against the schema.
      distances: TFDV's distances, those within their threshold too.
      results: the statistical tests of all features.
    """

    pair: ComparedPair
    anomalies: anomalies_pb2.Anomalies
    distances: tuple[Finding, ...]
    results: TestResults

    @cached_property
    def in_serving(self) -> list[str]:
        """The features that training and the schema have, and that serving should have; no identifiers."""
        known = (name for name in self.pair.training if name in self.pair.features)
        return [name for name in known if self.pair.is_in_serving(name) and not self.pair.is_identifier(name)]


#: Takes the findings of the rules before it. Returns all findings: those, changed or not, and its own.
FindingRule: TypeAlias = Callable[[Examination, list[Finding]], list[Finding]]


def apply(examination: Examination) -> list[Finding]:
    """The findings of all rules, in no order of severity."""
    findings: list[Finding] = []
    for rule in FINDING_RULES:
        findings = rule(examination, findings)
    return findings


def _adds(new_findings: Callable[[Examination], Iterable[Finding]]) -> FindingRule:
    """A rule that only adds findings, whatever the rules before it found."""
    return lambda examination, findings: [*findings, *new_findings(examination)]


def _revises(revise: Callable[[TestResults, Finding], Finding]) -> FindingRule:
    """A rule that looks at each finding alone and may change its severity, message and evidence."""
    return lambda examination, findings: [revise(examination.results, finding) for finding in findings]


def _add_values_not_kept(examination: Examination, findings: list[Finding]) -> list[Finding]:
    """Adds values outside the domain that TFDV's lists do not hold, of features without such a finding."""
    reported = {finding.feature for finding in findings if finding.kind is FindingKind.VALUES}
    names = [name for name in examination.in_serving if name not in reported]
    return [*findings, *schema_findings.beyond_the_kept(examination.pair, names)]


def _keep_first_of_each(_examination: Examination, findings: list[Finding]) -> list[Finding]:
    """Keeps the first finding of each feature, kind and metric; the last ones come first."""
    by_key = {(finding.feature, finding.kind, finding.metric): finding for finding in reversed(findings)}
    return list(by_key.values())


def _distances_over_threshold(examination: Examination) -> Iterator[Finding]:
    for distance in examination.distances:
        if skew_findings.is_over(distance):
            yield decide.settled(examination.results, distance)


def _add_differences(examination: Examination, findings: list[Finding]) -> list[Finding]:
    """Adds what the tests found and no finding of the same kind reports."""
    return [*findings, *decide.findings(examination.results, findings)]


def _add_shares_that_grew(examination: Examination, findings: list[Finding]) -> list[Finding]:
    """Adds unknown words, full end buckets, constants and NaN; joined to a finding that has the feature."""
    return transformed_findings.added(examination.results, findings)


def _add_causes(examination: Examination, findings: list[Finding]) -> list[Finding]:
    return diagnose.diagnosed(examination.pair, findings)


#: Of two findings with the same feature, kind and metric the earlier rule's is kept.
FINDING_RULES: tuple[FindingRule, ...] = (
    _adds(lambda examination: form_findings.untransformable(examination.pair)),
    _adds(lambda examination: form_findings.type_findings(examination.pair)),
    _adds(lambda examination: representation_findings.findings(examination.pair)),
    _adds(lambda examination: schema_findings.findings(examination.pair, examination.anomalies)),
    _adds(lambda examination: form_findings.new_columns(examination.pair)),
    _add_values_not_kept,
    _adds(lambda examination: range_findings.findings(examination.pair, examination.in_serving)),
    _revises(decide.settled_values),
    _revises(decide.settled_presence),
    _keep_first_of_each,
    _adds(_distances_over_threshold),
    _add_differences,
    _add_shares_that_grew,
    _add_causes,
    lambda examination, findings: season_findings.settled(examination.results, findings),
    _adds(lambda examination: augmentation_findings.findings(examination.pair, examination.results.names)),
)
