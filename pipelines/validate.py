"""`trueserve validate`: logged requests, compared with the baseline, to a published verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2

from pipelines import conclusion, feature_limits
from pipelines.beam import options as beam_options
from pipelines.beam.job import Job as BeamJob
from pipelines.beam.job import new_job
from pipelines.conclusion import Run
from pipelines.display.console import Console
from pipelines.flags import replay as replay_flags
from pipelines.flags.validate import ValidateOptions
from transforms.apply_transform_graph import ApplyTransformGraph
from transforms.baseline import layout, served_contracts
from transforms.baseline.contents import Contents
from transforms.compute_statistics import ComputeSliceStatistics, ComputeStatistics
from transforms.core import slicing
from transforms.core.batches import Window
from transforms.core.errors import UsageError
from transforms.files import paths, windows
from transforms.files.paths import FileSize
from transforms.logs.formats import bigquery
from transforms.logs.rows.warm_ups import fingerprints
from transforms.mark_rows import MarkRows
from transforms.publish.assemble import Job
from transforms.publish.optional_checks import Asked
from transforms.publish_verdict import PublishVerdict
from transforms.read import ReadRequests
from transforms.read_bigquery import ReadBigQueryRequests
from transforms.reference import prediction_reference, training_side
from transforms.reference.training_side import TrainingSide
from transforms.replay.compare import Tolerance
from transforms.replay.report import Limits
from transforms.replay_requests import CountVersions, ReplayRequests
from transforms.runs import partial_runs, previous_runs, run_ids
from transforms.serving import probe_requests
from transforms.take_predictions import TakePredictions
from transforms.verdict.evidence import unseen_mass
from transforms.verdict.model import Severity, Space
from transforms.verdict.reference import Reference
from transforms.verdict.severity import Policy


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that the graph needs, found and checked before it is built."""

    options: ValidateOptions
    source: TrainingSide
    references: Mapping[Space, Reference]
    request_schema: schema_pb2.Schema
    transform_output: str | None
    job: Job
    run_id: str
    warm_ups: frozenset[int] = frozenset()
    contents: Contents | None = None

    @property
    def apply_transform_graph(self) -> ApplyTransformGraph:
        assert self.transform_output is not None
        return ApplyTransformGraph(self.transform_output, self.contents)


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


def make_plan(options: ValidateOptions) -> Plan:
    """Loads the training side.

    Raises:
      UsageError: it is missing, incomplete or of another format version, or has no category to slice by; or
        the model to replay, the contracts of versions, the limits or the earlier run are not what they must
        be; or --only names no feature.
    """
    loaded = layout.load(options.baseline) if options.baseline else None
    source = dataclasses.replace(_source(options), identity=loaded.identity if loaded else None)
    references = training_side.of_baseline(loaded, options.spaces) if loaded else source.of_features()
    references += source.of_predictions(references)
    policy, window = _policy(options, references, loaded), Window(options.start, options.end)
    contract = loaded.contract.to_verdict() if loaded else None
    by_space = {reference.space: reference for reference in references}
    plan = Plan(
        options=options,
        source=source,
        references=by_space,
        request_schema=_request_schema(by_space.get(Space.RAW), loaded, policy),
        transform_output=loaded.transform_output if loaded else None,
        contents=loaded.contents if loaded else None,
        job=Job(
            window=window,
            policy=policy,
            contract=contract,
            beside=_asked(options),
            earlier=_earlier(options, window, contract),
        ),
        run_id=run_ids.new_run_id(),
        warm_ups=_warm_ups(loaded) if loaded else frozenset(),
    )
    if options.slice_by:
        slicing.check(options.slice_by, plan.request_schema)
    return plan


def _warm_ups(baseline: layout.Baseline) -> frozenset[int]:
    return fingerprints(probe_requests.requests(baseline.probes_data, baseline.probes))


def _source(options: ValidateOptions) -> TrainingSide:
    predictions = prediction_reference.model_of(options.predictions, options.replay)
    given = (options.baseline, options.schema, options.statistics, options.label, options.spaces)
    return TrainingSide(*given, predictions=predictions)


def build(root: Any, plan: Plan, files: Sequence[FileSize], heartbeats: str | None) -> Any:
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


def _beside(plan: Plan, batches: Any, found: Mapping[str, Any]) -> dict[str, Any]:
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


def read_requests(plan: Plan, files: Sequence[FileSize], heartbeats: str | None) -> Any:
    """Reads the log: `files`, or the table that `--logs` names."""
    told: dict[str, Any] = {
        "schema": plan.request_schema,
        "format": plan.options.format,
        "window": plan.job.window,
        "time_feature": plan.options.time_feature,
        "keep_payloads": plan.options.keep_payloads,
        "sample": plan.options.sample,
        "version_feature": plan.options.version_feature,
        "columns": plan.options.columns,
        "exclude": plan.options.exclude,
        "responses": plan.options.replay is not None or Space.PREDICTION in plan.references,
        "progress": heartbeats,
    }
    if bigquery.is_table(plan.options.logs):
        return ReadBigQueryRequests(table=plan.options.logs, **told)
    return ReadRequests(files=tuple(files), warm_ups=plan.warm_ups, **told)


def files_of(options: ValidateOptions) -> Sequence[FileSize]:
    """The files to read; none where the log is a table."""
    if bigquery.is_table(options.logs):
        return ()
    return windows.expand(options.logs, options.start, options.end)


def _statistics(plan: Plan, batches: Any, reference: Reference) -> dict[str, Any]:
    """The statistics of one space, and those of its slices where some are asked for."""
    space, title = reference.space.value, reference.space.value.title()
    found = {space: batches | f"{title}Statistics" >> ComputeStatistics(reference.schema)}
    if plan.options.slice_by:
        least = max(plan.job.policy.min_slice_rows, unseen_mass.NAMED_FROM)
        compute = ComputeSliceStatistics(reference.schema, least)
        found[f"{space}_slices"] = batches | f"{title}Slices" >> compute
    return found


def _run_job(plan: Plan, job: BeamJob, files: Sequence[FileSize]) -> None:
    pipeline = beam.Pipeline(options=job.options)
    build(pipeline, plan, files, job.heartbeats)
    job.run(pipeline, "reading requests", sum(file.bytes for file in files))


def _request_schema(
    raw: Reference | None, baseline: layout.Baseline | None, policy: Policy
) -> schema_pb2.Schema:
    """The schema that requests are decoded by: that of the raw features, whatever is compared."""
    if raw is not None:
        return raw.prepared(policy)
    assert baseline is not None
    return baseline.schema


def _policy(
    options: ValidateOptions, references: Sequence[Reference], loaded: layout.Baseline | None
) -> Policy:
    return Policy(
        jsd=options.jsd,
        linf=options.linf,
        fail_on=Severity(options.fail_on),
        ignore=frozenset(options.ignore),
        only=feature_limits.check_only(options.only, references),
        thresholds=feature_limits.load_thresholds(options.thresholds, loaded),
        max_rejects=options.max_rejects,
    )


def _asked(options: ValidateOptions) -> Asked:
    replay = contracts = None
    if options.replay is not None:
        replay_flags.check_model(options.replay, options.allow_ops)
        tolerance = Tolerance(options.replay_atol, options.replay_rtol)
        replay = Limits(options.replay, tolerance, options.replay_share)
    if options.contracts is not None:
        contracts = served_contracts.load(options.contracts)
    return Asked(replay, contracts)


def _earlier(
    options: ValidateOptions, window: Window, contract: Mapping[str, Any] | None
) -> previous_runs.Earlier | None:
    """The runs that `--previous` means; None without it."""
    if options.previous is None:
        return None
    return previous_runs.find(options.previous, options.output, window, contract)


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
