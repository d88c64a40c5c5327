"""`trueserve backtest`: what past windows would have said, and limits that keep to a budget of alarms."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "backtest")

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format

from trueserve.pipelines import backtest_folder
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.beam.job import BeamJob, new_job
from trueserve.pipelines.display import backtest_table, estimate_table, profile_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.estimate.workload import Step, Workload
from trueserve.pipelines.flags.backtest import BacktestOptions
from trueserve.pipelines.plan import (
    ComparisonPlan,
    compared_spaces,
    examine_requests,
    files_of,
    make_plan,
    workload,
)
from trueserve.transforms import profile
from trueserve.transforms.backtesting import document, judging, memory_limit, suggest, thresholds_file
from trueserve.transforms.backtesting.document import Study
from trueserve.transforms.backtesting.judging import WindowResult, WindowState
from trueserve.transforms.baseline import layout
from trueserve.transforms.branches.branch import Branch
from trueserve.transforms.branches.reading import READING, ReadSummary
from trueserve.transforms.branches.windows import Windows
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError, NothingExaminedError, UsageError
from trueserve.transforms.files import paths, temporary_files
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.windows import iso_duration
from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import backtest as page_backtest
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.findings import input as input_findings
from trueserve.transforms.verdict.model import Finding, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.write_results import WriteWindows, read_summary, read_window

_SCHEMAS = {Space.RAW: layout.SCHEMA, Space.TRANSFORMED: layout.TRANSFORMED_SCHEMA}


def run(options: BacktestOptions, console: Console) -> int:
    """Writes the files below `options.output`; returns 0, whatever would have fired. `--dry_run` only checks.

    Raises:
      UsageError: before anything is read or written.
      InputError: the log cannot be read, or the job failed; nothing is written.
      NothingExaminedError: no window has enough rows; nothing is written.
    """
    beam_flags = beam_options.beam_options(options.beam_args, options.shared_filesystem)
    windows = _windows(options)
    _check_paths(options, beam_flags)
    console.step(f"reading the training side: {options.baseline}")
    plan = make_plan(options.as_validate())
    memory_limit.check(len(windows), plan.references.values(), plan.run_settings.policy.only)
    files = files_of(plan.options)
    if options.dry_run:
        console.lines(estimate_table.lines_of(_workload(plan, files, len(windows))))
        return 0
    with new_job(beam_flags, console) as job:
        pipeline = beam.Pipeline(options=job.options)
        build(pipeline, plan, options, files, job)
        result = job.run(pipeline, "reading requests", sum(file.bytes for file in files))
        if options.profile:
            console.lines(profile_table.lines_of(profile.moved(result)))
        reading = read_summary(paths.join(job.temp, READING[0]))
        _check_reading(reading, options.max_rejects)
        console.step(f"comparing {len(windows):,} windows with the baseline")
        study = _study(plan, options, windows, job.temp, reading)
    content = document.to_json(study)
    backtest_folder.write(options.output, content, dict(_results(plan, study, content)))
    console.lines(backtest_table.lines_of(content, options.output))
    console.result("backtest", paths.join(options.output, backtest_folder.PAGE))
    return 0


def build(
    root: Any, plan: ComparisonPlan, options: BacktestOptions, files: Sequence[FileSize], job: BeamJob
) -> None:
    """The graph: one read gives the statistics of every window, in each space: a file each in `job.temp`."""
    assert options.start is not None
    start, every = options.start, options.every
    features = memory_limit.wanted(plan.references.values(), plan.run_settings.policy.only)

    def windows(reference: Reference) -> list[Branch]:
        names = features[reference.space]
        return [Windows(reference.space.value, reference.schema, start, every, names)]

    examine = examine_requests(plan, files, [compared_spaces(plan, windows)], job.heartbeats)
    _ = root | "ExamineRequests" >> examine | "WriteWindows" >> WriteWindows(job.temp)


def _workload(plan: ComparisonPlan, files: Sequence[FileSize], windows: int) -> Workload:
    one_window = memory_limit.window_bytes(plan.references.values(), plan.run_settings.policy.only)
    each = Step(f"each of {formatting.counted(windows, 'window')} of its own", 0.0)
    return workload(plan, "backtest", files, [each], windows * one_window)


def _windows(options: BacktestOptions) -> list[Window]:
    assert options.start is not None
    assert options.end is not None
    windows = judging.cut(options.start, options.end, options.every)
    for start, end in options.known_bad:
        if not any(_overlaps(window, start, end) for window in windows):
            raise UsageError(
                f"--known_bad: {start.isoformat()} to {end.isoformat()} is not between --start and --end"
            )
    return windows


def _study(
    plan: ComparisonPlan, options: BacktestOptions, windows: Sequence[Window], temp: str, reading: ReadSummary
) -> Study:
    results = [_window_result(plan, options, number, window, temp) for number, window in enumerate(windows)]
    if (rows := sum(result.rows for result in results)) != reading.accounting.rows:
        raise InputError(
            f"window results are incomplete: {reading.accounting.rows:,} rows were decoded, but the windows"
            f" hold {rows:,}. Run again, and report it if it repeats"
        )
    good = [result for result in results if result.state is WindowState.JUDGED]
    if not good:
        raise NothingExaminedError(_why_nothing(results, plan.run_settings.policy, _span(windows), reading))
    if not any(result.distances or result.effects for result in good):
        raise NothingExaminedError(
            "no feature could be compared in any window; run validate on one of them for the reasons"
        )
    allowed = len(good) * options.every / options.budget
    limits = suggest.suggest(judging.series_of(good), allowed)
    study = Study(
        settings=_options_json(options),
        windows=results,
        good=good,
        allowed=allowed,
        limits=limits,
        distances=suggest.suggest(judging.distances_of(good), allowed),
        after={},
        counts=_counts(reading, rows),
    )
    numbers_of_good = [number for number, result in enumerate(results) if result.state is WindowState.JUDGED]
    return dataclasses.replace(
        study, after=dict(_errors_under_new_limits(plan, study, numbers_of_good, options.every, temp))
    )


def _window_result(
    plan: ComparisonPlan, options: BacktestOptions, number: int, window: Window, temp: str
) -> WindowResult:
    rows, statistics = _statistics(plan, number, temp)
    if not rows:
        return WindowResult(window, 0, WindowState.NO_ROWS)
    if rows < plan.run_settings.policy.min_slice_rows:
        return WindowResult(window, rows, WindowState.TOO_FEW_ROWS)
    bad = any(_overlaps(window, *span) for span in options.known_bad)
    policy = plan.run_settings.policy
    results = judging.judge(plan.references.values(), statistics, policy, options.every, window.start)
    return WindowResult(window, rows, WindowState.KNOWN_BAD if bad else WindowState.JUDGED, *results)


def _errors_under_new_limits(
    plan: ComparisonPlan, study: Study, numbers_of_good: Sequence[int], length: dt.timedelta, temp: str
) -> Iterator[tuple[int, tuple[Finding, ...]]]:
    """The windows that have errors under the new limits too: the rule itself is asked, not the series."""
    policy = plan.run_settings.policy
    new = thresholds_file.raised(policy.thresholds, study.limits)
    policy = dataclasses.replace(policy, thresholds=new)
    for number in study.fired:
        _, statistics = _statistics(plan, numbers_of_good[number], temp)
        window = study.good[number].window
        findings, *_ = judging.judge(plan.references.values(), statistics, policy, length, window.start)
        if errors := WindowResult(window, 0, WindowState.JUDGED, findings).errors:
            yield number, errors


def _statistics(plan: ComparisonPlan, number: int, temp: str) -> tuple[int, dict[Space, Statistics]]:
    """The rows of a window, and its statistics in each space."""
    windows = {space: read_window(temp, space.value, number) for space in plan.references}
    contents = {space: window for space, window in windows.items() if window is not None}
    num_rows = {rows for rows, _ in contents.values()}
    assert len(num_rows) <= 1, "a window has the same rows in every space"
    return max(num_rows, default=0), {
        space: Statistics.FromString(data) for space, (_, data) in contents.items()
    }


def _overlaps(window: Window, start: dt.datetime, end: dt.datetime) -> bool:
    assert window.start is not None
    assert window.end is not None
    return window.start < end and start < window.end


def _check_paths(options: BacktestOptions, beam_flags: PipelineOptions) -> None:
    beam_options.check_reachable(
        beam_flags, baseline=options.baseline, logs=options.logs, output=options.output
    )
    beam_options.temp_location(beam_flags)
    if not options.dry_run:
        temporary_files.sweep(options.output)
    backtest_folder.check(options.output)
    paths.check_writable(options.output)


def _check_reading(reading: ReadSummary, max_rejects: float) -> None:
    counts = reading.accounting
    if reading.faults:
        raise InputError("; ".join(str(fault) for fault in reading.faults[:3]))
    if counts.total_rejected > max_rejects * counts.read:
        first = reading.rejects[0]
        raise InputError(
            f"{counts.total_rejected:,} of {counts.read:,} records were rejected, more than"
            f" --max_rejects={max_rejects:g} allows; the first: {first.file}, record {first.record}:"
            f" {first.detail}"
        )
    if counts.balance():
        raise InputError(f"{counts.balance():,} records that were read are not accounted for")


def _span(windows: Sequence[Window]) -> Window:
    return Window(windows[0].start, windows[-1].end)


def _why_nothing(results: Sequence[WindowResult], policy: Policy, span: Window, reading: ReadSummary) -> str:
    max_rows = max(result.rows for result in results)
    bad = sum(result.state is WindowState.KNOWN_BAD for result in results)
    if bad:
        return (
            f"no window is left to learn limits from: {bad:,} of {len(results):,} windows are in --known_bad"
        )
    reason = f"no window has enough rows: {policy.min_slice_rows:,} are needed, the largest has {max_rows:,}"
    return "; ".join([reason, *input_findings.hints(span, reading.accounting, None)])


def _counts(reading: ReadSummary, rows: int) -> dict[str, Any]:
    counts = reading.accounting
    names = ("read", "decoded", "outside_window", "no_time")
    counts_by_name: dict[str, Any] = {name: getattr(counts, name) for name in names}
    counts_by_name |= {"rejected": counts.total_rejected, "excluded": counts.total_excluded}
    return counts_by_name | {"rows": counts.rows, "in_windows": rows}


def _options_json(options: BacktestOptions) -> dict[str, Any]:
    return {
        "baseline": options.baseline,
        "logs": options.logs,
        "start": document.iso(options.start),
        "end": document.iso(options.end),
        "every": iso_duration(options.every),
        "budget": iso_duration(options.budget),
        "known_bad": [
            {"start": document.iso(start), "end": document.iso(end)} for start, end in options.known_bad
        ],
    }


def _results(plan: ComparisonPlan, study: Study, content: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The files but for `RESULT`, by name."""
    raised = thresholds_file.raised(plan.run_settings.policy.thresholds, study.limits)
    yield (
        layout.THRESHOLDS,
        thresholds_file.render(raised, document.head(study), document.comments(study)),
    )
    for space, reference in plan.references.items():
        thresholds = {
            limit.key.feature: limit.suggested for limit in study.distances if limit.key.space == space
        }
        schema = schemas.with_default_thresholds(reference.schema, thresholds)
        yield _SCHEMAS[space], text_format.MessageToString(schema).encode()
    yield backtest_folder.PAGE, page_backtest.render(content)
