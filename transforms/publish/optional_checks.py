"""What a run says beside its comparison of distributions: of answers that were replayed, of versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.performance.bins import ScoreBins
from trueserve.transforms.performance.estimate import Estimate, estimate
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.publish.harm import ExportedModel
from trueserve.transforms.replay import report
from trueserve.transforms.replay.report import Limits
from trueserve.transforms.replay.summary import ReplaySummary
from trueserve.transforms.replay.versions import VersionRows
from trueserve.transforms.verdict.findings import contracts as contracts_findings
from trueserve.transforms.verdict.findings import performance as performance_findings
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
      performance: what the model of `--predictions` has recorded; a sentence why it has nothing; None where
        no predictions are compared.
      exported: the model that is asked what incidents did to the predictions; None likewise.
    """

    replay: Limits | None = None
    contracts: Mapping[str, Json] | None = None
    performance: PerformanceRecord | str | None = None
    exported: ExportedModel | None = None


@dataclasses.dataclass(frozen=True)
class OptionalResults:
    """What was found; None for what was not asked for, or did not come about.

    Attributes:
      estimates: of `scores`, by metric; see `estimated`.
      rows: a sample of the served rows; None for none.
    """

    replay: ReplaySummary | None = None
    versions: VersionRows | None = None
    scores: ScoreBins | None = None
    design_effect: float = 1.0
    estimates: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    rows: pa.RecordBatch | None = None


def estimated(results: OptionalResults, checks: OptionalChecks, design_effect: float) -> OptionalResults:
    """The results with the estimated performance; without one where no logged answer has a prediction.

    Args:
      design_effect: how many rows of the predictions tell as much as one.
    """
    record, scores = checks.performance, results.scores
    if not isinstance(record, PerformanceRecord) or scores is None or not scores.total:
        return dataclasses.replace(results, design_effect=design_effect)
    estimates = estimate(record.calibration, scores, design_effect)
    return dataclasses.replace(results, design_effect=design_effect, estimates=estimates)


def comparisons(
    results: OptionalResults, checks: OptionalChecks, policy: Policy, baseline: Json | None
) -> Iterator[ComparisonResult]:
    """The findings; `baseline` is its contract."""
    if results.replay is not None and checks.replay is not None:
        yield replay_findings.compare_replay(results.replay, checks.replay, policy)
    if results.versions is not None and checks.contracts is not None and baseline is not None:
        yield contracts_findings.compare_versions(results.versions, checks.contracts, baseline)
    yield performance_findings.compare(checks.performance, results.estimates, policy.thresholds)


def blocks(results: OptionalResults, checks: OptionalChecks, baseline: Json | None) -> dict[str, Any]:
    """`replay`, `versions` and `performance` of verdict.json; None for what was not asked for."""
    replay = versions = None
    if results.replay is not None and checks.replay is not None:
        replay = report.to_json(results.replay, checks.replay)
    if results.versions is not None and checks.contracts is not None and baseline is not None:
        versions = contracts_findings.versions_json(results.versions, checks.contracts, baseline)
    return {"replay": replay, "versions": versions, "performance": _performance(results, checks)}


def _performance(results: OptionalResults, checks: OptionalChecks) -> dict[str, Any] | None:
    record = checks.performance
    if record is None or isinstance(record, str):
        return None if record is None else performance_findings.nothing(record)
    scores = results.scores
    rows = 0 if scores is None else round(scores.total)
    return performance_findings.block(record, rows, results.design_effect, results.estimates)


def files(results: OptionalResults) -> Iterator[tuple[str, bytes]]:
    """The rows that were kept with their payloads."""
    if results.replay is not None and (rows := report.kept_rows(results.replay)):
        yield "replay/worst.jsonl", rows
