"""`trueserve validate`: logged requests, compared with the baseline, to a published verdict."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "validate")

import dataclasses
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from trueserve.pipelines import conclusion
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.beam.job import BeamJob, new_job
from trueserve.pipelines.conclusion import PublishingRun
from trueserve.pipelines.display import estimate_table, profile_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.estimate import steps
from trueserve.pipelines.estimate.workload import Step, Workload
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.pipelines.plan import (
    ComparisonPlan,
    compared_spaces,
    examine_requests,
    features_by_space,
    files_of,
    make_plan,
)
from trueserve.pipelines.plan import workload as workload_of
from trueserve.pipelines.repeated import without_repeated
from trueserve.transforms import profile
from trueserve.transforms.baseline import layout
from trueserve.transforms.branches.branch import Branch
from trueserve.transforms.branches.predictions import performance
from trueserve.transforms.branches.replay import Replay
from trueserve.transforms.branches.samples import row_sample, served_rows
from trueserve.transforms.branches.samples.repeats import repeats
from trueserve.transforms.branches.samples.requests import requests
from trueserve.transforms.branches.slices import slices
from trueserve.transforms.branches.statistics import other_types, statistics, tfdv_statistics
from trueserve.transforms.branches.versions import versions
from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.formats import bigquery
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.publish_verdict import PublishVerdict
from trueserve.transforms.runs import dead_runs, previous_runs
from trueserve.transforms.runs.completeness import IncompleteError, Usual
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference


def run(options: ValidateOptions, console: Console, usual: Usual | None = None) -> int:
    """Publishes a verdict below `options.output` and returns its exit code; `--dry_run` only checks.

    Args:
      usual: how much comparable windows had: with less the verdict is that the window is incomplete.

    Raises:
      UsageError: before anything is read or published.
    """
    beam_flags = beam_options.beam_options(
        options.beam_args, options.shared_filesystem, is_one_graph=not options.drop_repeated
    )
    _check_paths(options, beam_flags)
    console.step(f"reading the training side: {options.baseline or options.statistics}")
    plan = make_plan(options)
    plan = dataclasses.replace(plan, run_settings=dataclasses.replace(plan.run_settings, usual=usual))
    if options.dry_run:
        console.lines(estimate_table.lines_of(workload(plan, files_of(options))))
        return 0

    def run_job() -> None:
        with new_job(beam_flags, console) as job:
            files = _complete_files(options, usual)
            of_rows = without_repeated(plan, job, files, console) if options.drop_repeated else plan
            _run_job(of_rows, job, files, console)

    publishing = PublishingRun(options.output, options.logs, plan.run_id, plan.run_settings, options.verbose)
    finish = conclusion.submit if beam_options.is_template(beam_flags) else conclusion.finish
    with dead_runs.publishing(options.output, plan.run_id):
        return finish(publishing, console, run_job)


def build(root: Any, plan: ComparisonPlan, files: Sequence[FileSize], heartbeats: str | None) -> Any:
    """The graph: one read serves all branches; publishing is its last step."""
    results = root | "ExamineRequests" >> examine_requests(plan, files, branches(plan), heartbeats)
    publish = PublishVerdict(plan.options.output, plan.run_id, plan.run_settings, plan.source.references)
    return results | "PublishVerdict" >> publish


def branches(plan: ComparisonPlan) -> list[Branch]:
    """What is found out about the requests: the features, and what was asked for besides."""
    checks = plan.run_settings.optional
    result: list[Branch] = [compared_spaces(plan, lambda reference: _statistics(plan, reference))]
    result.append(repeats(plan.hashed))
    if checks.replay is not None:
        keep_payloads = plan.options.keep_payloads
        result.append(Replay(checks.replay.model, checks.replay.tolerance, keep_payloads=keep_payloads))
    if checks.contracts is not None:
        result.append(versions())
    return result


def workload(plan: ComparisonPlan, files: Sequence[FileSize]) -> Workload:
    """What the job would do. Raises InputError for files that cannot be opened, and for what is no log."""
    checks, features = plan.run_settings.optional, sum(features_by_space(plan).values())
    more: list[Step] = [
        steps.slicing(f"slices by {','.join(names)}", features) for names in plan.options.slice_by
    ]
    if checks.replay is not None:
        more.append(steps.unmeasured("replay"))
    if checks.contracts is not None:
        more.append(steps.unmeasured("versions"))
    if plan.options.drop_repeated:
        more.append(steps.unmeasured("repeated rows, which are another reading"))
    return workload_of(plan, "validate", files, more)


def _statistics(plan: ComparisonPlan, reference: Reference) -> list[Branch]:
    """The statistics of one space, and those of its slices where some are asked for."""
    space, schema = reference.space.value, reference.schema
    min_rows = max(plan.run_settings.policy.min_slice_rows, NAMED_FROM)
    of_slices = [slices(space, schema, min_rows)] if plan.options.slice_by else []
    of_rows = tfdv_statistics if plan.options.statistics_engine == "tfdv" else statistics
    of_raw = [other_types(), *_kept_rows(plan, reference)] if reference.space is Space.RAW else []
    record = plan.run_settings.optional.performance
    of_scores = []
    if reference.space is Space.PREDICTION and isinstance(record, PerformanceRecord):
        of_scores = [performance(record)]
    return [of_rows(space, schema), requests(space), *of_slices, *of_raw, *of_scores]


def _kept_rows(plan: ComparisonPlan, reference: Reference) -> list[Branch]:
    """Rows for ties between features, where training's are known, and rows that a model is asked for."""
    if plan.contents is None or layout.RAW_SAMPLE not in plan.contents.files:
        return []
    model = plan.run_settings.optional.exported
    as_served = [served_rows.rows()] if model is not None and not model.why_not else []
    return [row_sample.rows(len(reference.schema.feature)), *as_served]


def _run_job(plan: ComparisonPlan, job: BeamJob, files: Sequence[FileSize], console: Console) -> None:
    pipeline = beam.Pipeline(options=job.options)
    build(pipeline, plan, files, job.heartbeats)
    result = job.run(pipeline, "reading requests", sum(file.bytes for file in files))
    if plan.options.profile:
        console.lines(profile_table.lines_of(profile.moved(result)))


def _complete_files(options: ValidateOptions, usual: Usual | None) -> Sequence[FileSize]:
    """The files to read. Raises IncompleteError for fewer than usual, InputError where there are none."""
    if usual is None or bigquery.is_table(options.logs):
        return files_of(options)
    try:
        files = files_of(options)
    except InputError:
        if usual.lacks_files(0):
            raise IncompleteError(0) from None
        raise
    if usual.lacks_files(len(files)):
        raise IncompleteError(len(files))
    return files


def _previous_path(previous: str) -> str | None:
    """`--previous` where it is a path: neither `auto` nor the id of a run."""
    return previous if previous != previous_runs.AUTO and ("/" in previous or _exists(previous)) else None


def _exists(path: str) -> bool:
    """Whether a file or folder is there; a text too long for a name is none."""
    try:
        return paths.exists(path)
    except OSError:
        return False


def _check_paths(options: ValidateOptions, beam_flags: PipelineOptions) -> None:
    if options.baseline is None and options.spaces == ("transformed",):
        raise UsageError("--spaces=transformed needs a --baseline: TFDV's statistics have no transform graph")
    beam_options.check_reachable(
        beam_flags,
        baseline=options.baseline,
        schema=options.schema,
        statistics=options.statistics,
        logs=options.logs,
        output=options.output,
        replay=options.replay,
        previous=_previous_path(options.previous or previous_runs.AUTO),
        predictions=options.predictions,
    )
    beam_options.temp_location(beam_flags)
    if paths.exists(paths.join(options.output, layout.CONTRACT)):
        # Its statistics have the names of ours, and would be overwritten.
        raise UsageError(f"--output: {options.output} is a baseline; name another folder for verdicts")
    paths.check_writable(options.output)
    if options.drop_repeated and bigquery.is_table(options.logs):
        raise UsageError(
            "--drop_repeated reads files twice; --logs is a BigQuery table, whose rows have no fixed order"
        )
