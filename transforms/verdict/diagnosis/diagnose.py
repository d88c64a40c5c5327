"""What was done to the features that differ: each finding's cause, from both sides' statistics alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property

from trueserve.transforms.verdict.diagnosis import categories, explanations, fitting, other_types, vectors
from trueserve.transforms.verdict.diagnosis.causes import SCALE, SHIFT, SPREAD, TIME, TRANSFORMED, Explanation
from trueserve.transforms.verdict.diagnosis.other_types import TYPE_CHANGED, ValuesOfOtherType
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.evidence.feature_difference import VECTOR
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import Diagnosis, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair

MISSING_MORE, MISSING_LESS = "missing more", "missing less"
# Causes by which each value is a function of what it was.
_FUNCTIONS = (SCALE, SHIFT, TIME, TRANSFORMED)
# A cause of positions with no more confidence than this is no better than that of all values together.
_UNSURE = 0.7
_WHOLE_NUMBER, _NEARLY_ALL = "whole_number", 0.99
# Looking for a cause takes some hundredths of a second; where all features differ the first tell enough.
MOST_DIAGNOSED = 50


def diagnosed(pair: ComparedPair, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, errors with their cause."""
    all_findings = list(findings)
    wanted = [
        finding.feature for finding in all_findings if finding.severity is Severity.ERROR and finding.feature
    ]
    names = tuple(dict.fromkeys(wanted))[:MOST_DIAGNOSED]
    causes = _Causes(pair, names)
    return [causes.added(finding) if finding.feature in names else finding for finding in all_findings]


@dataclasses.dataclass(frozen=True)
class _Causes:
    pair: ComparedPair
    names: tuple[str, ...]

    def added(self, finding: Finding) -> Finding:
        """The finding with its cause, in its message too where one is known."""
        cause = self._cause(finding) if finding.severity is Severity.ERROR else None
        if cause is None:
            return finding
        if finding.kind is FindingKind.TYPE and (values := self._of_other_types.get(finding.feature)):
            message = f"{cause.evidence}; {finding.message}; {values.figures}"
            return dataclasses.replace(finding, diagnosis=cause, message=message)
        if cause.cause == fitting.UNKNOWN or finding.kind in (FindingKind.PRESENCE, FindingKind.TYPE):
            return dataclasses.replace(finding, diagnosis=cause)
        return dataclasses.replace(finding, diagnosis=cause, message=f"{cause.evidence}; {finding.message}")

    def _cause(self, finding: Finding) -> Diagnosis | None:
        values = self._of_other_types.get(finding.feature)
        if finding.kind is FindingKind.TYPE:
            return values.cause if values else Diagnosis(TYPE_CHANGED, 0.98, finding.message)
        if finding.kind is FindingKind.PRESENCE:
            return self._of_presence(finding)
        if finding.kind in (FindingKind.DISTRIBUTION, FindingKind.VALUES):
            cause = self._of_values_or_positions(finding)
            is_unknown = cause is None or cause.cause == fitting.UNKNOWN
            return values.cause if is_unknown and values else cause
        return None

    def _of_values_or_positions(self, finding: Finding) -> Diagnosis | None:
        """That of the positions where they say more than all values together."""
        of_positions = self._of_positions(finding.feature)
        cause = self._of_values.get(finding.feature)
        if of_positions is None or cause is None:
            return of_positions or cause
        is_spread = cause.cause == SPREAD and (
            of_positions.cause != SCALE or of_positions.confidence > _UNSURE
        )
        is_better = finding.metric == VECTOR or cause.cause == fitting.UNKNOWN or is_spread
        if is_better or of_positions.cause in vectors.PRECISE:
            return of_positions
        if cause.cause == SPREAD:
            return cause
        # Both say of all values what function of training's they are, or one does, and is right.
        is_function = cause.cause in _FUNCTIONS
        return of_positions if is_function == (of_positions.cause in vectors.MIXED) else cause

    def _of_positions(self, name: str) -> Diagnosis | None:
        change = self.pair.vector_difference(name)
        return vectors.diagnose(change, self.pair.features.get(name)) if change is not None else None

    def _of_presence(self, finding: Finding) -> Diagnosis:
        training, missing = self.pair.training.get(finding.feature), self.pair.missing(finding.feature)
        before = 0.0 if training is None else training.missing_share
        after = missing / self.pair.rows if self.pair.rows else 1.0
        cause = MISSING_MORE if after >= before else MISSING_LESS
        evidence = f"missing in {before:.1%} of training and {after:.1%} of serving"
        return Diagnosis(cause, 0.98, evidence, round(min(after, 1.0), 4))

    @cached_property
    def _of_values(self) -> dict[str, Diagnosis]:
        """The causes of all features that differ in their values, each looked for once."""
        causes = {name: self._of_feature(name) for name in self.names}
        return {name: cause for name, cause in causes.items() if cause is not None}

    @cached_property
    def _of_other_types(self) -> dict[str, ValuesOfOtherType]:
        """Of the features with values of another type, what these are beside training's."""
        names = [name for name in self.names if name in self.pair.of_other_type]
        all_values = {name: other_types.compared(self.pair, name) for name in names}
        return {name: values for name, values in all_values.items() if values is not None}

    def _of_feature(self, name: str) -> Diagnosis | None:
        training, serving = self.pair.training.get(name), self.pair.serving.get(name)
        if training is None or serving is None or training.kind != serving.kind:
            return None
        size = p_values.effective_size(training.worth_finite, serving.worth_finite)
        if serving.kind == "category":
            others = {
                other: view.shares()
                for other in self._others(name, "category")
                if (view := self.pair.training[other])
            }
            return categories.diagnose(training.shares(), serving.shares(), others, size)
        before, after = cdfs.of_view(training), cdfs.of_view(serving)
        if serving.kind != "number" or before is None or after is None or not size:
            return None
        known = [*explanations.of_number(before, after, serving.rows_of_share(1.0)), *self._swaps(name)]
        cause = fitting.diagnose(before, after, known, size)
        if cause is not None and cause.cause == SCALE and self._are_integers_for_floats(name, serving):
            return dataclasses.replace(cause, evidence=f"integers, and {cause.evidence}")
        return cause

    def _are_integers_for_floats(self, name: str, serving: View) -> bool:
        """Whether nearly all values served are integers, taken for floats, and training's are not."""
        key = name, _WHOLE_NUMBER
        return self.pair.forms[key] > _NEARLY_ALL * serving.present and not self.pair.reference.forms.get(key)

    def _swaps(self, name: str) -> list[Explanation]:
        others = ((other, cdfs.of_view(self.pair.training[other])) for other in self._others(name, "number"))
        return [explanations.swapped(other, cdf) for other, cdf in others if isinstance(cdf, Cdf)]

    def _others(self, name: str, kind: str) -> Sequence[str]:
        """The features that `name` may have been swapped with: those that differ, too."""
        if self.pair.reference.space is not Space.RAW:
            return ()
        known = self.pair.training
        return [
            other for other in self.names if other != name and other in known and known[other].kind == kind
        ]
