"""What a run says of the runs before it: drift since the last one, and over many."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.batches import Window
from trueserve.transforms.drift import lasting_shift, slow_drift, window_drift
from trueserve.transforms.runs import previous_runs, published_runs, window_summary
from trueserve.transforms.runs.previous_runs import PreviousRuns
from trueserve.transforms.runs.published_runs import PublishedRun, UnreadableError
from trueserve.transforms.runs.window_summary import WindowSummary
from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.evidence.rates import alarm_budget
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.findings.predictions import answered
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import iso

THIS, LAST = "this window", "the last run"


@dataclasses.dataclass(frozen=True)
class DriftReport:
    """What is told.

    Attributes:
      block: `previous` of verdict.json, None where it was not asked for.
      comparison: its findings, likewise.
      files: `positions.json`, for the runs to come.
    """

    block: Mapping[str, Any] | None = None
    comparison: ComparisonResult | None = None
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ServedWindow:
    """What this run has to show: its window, the training side and the statistics of each space.

    `length` is how long the window lasts and `start` when it began, None where that is not known.
    """

    window: Window
    references: Sequence[Reference]
    statistics: Mapping[Space, Statistics]
    contract: Mapping[str, Any] | None
    policy: Policy
    length: dt.timedelta | None = None
    start: dt.datetime | None = None


def compare_with_previous(runs: PreviousRuns | None, now: ServedWindow) -> DriftReport:
    """Compares a run with earlier ones; `runs` is None where that was not requested.

    An earlier run whose files have gone, or are broken, becomes an info finding: the verdict stands.
    Predictions are those of the rows that have one: how many answers a log lacks is no drift.
    """
    served = {space: _answered(space, statistics) for space, statistics in now.statistics.items()}
    now = dataclasses.replace(now, statistics=served)
    summary = window_summary.summarize(
        now.references, now.statistics, now.window, _baseline(now), _model(now)
    )
    files = {published_runs.WINDOW_SUMMARY: summary.to_bytes()} if summary.values else {}
    if runs is None:
        return DriftReport(files=files)
    if not summary.values:  # nothing was examined, or the run has failed
        return DriftReport(_block(runs.previous, [], [summary]))
    findings: list[Finding] = list(_infos(runs, now))
    spaces, references = [], _comparable(runs.previous, now)
    # Warnings have a budget of their own, which the spaces share.
    policy = alarm_budget.for_window(now.policy, now.window.length, len(references))
    for reference in references:
        try:
            findings += _space_findings(runs.previous, reference, dataclasses.replace(now, policy=policy))
            spaces.append(reference.space.value)
        except UnreadableError as error:
            findings.append(_info("earlier_run_unreadable", f"the last run could not be read: {error}"))
    windows = slow_drift.comparable(summary, list(_earlier_summaries(runs, findings)))
    findings += slow_drift.findings(windows, now.references, now.policy)
    judged = lasting_shift.Judged(now.references, now.statistics, now.policy, now.length)
    findings += lasting_shift.findings(windows, judged)
    findings = [now.policy.thresholds.bounded(finding) for finding in findings]
    sorted_findings = tuple(sorted(findings, key=severity.order))
    return DriftReport(
        _block(runs.previous, spaces, windows), ComparisonResult(sorted_findings, (), space=Space.SET), files
    )


def _space_findings(previous: PublishedRun | None, reference: Reference, now: ServedWindow) -> list[Finding]:
    """The differences of one space from the last window. Raises UnreadableError."""
    assert previous is not None
    statistics = published_runs.load_statistics(previous, reference.space)
    if reference.space is Space.PREDICTION and _baseline_and_model(previous) != (_baseline(now), _model(now)):
        raise UnreadableError("its predictions are those of another model or baseline")
    spans = (window_drift.span(previous.window, LAST), window_drift.span(now.window, THIS))
    served = now.statistics[reference.space]
    try:
        with np.errstate(all="ignore"):
            before = _answered(reference.space, statistics)
            return window_drift.findings(
                window_drift.Windows(
                    reference,
                    before,
                    served,
                    spans,
                    now.policy,
                    now.length,
                    start=now.start,
                    previous_start=previous.window.start,
                )
            )
    except (ValueError, ArithmeticError, TypeError, LookupError) as error:
        # A stranger may have written them: what no data gives must not cost the verdict.
        raise UnreadableError(f"its statistics of {reference.space} features make no sense") from error


def _comparable(previous: PublishedRun | None, now: ServedWindow) -> list[Reference]:
    """The spaces that both runs have; what a graph gives only where both had the same one."""
    if previous is None:
        return []
    same = previous.graph == published_runs.graph_of(now.contract)
    return [
        reference
        for reference in now.references
        if published_runs.statistics_name(reference.space) in previous.files
        and (same or reference.space is Space.RAW)
    ]


def _infos(runs: PreviousRuns, now: ServedWindow) -> Iterator[Finding]:
    """What is to be known of the comparison itself."""
    if runs.broken:
        broken_runs = f"{runs.broken:,} earlier run{' has' if runs.broken == 1 else 's have'}"
        yield _info("earlier_run_unreadable", f"{broken_runs} no verdict that can be read")
    if runs.left_out:
        newest = f"the newest {previous_runs.MOST_RUNS:,} runs were looked at"
        message = f"{newest}, and {runs.left_out:,} older ones not"
        yield _info("earlier_runs_left_out", message)
    if runs.previous is None:
        yield _info("no_earlier_run", "no earlier run: nothing to compare with")
        return
    if runs.previous.baseline != published_runs.identity(now.contract):
        same = runs.previous.graph == published_runs.graph_of(now.contract)
        what = "with the same transform graph" if same else "so that raw features alone are compared with it"
        yield _info("another_baseline", f"the last run was held against another baseline, {what}")
    if not _comparable(runs.previous, now):
        yield _info("no_common_space", "the last run has no statistics of the spaces that this one compares")


def _earlier_summaries(runs: PreviousRuns, findings: list[Finding]) -> Iterator[WindowSummary]:
    """Those that can be read; of the others an info is added to `findings`."""
    lost = []
    for run in runs.comparable_runs:
        try:
            yield published_runs.load_summary(run)
        except UnreadableError as error:
            lost.append(f"{run.name}: {error}")
    if lost:
        message = f"the positions of {len(lost):,} earlier windows could not be read, such as {lost[0]}"
        findings.append(_info("history_unreadable", message))


def _block(
    previous: PublishedRun | None, spaces: Sequence[str], windows: Sequence[WindowSummary]
) -> dict[str, Any]:
    """`windows` are those of the history, this one last."""
    first = windows[0].window if len(windows) > 1 else None
    return {
        "run": None if previous is None else previous.name,
        "path": None if previous is None else previous.folder,
        "window": None
        if previous is None
        else {"start": iso(previous.window.start), "end": iso(previous.window.end)},
        "verdict": None if previous is None else previous.outcome,
        "spaces": list(spaces),
        "windows": len(windows) - 1,
        "since": None if first is None else iso(first.start),
    }


def _baseline_and_model(run: PublishedRun) -> tuple[str, str]:
    """The baseline and the model that a run's positions are relative to. Raises UnreadableError."""
    summary = published_runs.load_summary(run)
    return summary.baseline, summary.model


def _baseline(now: ServedWindow) -> str:
    """Tells baselines apart: by the contract, or by the statistics where there is none."""
    known = published_runs.identity(now.contract)
    return known or _digest(
        reference for reference in now.references if reference.space is not Space.PREDICTION
    )


def _model(now: ServedWindow) -> str:
    """Tells models apart by what they predicted; empty where none was asked for."""
    predictions = [reference for reference in now.references if reference.space is Space.PREDICTION]
    return _digest(predictions) if predictions else ""


def _digest(references: Iterable[Reference]) -> str:
    digest = hashlib.sha256()
    for reference in references:
        digest.update(reference.statistics.SerializeToString(deterministic=True))
    return digest.hexdigest()


def _answered(space: Space, statistics: Statistics) -> Statistics:
    return answered(statistics) if space is Space.PREDICTION else statistics


def _info(metric: str, message: str) -> Finding:
    return Finding("", Space.SET, FindingKind.DRIFT, Severity.INFO, metric, message)
