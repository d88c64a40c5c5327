"""Versions that answered, held against the baseline by their contracts."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.wording import listing, percent, plain

Json = Mapping[str, Any]

_LONGEST_NAME = 40
_MOST = 50


class Contracted(enum.StrEnum):
    """How a version's contract relates to the baseline's."""

    EQUAL = "equal"
    OTHER = "other"
    MISSING = "missing"


def compare_versions(
    rows: Mapping[str | None, int], contracts: Mapping[str, Json], baseline: Json
) -> ComparisonResult:
    """The findings of the versions in a log.

    Args:
      rows: by version; None where the log does not say.
      contracts: of the served versions, as JSON values.
      baseline: its contract, likewise.
    """
    total = max(sum(rows.values()), 1)
    findings = [
        finding
        for version in sorted(rows, key=lambda name: (-rows[name], name or ""))
        for finding in _of_version(version, rows[version] / total, rows[version], contracts, baseline)
    ]
    states = {contracted(version, contracts, baseline) for version in rows}
    nothing = "no version that answered has a contract" if states == {Contracted.MISSING} else ""
    return ComparisonResult(
        (*findings[:_MOST], *_more(findings[_MOST:])), (), space=Space.SET, nothing=nothing
    )


def edited_schema(file: str, names: Collection[str], trained: Iterable[str]) -> str:
    """What is said of a schema that was edited since `prepare` wrote it; `names` are its features."""
    message = f"{file} was edited since prepare wrote it"
    if gone := [name for name in trained if name not in names]:
        return f"{message}; features that it no longer has are not compared: {listing(gone)}"
    return message


def notes(edited: str, lacks: str) -> Iterator[Finding]:
    """What a verdict says of its baseline: that the schema was edited, and what an adopted one lacks."""
    for metric, message in (("schema_edited", edited), ("adopted_baseline", lacks)):
        if message:
            yield _finding(Severity.INFO, metric, message)


def versions_json(
    rows: Mapping[str | None, int], contracts: Mapping[str, Json], baseline: Json
) -> list[dict[str, Any]]:
    """The `versions` block of verdict.json, the most frequent first."""
    by_count = sorted(rows.items(), key=lambda item: (-item[1], item[0] or ""))
    return [
        {"version": version, "rows": count, "contract": contracted(version, contracts, baseline).value}
        for version, count in by_count
    ]


def contracted(version: str | None, contracts: Mapping[str, Json], baseline: Json) -> Contracted:
    """Whether a version's transform graph, vocabularies included, is the baseline's."""
    if version is None or version not in contracts:
        return Contracted.MISSING
    return Contracted.OTHER if _differing(contracts[version], baseline) else Contracted.EQUAL


def _of_version(
    version: str | None, share: float, rows: int, contracts: Mapping[str, Json], baseline: Json
) -> Iterator[Finding]:
    answered = f"answered {rows:,} rows ({percent(share)})"
    if version is None:
        message = f"{rows:,} rows ({percent(share)}) do not say which version answered them"
        yield _finding(Severity.WARNING, "version_unknown", message)
        return
    name = f"version {plain(version[:_LONGEST_NAME])}"
    state = contracted(version, contracts, baseline)
    if state is Contracted.MISSING:
        message = f"{name} {answered} and has no contract in --contracts: its preprocessing is not known"
        yield _finding(Severity.WARNING, "version_without_contract", message)
    elif state is Contracted.OTHER:
        differences = _differing(contracts[version], baseline)
        message = f"{name} {answered} with another preprocessing than the baseline's: {differences}"
        yield _finding(Severity.ERROR, "version_of_another_contract", message)


def _differing(contract: Json, baseline: Json) -> str:
    """What differs of two contracts, in words; empty where graph and vocabularies are the same."""
    expected, actual = baseline["digests"], contract["digests"]
    names = {*expected["assets"], *actual["assets"]}
    assets = sorted(name for name in names if expected["assets"].get(name) != actual["assets"].get(name))
    differences = [f"other assets ({listing(assets)})"] if assets else []
    if expected["graph"] != actual["graph"]:
        differences.append("another transform graph")
    return " and ".join(differences)


def _more(left_out: list[Finding]) -> Iterator[Finding]:
    if left_out:
        worst = Severity.ERROR if any(f.severity is Severity.ERROR for f in left_out) else Severity.WARNING
        message = f"{len(left_out):,} more versions; `versions` in verdict.json lists them"
        yield _finding(worst, "more_versions", message)


def _finding(severity: Severity, metric: str, message: str) -> Finding:
    return Finding("", Space.SET, FindingKind.CONTRACT, severity, metric, message)
