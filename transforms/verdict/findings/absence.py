"""Features that no row served has: what follows from that is not said again of each, nor called constant.

Where most features are absent, the baseline or the format is the wrong one: that is one finding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.findings import transformed
from trueserve.transforms.verdict.model import (
    UNKNOWN,
    ComparisonResult,
    Finding,
    FindingKind,
    NotCompared,
    Space,
)
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import listing

MOST_ABSENT = "most_features_absent"
#: So many features are absent at least, and more than half of all, before that is said in one finding.
FEWEST = 5

_ABSENT = ("absent in serving", "no values in serving")
# Reasons for which serving need not have a feature.
_NOT_WANTED = frozenset(
    {
        *UNKNOWN,
        "holds the row's time",
        "not in the SERVING environment",
        "marked as not in use in the schema",
    }
)


@dataclasses.dataclass(frozen=True)
class Absence:
    """The raw features that no row served has, in the schema's order, of `total` that serving should have."""

    names: tuple[str, ...]
    total: int

    @property
    def is_of_most(self) -> bool:
        return len(self.names) >= FEWEST and 2 * len(self.names) > self.total

    def explains(self, finding: Finding) -> bool:
        """Whether the finding is of these alone, or of what is computed from these alone."""
        sources = finding.raw_features if finding.space is Space.TRANSFORMED else (finding.feature,)
        of_features = finding.space in (Space.RAW, Space.TRANSFORMED) and finding.feature
        return bool(of_features and sources) and {*sources} <= {*self.names}


def absent(comparisons: Iterable[ComparisonResult], policy: Policy) -> Absence:
    """What is absent, by what could not be compared; features that --ignore names are left out."""
    names: list[str] = []
    total: set[str] = set()
    for comparison in comparisons:
        if comparison.space is Space.RAW:
            wanted = [each for each in comparison.not_compared if each.reason not in _NOT_WANTED]
            names += [
                each.feature for each in wanted if _is_absent(each) and each.feature not in policy.ignore
            ]
            measured = {distance.feature for distance in comparison.distances}
            total |= measured | {each.feature for each in wanted}
    return Absence(tuple(names), len(total))


def settled(findings: Sequence[Finding], absence: Absence) -> tuple[Finding, ...]:
    """A verdict's findings, with one in place of those that most features' absence explains; worst first.

    Otherwise with other words where a value that stands for missing ones was called constant. Each slice has
    a finding of its own.
    """
    if not absence.is_of_most:
        return tuple(_without_constant(finding, absence) for finding in findings)
    kept = [finding for finding in findings if not absence.explains(finding)]
    slices = dict.fromkeys(finding.slice for finding in findings)
    collapsed = [
        summary
        for part in slices
        for summary in _collapsed([each for each in findings if each.slice == part], absence)
    ]
    return tuple(sorted([*collapsed, *kept], key=severity.order))


def _collapsed(findings: Iterable[Finding], absence: Absence) -> list[Finding]:
    """The one finding, as severe as the worst that it stands for; none where nothing was found."""
    explained = sorted(filter(absence.explains, findings), key=severity.order)
    if not explained:
        return []
    message = (
        f"{len(absence.names):,} of {absence.total:,} features are absent: {listing(absence.names)};"
        " is this the right baseline and format?"
    )
    worst = explained[0]
    return [
        Finding("", Space.SET, FindingKind.PRESENCE, worst.severity, MOST_ABSENT, message, slice=worst.slice)
    ]


def _without_constant(finding: Finding, absence: Absence) -> Finding:
    if finding.space is not Space.TRANSFORMED or not absence.explains(finding):
        return finding
    rest = transformed.without_constant(finding.message)
    if rest == finding.message:
        return finding
    made_of = f"made of {listing(finding.raw_features)}, which no row served has"
    return dataclasses.replace(finding, message=f"{rest}; {made_of}" if rest else made_of)


def _is_absent(left_out: NotCompared) -> bool:
    return left_out.reason in _ABSENT
