"""What a replay says of the served model, in words; and of the reference model that was to judge it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from transforms.replay import answers
from transforms.replay.report import Limits, iso
from transforms.replay.summary import Differences, ReplaySummary
from transforms.verdict.model import Comparison, Finding, Kind, Severity, Space
from transforms.verdict.severity import Policy
from transforms.verdict.wording import number, percent, plain

_NAMED = 3
_LONGEST_NAME = 40
# Standard errors by which a share must be above what chance gives.
_SURE = 3.0

_REASONS = {
    answers.OTHER_SIGNATURE: "asked another signature than serving_default",
    answers.OTHER_NAMES: "have other outputs than the reference model",
    answers.OTHER_SHAPE: "have another number of values than the reference model gives",
    answers.NOT_NUMBERS: "are not numbers on both sides",
    answers.NOT_TRANSFORMABLE: "answer requests that the reference model refuses",
}


def compare_replay(found: ReplaySummary, limits: Limits, policy: Policy) -> Comparison:
    """The findings of a replay, as those of a space of its own."""
    share = _differing(found, limits, policy)
    findings = [*([share] if found.total.differing else []), *_by_themselves(found), *_not_replayed(found)]
    measured = (share,) if found.total.rows else ()
    nothing = "" if found.total.rows else "no logged answer could be compared with the reference model's"
    return Comparison(tuple(findings), (), distances=measured, space=Space.PREDICTION, nothing=nothing)


def _differing(found: ReplaySummary, limits: Limits, policy: Policy) -> Finding:
    guilty, innocent = _by_version(found, limits, policy)
    bad = bool(guilty) or exceeds(found.total, found.again, limits.share)
    message = f"{_share(found.total)} of logged answers are not those of the reference model{_far(found)}"
    if guilty and innocent:
        message += f": {_versions(found, guilty)}; {_listed(innocent)} {_do(innocent)} not"
    return Finding(
        feature="",
        space=Space.PREDICTION,
        kind=Kind.REPLAY,
        severity=Severity.ERROR if bad else Severity.INFO,
        metric="differing_share",
        message=message + _since(found, limits),
        distance=found.total.share,
        threshold=limits.share,
        noise_floor=found.again.share,
    )


def exceeds(one: Differences, again: Differences, share: float) -> bool:
    """Whether more rows differ than may, and than do so when the same model is asked twice."""
    noise = again.share
    spread = math.sqrt(noise * (1 - noise) * (1 / max(again.rows, 1) + 1 / max(one.rows, 1)))
    # A model that always differs from itself has no spread, and proves nothing either.
    return one.share > share and one.share - noise - _SURE * spread > share * (1 - noise)


def _by_version(
    found: ReplaySummary, limits: Limits, policy: Policy
) -> tuple[list[str | None], list[str | None]]:
    """Versions that answer differently, worst first, and those that do not, the largest first."""
    enough = {v: d for v, d in found.versions.items() if d.rows >= policy.min_slice_rows}
    worst = sorted(enough, key=lambda v: (-enough[v].share, v or ""))
    guilty = [v for v in worst if exceeds(enough[v], found.again, limits.share)]
    others = sorted(found.versions, key=lambda v: (-found.versions[v].rows, v or ""))
    return guilty, [v for v in others if not found.versions[v].share > limits.share]


def _versions(found: ReplaySummary, guilty: Sequence[str | None]) -> str:
    told = [
        f"{_version(one)} answers differently in {percent(found.versions[one].share)} of rows"
        for one in guilty[:_NAMED]
    ]
    return ", ".join(told) + _more(len(guilty) - _NAMED)


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


def _share(one: Differences) -> str:
    return f"{one.differing:,} of {one.rows:,} ({percent(one.share)})"


def _far(found: ReplaySummary) -> str:
    """How far apart, and how many classes are others, as much of it as there is."""
    told = [f"off by up to {number(found.total.largest)}"] if found.total.largest else []
    if found.total.odd:
        told.append(f"{found.total.odd:,} with a number that is not finite on one side")
    flips = {name: one.flips for name, one in found.outputs.items() if one.flips}
    if flips:
        name = min(flips, key=lambda one: (-(flips[one] or 0), one))
        of = f" of {plain(name[:_LONGEST_NAME])}" if len(found.outputs) > 1 else ""
        told.append(f"{flips[name]:,} classes{of} flipped")
    return f" ({', '.join(told)})" if told else ""


def _since(found: ReplaySummary, limits: Limits) -> str:
    """When it began, where all hours before are free of it and all from then on are not."""
    hours = sorted(hour for hour in found.hours if hour is not None)
    bad = [found.hours[hour].share > limits.share for hour in hours]
    first = bad.index(True) if True in bad else 0
    if not first > 0 or not all(bad[first:]):
        return ""
    return f"; all since {iso(hours[first])}"


def _by_themselves(found: ReplaySummary) -> Iterator[Finding]:
    if found.again.differing:
        message = (
            f"asked twice, the reference model answers {_share(found.again)} of rows differently; a"
            " difference in as many says nothing of what is served: look for random ops, and for rows that"
            " hang on others of their batch"
        )
        yield _finding(Severity.WARNING, "answers_differ_by_themselves", message)


def _not_replayed(found: ReplaySummary) -> Iterator[Finding]:
    if found.rows and not found.total.rows:
        reasons = ", ".join(f"{why} {rows:,}" for why, rows in sorted(found.unmatched.items()))
        message = f"nothing was replayed: of {found.rows:,} rows none has an answer to compare ({reasons})"
        yield _finding(Severity.WARNING, "nothing_replayed", message)
        return
    if rows := found.unmatched[answers.NO_RESPONSE]:
        message = f"{rows:,} of {found.rows:,} rows have no logged answer, or not one for each row"
        yield _finding(Severity.INFO, answers.NO_RESPONSE, message)
    for reason, rows in sorted(found.unmatched.items()):
        if reason != answers.NO_RESPONSE:
            message = f"{rows:,} of {found.rows:,} rows were not replayed: they {_REASONS[reason]}"
            yield _finding(Severity.WARNING, reason, message)


def _finding(severity: Severity, metric: str, message: str) -> Finding:
    return Finding("", Space.PREDICTION, Kind.REPLAY, severity, metric, message)
