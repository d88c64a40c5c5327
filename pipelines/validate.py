"""`trueserve validate`: logged requests, compared with the baseline, to a published verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines import conclusion
from pipelines.beam import options as beam_options
from pipelines.beam.job import BeamJob, new_job
from pipelines.conclusion import Run
from pipelines.display.console import Console
from pipelines.flags.validate import ValidateOptions
from pipelines.plan import ComparisonPlan, files_of, make_plan, read_requests
from transforms.baseline import layout
from transforms.compute_statistics import ComputeSliceStatistics, ComputeStatistics
from transforms.core.errors import UsageError
from transforms.files import paths
from transforms.files.paths import FileSize
from transforms.mark_rows import MarkRows
from transforms.publish_verdict import PublishVerdict
from transforms.reference import prediction_reference
from transforms.replay_requests import CountVersions, ReplayRequests
from transforms.runs import partial_runs, previous_runs
from transforms.take_predictions import TakePredictions
from transforms.verdict.evidence import unseen_mass
from transforms.verdict.model import Space
from transforms.verdict.reference import Reference


def run(options: ValidateOptions, console: Console) -> int:
    """Publishes a verdict below `options.output` and returns its exit code.

    Raises:
      UsageError: before anything is read or published.
    """
    beam_flags = beam_options.beam_options(options.beam_args)
    _check_places(options, beam_flags)
    console.step(f"reading the training side: {options.baseline or options.statistics}")
    plan = make_plan(options)

    def work() -> None:
        with new_job(beam_flags, console) as job:
            _run_job(plan, job, files_of(options))

    with partial_runs.publishing(options.output, plan.run_id):
        return conclusion.finish(Run(options.output, options.logs, plan.run_id, plan.job), console, work)


def build(root: Any, plan: ComparisonPlan, files: Sequence[FileSize], heartbeats: str | None) -> Any:
    """The graph: one read serves the raw and the transformed statistics; publishing is its last step."""
    raw = plan.references.get(Space.RAW)
    read = root | "ReadRequests" >> read_requests(plan, files, heartbeats)
    marking = MarkRows(plan.options.slice_by, plan.options.ignore_sampling_rate)
    marked = read.batches | "MarkRows" >> marking
    counts = [read.accounting, marked.accounting]
    found = {"rejects": read.rejects, "faults": read.faults}
    if raw is not None:
        found |= _statistics(plan, marked.batches, raw)
    if Space.TRANSFORMED in plan.references:
        transformed = marked.batches | "ApplyTransformGraph" >> plan.apply_transform_graph
        found |= _statistics(plan, transformed.batches, plan.references[Space.TRANSFORMED])
        counts.append(transformed.accounting)
    if (reference := plan.references.get(Space.PREDICTION)) is not None:
        taking = TakePredictions(prediction_reference.outputs(reference))
        predicted = marked.batches | "TakePredictions" >> taking
        found |= _statistics(plan, predicted.batches, reference)
        counts.append(predicted.accounting)
    found |= _beside(plan, read.batches, found)
    found["accounting"] = counts | "JoinAccounting" >> beam.Flatten()
    publish = PublishVerdict(plan.options.output, plan.run_id, plan.job, plan.source.references)
    return found | "PublishVerdict" >> publish


def _beside(plan: ComparisonPlan, batches: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    """What is looked for beside the features, in the same read, where it was asked for."""
    asked, beside = plan.job.beside, {}
    if asked.replay is not None:
        keep = plan.options.keep_payloads
        replay = ReplayRequests(asked.replay.model, asked.replay.tolerance, keep)
        replayed = batches | "ReplayRequests" >> replay
        beside["replay"] = replayed.summary
        beside["faults"] = (found["faults"], replayed.faults) | "JoinFaults" >> beam.Flatten()
    if asked.contracts is not None:
        beside["versions"] = batches | "CountVersions" >> CountVersions()
    return beside


def _statistics(plan: ComparisonPlan, batches: Any, reference: Reference) -> dict[str, Any]:
    """The statistics of one space, and those of its slices where some are asked for."""
    space, title = reference.space.value, reference.space.value.title()
    found = {space: batches | f"{title}Statistics" >> ComputeStatistics(reference.schema)}
    if plan.options.slice_by:
        least = max(plan.job.policy.min_slice_rows, unseen_mass.NAMED_FROM)
        compute = ComputeSliceStatistics(reference.schema, least)
        found[f"{space}_slices"] = batches | f"{title}Slices" >> compute
    return found


def _run_job(plan: ComparisonPlan, job: BeamJob, files: Sequence[FileSize]) -> None:
    pipeline = beam.Pipeline(options=job.options)
    build(pipeline, plan, files, job.heartbeats)
    job.run(pipeline, "reading requests", sum(file.bytes for file in files))


def _previous_path(asked: str) -> str | None:
    """`--previous` where it is a path: neither `auto` nor the id of a run."""
    return asked if asked != previous_runs.AUTO and ("/" in asked or _exists(asked)) else None


def _exists(asked: str) -> bool:
    """Whether a file or folder is there; a text too long for a name is none."""
    try:
        return paths.exists(asked)
    except OSError:
        return False


def _check_places(options: ValidateOptions, beam_flags: PipelineOptions) -> None:
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
