"""What a replay says of the served model, in words; and of the reference model that was to judge it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from trueserve.transforms.replay import answers
from trueserve.transforms.replay.report import Limits, iso
from trueserve.transforms.replay.summary import Differences, ReplaySummary
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import number, percent, plain

_NAMED = 3
_LONGEST_NAME = 40
# Standard errors by which a share must be above what chance gives.
_SURE = 3.0

_REASONS = {
    answers.OTHER_SIGNATURE: "used another signature than serving_default",
    answers.OTHER_NAMES: "have other outputs than the reference model",
    answers.OTHER_SHAPE: "have another number of values than the reference model gives",
    answers.NOT_NUMBERS: "are not numbers on both sides",
    answers.NOT_TRANSFORMABLE: "answer requests that the reference model refuses",
}


def compare_replay(summary: ReplaySummary, limits: Limits, policy: Policy) -> ComparisonResult:
    """The findings of a replay, as those of a space of its own."""
    share = _differing(summary, limits, policy)
    findings = [
        *([share] if summary.total.differing else []),
        *_self_differences(summary),
        *_not_replayed(summary),
    ]
    measured = (share,) if summary.total.rows else ()
    nothing = "" if summary.total.rows else "no logged answer could be compared with the reference model's"
    return ComparisonResult(tuple(findings), (), distances=measured, space=Space.PREDICTION, nothing=nothing)


def _differing(summary: ReplaySummary, limits: Limits, policy: Policy) -> Finding:
    guilty, innocent = _by_version(summary, limits, policy)
    bad = bool(guilty) or exceeds(summary.total, summary.again, limits.share)
    message = f"{_share(summary.total)} logged answers differ from the reference model's{_far(summary)}"
    if guilty and innocent:
        message += f": {_versions(summary, guilty)}; {_listed(innocent)} {_do(innocent)} not"
    return Finding(
        feature="",
        space=Space.PREDICTION,
        kind=FindingKind.REPLAY,
        severity=Severity.ERROR if bad else Severity.INFO,
        metric="differing_share",
        message=message + _beginning(summary, limits),
        distance=summary.total.share,
        threshold=limits.share,
        noise_floor=summary.again.share,
    )


def exceeds(differences: Differences, again: Differences, share: float) -> bool:
    """Whether more rows differ than may, and than do so when the same model runs twice."""
    noise = again.share
    spread = math.sqrt(noise * (1 - noise) * (1 / max(again.rows, 1) + 1 / max(differences.rows, 1)))
    # A model that always differs from itself has no spread, and proves nothing either.
    return differences.share > share and differences.share - noise - _SURE * spread > share * (1 - noise)


def _by_version(
    summary: ReplaySummary, limits: Limits, policy: Policy
) -> tuple[list[str | None], list[str | None]]:
    """Versions that answer differently, worst first, and those that do not, the largest first."""
    enough = {v: d for v, d in summary.versions.items() if d.rows >= policy.min_slice_rows}
    worst = sorted(enough, key=lambda v: (-enough[v].share, v or ""))
    guilty = [v for v in worst if exceeds(enough[v], summary.again, limits.share)]
    others = sorted(summary.versions, key=lambda v: (-summary.versions[v].rows, v or ""))
    return guilty, [v for v in others if not summary.versions[v].share > limits.share]


def _versions(summary: ReplaySummary, guilty: Sequence[str | None]) -> str:
    messages = [
        f"{_version(version)} answers differently in {percent(summary.versions[version].share)} of rows"
        for version in guilty[:_NAMED]
    ]
    return ", ".join(messages) + _more(len(guilty) - _NAMED)


def _listed(versions: Sequence[str | None]) -> str:
    return " and ".join(map(_version, versions[:_NAMED])) + _more(len(versions) - _NAMED)


def _more(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""


def _do(versions: Sequence[str | None]) -> str:
    return "does" if len(versions) == 1 else "do"


def _version(version: str | None) -> str:
    if version is None:
        return "a version that the log does not name"
    return f"version {plain(version[:_LONGEST_NAME])}"


def _share(differences: Differences) -> str:
    return f"{differences.differing:,} of {differences.rows:,} ({percent(differences.share)})"


def _far(summary: ReplaySummary) -> str:
    """How far apart, and how many classes are others, as much of it as there is."""
    details = [f"by up to {number(summary.total.largest)}"] if summary.total.largest else []
    if summary.total.odd:
        details.append(f"{summary.total.odd:,} with a number that is not finite on one side")
    flips = {name: output.flips for name, output in summary.outputs.items() if output.flips}
    if flips:
        name = min(flips, key=lambda output: (-(flips[output] or 0), output))
        of = f" of {plain(name[:_LONGEST_NAME])}" if len(summary.outputs) > 1 else ""
        details.append(f"{flips[name]:,} classes{of} flipped")
    return f" ({', '.join(details)})" if details else ""


def _beginning(summary: ReplaySummary, limits: Limits) -> str:
    """When it began, where all hours before are free of it and all from then on are not."""
    hours = sorted(hour for hour in summary.hours if hour is not None)
    bad = [summary.hours[hour].share > limits.share for hour in hours]
    first = bad.index(True) if True in bad else 0
    if not first > 0 or not all(bad[first:]):
        return ""
    return f"; every hour from {iso(hours[first])} on differs"


def _self_differences(summary: ReplaySummary) -> Iterator[Finding]:
    if summary.again.differing:
        message = (
            f"the reference model differs from itself in {_share(summary.again)} rows. Differences up to this"
            " share are no evidence against the served model. Look for random ops, and for ops that depend on"
            " the other rows of the batch"
        )
        yield _finding(Severity.WARNING, "answers_differ_by_themselves", message)


def _not_replayed(summary: ReplaySummary) -> Iterator[Finding]:
    if summary.rows and not summary.total.rows:
        reasons = ", ".join(f"{why} {rows:,}" for why, rows in sorted(summary.unmatched.items()))
        message = f"nothing was replayed: of {summary.rows:,} rows none has an answer to compare ({reasons})"
        yield _finding(Severity.WARNING, "nothing_replayed", message)
        return
    if rows := summary.unmatched[answers.NO_RESPONSE]:
        message = f"{rows:,} of {summary.rows:,} rows have no logged answer, or not one for each row"
        yield _finding(Severity.INFO, answers.NO_RESPONSE, message)
    for reason, rows in sorted(summary.unmatched.items()):
        if reason != answers.NO_RESPONSE:
            message = f"{rows:,} of {summary.rows:,} rows were not replayed: they {_REASONS[reason]}"
            yield _finding(Severity.WARNING, reason, message)


def _finding(severity: Severity, metric: str, message: str) -> Finding:
    return Finding("", Space.PREDICTION, FindingKind.REPLAY, severity, metric, message)
