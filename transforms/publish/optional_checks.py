"""What a run says beside its comparison of distributions: of answers that were replayed, of versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.replay import report
from trueserve.transforms.replay.report import Limits
from trueserve.transforms.replay.summary import ReplaySummary
from trueserve.transforms.replay.versions import VersionRows
from trueserve.transforms.verdict.findings import contracts as contracts_findings
from trueserve.transforms.verdict.findings import replay as replay_findings
from trueserve.transforms.verdict.model import ComparisonResult
from trueserve.transforms.verdict.severity import Policy

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class OptionalChecks:
    """What was asked for.

    Attributes:
      replay: of `--replay`, None without.
      contracts: of `--contracts`, by version, None without.
    """

    replay: Limits | None = None
    contracts: Mapping[str, Json] | None = None


@dataclasses.dataclass(frozen=True)
class OptionalResults:
    """What was found; None for what was not asked for, or did not come about."""

    replay: ReplaySummary | None = None
    versions: VersionRows | None = None


def comparisons(
    results: OptionalResults, checks: OptionalChecks, policy: Policy, baseline: Json | None
) -> Iterator[ComparisonResult]:
    """The findings; `baseline` is its contract."""
    if results.replay is not None and checks.replay is not None:
        yield replay_findings.compare_replay(results.replay, checks.replay, policy)
    if results.versions is not None and checks.contracts is not None and baseline is not None:
        yield contracts_findings.compare_versions(results.versions, checks.contracts, baseline)


def blocks(results: OptionalResults, checks: OptionalChecks, baseline: Json | None) -> dict[str, Any]:
    """`replay` and `versions` of verdict.json; None for what was not asked for."""
    replay = versions = None
    if results.replay is not None and checks.replay is not None:
        replay = report.to_json(results.replay, checks.replay)
    if results.versions is not None and checks.contracts is not None and baseline is not None:
        versions = contracts_findings.versions_json(results.versions, checks.contracts, baseline)
    return {"replay": replay, "versions": versions}


def files(results: OptionalResults) -> Iterator[tuple[str, bytes]]:
    """The rows that were kept with their payloads."""
    if results.replay is not None and (rows := report.kept_rows(results.replay)):
        yield "replay/worst.jsonl", rows
