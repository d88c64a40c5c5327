"""The verdict of one run: findings, accounting and exit code, and its JSON form."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueserve.transforms.core.accounting import ODD_RATE, UNKNOWN_FEATURE, Accounting, RecordCounts, in_order
from trueserve.transforms.core.batches import Fault, Window
from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.findings import input as input_findings
from trueserve.transforms.verdict.incidents.incident import Incident
from trueserve.transforms.verdict.model import (
    ComparisonResult,
    FeatureNumbers,
    Finding,
    FindingKind,
    NotCompared,
    Severity,
    Slice,
    Space,
)
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import iso, listing

FORMAT = 2
#: The layouts of earlier runs that are read, too.
READABLE = (1, FORMAT)
_COUNTS = ("read", "decoded", "outside_window", "no_time", "rows", "compared")


class VerdictOutcome(enum.StrEnum):
    OK = "ok"
    SKEW = "skew"
    NOT_EXAMINED = "not_examined"
    FAILED = "failed"


EXIT_CODES = {
    VerdictOutcome.OK: 0,
    VerdictOutcome.SKEW: 1,
    VerdictOutcome.FAILED: 3,
    VerdictOutcome.NOT_EXAMINED: 4,
}


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A published file: path relative to the output folder, size in bytes, SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class SliceVerdict:
    """What is said of a slice: `ok`, `skew`, or `not_examined` where training has too few rows of it."""

    name: str
    rows: int
    outcome: VerdictOutcome

    def to_json(self) -> dict[str, str | int]:
        return {"slice": self.name, "rows": self.rows, "verdict": self.outcome.value}


@dataclasses.dataclass(frozen=True)
class Examined:
    """What was examined beside the rows as a whole.

    Attributes:
      slices: those that were compared on their own.
      left_out: how many other slices there were, at least.
      effective_rows: how many rows of equal weight tell as much as those compared; None where all weigh the
        same.
      notes: infos of what was compared with what.
    """

    slices: Sequence[Slice] = ()
    left_out: int = 0
    effective_rows: int | None = None
    notes: Sequence[Finding] = ()


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run says.

    Attributes:
      findings: worst first; those of kind `input` say why a run failed or examined nothing.
      contract: the baseline's contract as JSON values, None where there is no baseline.
      artifacts: empty until publishing names them.
      slices: those compared on their own, the largest first; `slices_left_out` is how many were not.
      effective_rows: see `Examined`.
      replay, versions, previous: what is told of replayed answers, of versions and of earlier runs; None
        where it was not asked for.
      incidents: the findings by what they follow from, worst first, and after them those of the last window
        that are over; see `incidents`.
      features: what was measured of each feature that was compared.
      performance: what was estimated of the predictions; None where none were compared.
      dependence: which features' ties to others were compared, and why if none were; None of older runs.
      replaces: the attempt whose verdict.json this one took the place of; None until publishing says, and
        where there was none.
      least_visible: the least part of the rows (0 to 1) whose change could have been seen; None where nothing
        was tested.
      too_little: what is said where nothing that counts was found: that too little was examined.
    """

    outcome: VerdictOutcome
    window: Window
    accounting: Accounting
    findings: tuple[Finding, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()
    contract: Mapping[str, Any] | None = None
    artifacts: Mapping[str, Artifact] = dataclasses.field(default_factory=dict)
    slices: tuple[SliceVerdict, ...] = ()
    slices_left_out: int = 0
    effective_rows: int | None = None
    replay: Mapping[str, Any] | None = None
    versions: Sequence[Mapping[str, Any]] | None = None
    performance: Mapping[str, Any] | None = None
    least_visible: float | None = None
    previous: Mapping[str, Any] | None = None
    dependence: Mapping[str, Any] | None = None
    replaces: str | None = None
    incidents: tuple[Incident, ...] = ()
    features: tuple[FeatureNumbers, ...] = ()
    too_little: tuple[Finding, ...] = ()

    @property
    def is_void(self) -> bool:
        return self.outcome in (VerdictOutcome.FAILED, VerdictOutcome.NOT_EXAMINED)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(finding.message for finding in self.findings if finding.kind is FindingKind.INPUT)

    def with_artifacts(self, artifacts: Mapping[str, Artifact]) -> Verdict:
        return dataclasses.replace(self, artifacts=dict(artifacts))

    def to_json(self) -> dict[str, Any]:
        """JSON values as docs/verdict.schema.json describes them; the same verdict gives the same text."""
        return {
            "format": FORMAT,
            "verdict": self.outcome.value,
            "exit_code": self.exit_code,
            "window": {"start": iso(self.window.start), "end": iso(self.window.end)},
            "counts": self._counts(),
            "effective_rows": self.effective_rows,
            "least_visible": self.least_visible,
            "rejects": dict(sorted(self.accounting.rejected.items())),
            "excluded": dict(sorted(self.accounting.excluded.items())),
            "files": [_file(name, counts) for name, counts in in_order(self.accounting.by_file)],
            "forms": self._forms(),
            "incidents": [incident.to_json() for incident in self.incidents],
            "findings": [finding.to_json() for finding in self.findings],
            "features": [numbers.to_json() for numbers in self.features],
            "slices": [slice_verdict.to_json() for slice_verdict in self.slices],
            "slices_left_out": self.slices_left_out,
            "not_compared": [left_out.to_json() for left_out in self.not_compared],
            "artifacts": {name: dataclasses.asdict(self.artifacts[name]) for name in sorted(self.artifacts)},
            "replay": self.replay,
            "versions": self.versions,
            "performance": self.performance,
            "previous": self.previous,
            "dependence": self.dependence,
            "replaces": self.replaces,
            "contract": None if self.contract is None else dict(self.contract),
        }

    def _forms(self) -> list[dict[str, str | int]]:
        """The forms of known features; unknown ones and rows that the graph refused are in the findings."""
        known = {k: n for k, n in self.accounting.forms.items() if k[0] and k[1] != UNKNOWN_FEATURE and n > 0}
        return [{"feature": name, "form": form, "rows": known[name, form]} for name, form in sorted(known)]

    def _counts(self) -> dict[str, int]:
        counts = {name: getattr(self.accounting, name) for name in _COUNTS}
        return counts | {
            "rejected": self.accounting.total_rejected,
            "excluded": self.accounting.total_excluded,
        }


def decide(  # noqa: PLR0917 - a verdict is made of these parts
    window: Window,
    accounting: Accounting,
    comparisons: Iterable[ComparisonResult],
    faults: Sequence[Fault],
    policy: Policy,
    contract: Mapping[str, Any] | None,
    *,
    seen: Window | None = None,
    examined: Examined | None = None,
) -> Verdict:
    """The verdict, without artifacts.

    Args:
      comparisons: one for each space compared.
      faults: what makes the run fail, whatever was found beside it.
      seen: the first and the last time met, where known, for the hint when all lie outside the window.
      examined: slices, whose findings count like those of the whole, and weights.
    """
    compared = tuple(comparisons)
    examined = examined or Examined()
    findings = [finding for comparison in compared for finding in comparison.findings]
    findings += [finding for examined_slice in examined.slices for finding in examined_slice.findings]
    why_failed = list(input_findings.why_failed(accounting, faults, policy))
    why_nothing = (
        [] if why_failed else list(input_findings.why_nothing(window, accounting, compared, policy, seen))
    )
    too_little = [
        *input_findings.too_little(accounting, compared, policy),
        *input_findings.no_slice(examined.slices),
    ]
    if not why_failed and not why_nothing and not _counting(findings, policy):
        why_nothing = too_little
    notices = [*_unknown_ignored(accounting, compared, policy), *_odd_rates(accounting), *examined.notes]
    notices += policy.thresholds.unknown(compared)
    all_findings = sorted([*why_failed, *why_nothing, *findings, *notices], key=severity.order)
    return Verdict(
        outcome=_outcome(why_failed, why_nothing, findings, policy),
        window=window,
        accounting=accounting,
        findings=tuple(all_findings),
        not_compared=tuple(left_out for comparison in compared for left_out in comparison.not_compared),
        contract=contract,
        slices=tuple(_of_slice(examined_slice, policy) for examined_slice in examined.slices),
        slices_left_out=examined.left_out,
        effective_rows=examined.effective_rows,
        least_visible=input_findings.least_visible(compared),
        features=tuple(numbers for comparison in compared for numbers in comparison.numbers),
        too_little=tuple(too_little),
    )


def without_accepted(verdict: Verdict, accepted: frozenset[str], policy: Policy) -> Verdict:
    """The verdict, where findings of the incidents in `accepted` (ids) do not make it `skew`."""
    counting = _counting([f for f in verdict.findings if f.incident not in accepted], policy)
    if verdict.outcome is not VerdictOutcome.SKEW or counting:
        return verdict
    if not verdict.too_little:
        return dataclasses.replace(verdict, outcome=VerdictOutcome.OK)
    findings = sorted([*verdict.findings, *verdict.too_little], key=severity.order)
    return dataclasses.replace(verdict, outcome=VerdictOutcome.NOT_EXAMINED, findings=tuple(findings))


def _of_slice(examined_slice: Slice, policy: Policy) -> SliceVerdict:
    why_nothing = not examined_slice.is_compared
    outcome = _outcome(None, why_nothing, examined_slice.findings, policy)
    return SliceVerdict(examined_slice.name, examined_slice.rows, outcome)


def _odd_rates(accounting: Accounting) -> Iterable[Finding]:
    if rows := accounting.forms[ODD_RATE]:
        message = f"{rows:,} rows have a sampling rate that is no fraction; they count as one row each"
        yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, ODD_RATE[1], message)


def _file(name: str, counts: RecordCounts) -> dict[str, Any]:
    plain = {key: getattr(counts, key) for key in ("read", "decoded", "outside_window", "no_time")}
    reasons = {key: dict(sorted(getattr(counts, key).items())) for key in ("rejected", "excluded")}
    return {"file": name} | plain | reasons


def _unknown_ignored(
    accounting: Accounting, compared: Sequence[ComparisonResult], policy: Policy
) -> Iterable[Finding]:
    """An info of the names in --ignore that are no feature of any space compared: a typo ignores nothing."""
    if not compared:
        return
    known = {feature for feature, _form in accounting.forms}
    for comparison in compared:
        known |= {finding.feature for finding in (*comparison.findings, *comparison.distances)}
        known |= {left_out.feature for left_out in comparison.not_compared}
    unknown = sorted(policy.ignore - known - {""})
    if unknown:
        message = f"--ignore names no feature: {listing(unknown)}"
        yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "unknown_ignored", message)


def _outcome(failed: object, nothing: object, findings: Iterable[Finding], policy: Policy) -> VerdictOutcome:
    if failed:
        return VerdictOutcome.FAILED
    if nothing:
        return VerdictOutcome.NOT_EXAMINED
    return VerdictOutcome.SKEW if _counting(findings, policy) else VerdictOutcome.OK


def _counting(findings: Iterable[Finding], policy: Policy) -> bool:
    """Whether any finding makes the verdict `skew`."""
    counting = (f.severity for f in findings if f.feature not in policy.ignore or not f.feature)
    return any(severity.at_least(each, policy.fail_on) for each in counting)
