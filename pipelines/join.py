"""`trueserve join`: training examples and logged requests with the same key, compared feature by feature."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "join")

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines import feature_limits
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.beam.job import BeamJob, new_job
from trueserve.pipelines.display import estimate_table, performance_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.display.join_table import lines_of
from trueserve.pipelines.estimate import steps
from trueserve.pipelines.estimate.inputs import BY_FILE, known_input, together
from trueserve.pipelines.estimate.workload import Workload
from trueserve.pipelines.flags.join import JoinOptions
from trueserve.pipelines.flags.reading import text_form
from trueserve.pipelines.labels import late_labels, true_performance
from trueserve.pipelines.labels.late_labels import LateLabels
from trueserve.transforms.baseline import layout, messages
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.core.schema import with_feature_lists
from trueserve.transforms.files import documents, globs, paths, temporary_files, windows
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.join_rows import JoinRows, WriteTypes, read_joined, read_types
from trueserve.transforms.joining import expected, outcome, report
from trueserve.transforms.joining.cells import FloatTolerance
from trueserve.transforms.joining.late_labels import labels_alone, predictions
from trueserve.transforms.joining.piece import Side
from trueserve.transforms.joining.split import JoinSettings, partitions_for
from trueserve.transforms.logs.detect import detect_examples, detect_log
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.read import ReadExamples, ReadRequests
from trueserve.transforms.write_results import WriteReadSummary, read_summary

JOIN, PERFORMANCE = "join.json", "performance.json"
_NOT_SERVED = "requests do not have it, by the schema's environments"


@dataclasses.dataclass(frozen=True)
class JoinPlan:
    """What the graph needs.

    Attributes:
      schema: what both sides are decoded to; None takes all types as they come.
      late: what labels are held against; None where features are compared.
    """

    options: JoinOptions
    examples: tuple[FileSize, ...]
    requests: tuple[FileSize, ...]
    schema: schema_pb2.Schema | None
    late: LateLabels | None = None

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in (*self.examples, *self.requests))

    @property
    def not_compared(self) -> dict[str, str]:
        reasons = dict.fromkeys(
            expected.not_served(self.schema) if self.schema is not None else (), _NOT_SERVED
        )
        reasons |= dict.fromkeys(self.options.ignore, "left out by --ignore")
        return reasons | {part.feature: "part of the key" for part in self.options.key}

    @property
    def comparison(self) -> JoinSettings:
        options = self.options
        if self.late is not None:
            return JoinSettings(key=options.key, labelled=self.late.record)
        return JoinSettings(
            key=options.key,
            ignore=frozenset(self.not_compared),
            tolerance=FloatTolerance(options.float_round_ndigits, options.tolerance),
            allow_duplicates=options.allow_duplicate_identifiers,
            samples=options.samples,
            keep_values=options.keep_payloads,
        )


def run(options: JoinOptions, console: Console) -> int:
    """Writes OUTPUT/join.json and returns the exit code that it says; `--dry_run` only checks.

    With `--labels` it is OUTPUT/performance.json.

    Raises:
      UsageError: before anything is read.
      InputError: either side cannot be read, or the job failed; nothing is written.
    """
    beam_flags = beam_options.beam_options(options.beam_args, options.shared_filesystem)
    _check_paths(options, beam_flags)
    late = late_labels.load(options, feature_limits.load_thresholds(options.thresholds, None))
    options = options if late is None else late_labels.with_window(options, late)
    schema, options = _load_schema(options), _with_missing_values(options)
    examples = tuple(globs.expand(options.rows))
    requests = tuple(windows.expand(options.logs, options.start, options.end))
    if late is not None and late_labels.are_json_lines(examples):
        schema = expected.joined_schema(schema, options.key, late_labels.json_types(examples))
    if options.dry_run:
        console.lines(estimate_table.lines_of(_workload(JoinPlan(options, examples, requests, schema, late))))
        return 0
    with new_job(beam_flags, console) as job:
        plan = JoinPlan(options, examples, requests, schema, late)
        plan = dataclasses.replace(plan, schema=_schema(plan, job))
        document = _join(plan, job)
    path = paths.join(options.output, JOIN if late is None else PERFORMANCE)
    documents.replace(path, (json.dumps(document, indent=1) + "\n").encode())
    console.lines(lines_of(document) if late is None else performance_table.lines_of(document))
    if document["result"] == report.NOT_EXAMINED:
        console.error(report.why_nothing(document["counts"]) if late is None else document["why"])
    console.result("join", path)
    code: int = document["exit_code"]
    return code


def build(root: Any, plan: JoinPlan, target: str, heartbeats: str | None) -> None:
    """The graph: both sides are read at once, meet by their keys, and leave what was found at `target`."""
    options = plan.options
    reader = ReadExamples if plan.late is None else late_labels.read
    examples = root | "ReadExamples" >> reader(plan.examples, plan.schema, heartbeats, text_form(options))
    settings = _request_settings(plan)
    requests = root | "ReadRequests" >> ReadRequests(plan.requests, settings, options.format, heartbeats)
    if plan.late is not None:
        of_model, key = plan.late, options.key
        label = functools.partial(labels_alone, key=key, label=of_model.record.label)
        examples = examples._replace(batches=examples.batches | "TakeLabels" >> beam.Map(label))
        answers = functools.partial(predictions, key=key, outputs=of_model.outputs)
        requests = requests._replace(batches=requests.batches | "TakePredictions" >> beam.Map(answers))
    partitions = partitions_for((*plan.examples, *plan.requests))
    inputs = {Side.EXAMPLES: examples, Side.REQUESTS: requests}
    _ = inputs | "JoinRows" >> JoinRows(plan.comparison, partitions, target)


def _request_settings(plan: JoinPlan) -> Settings:
    options = plan.options
    return Settings(
        expected=None if plan.schema is None else expected_features(plan.schema, serving=True),
        window=Window(options.start, options.end),
        time_feature=options.time_feature,
        columns=options.columns,
        text=text_form(options),
        exclude=options.exclude,
        responses=plan.late is not None,
    )


def _workload(plan: JoinPlan) -> Workload:
    """What the job would do. Raises InputError for files that cannot be opened, and for what is no log."""
    detect = detect_examples if plan.late is None else late_labels.detect
    example_format = detect(plan.examples)
    settings = _request_settings(plan)
    log_format = detect_log(plan.requests, plan.options.format, settings.expected)
    expected = None if plan.schema is None else expected_features(plan.schema, serving=False)
    known = together(
        known_input(plan.examples, example_format, Settings(expected=expected, text=text_form(plan.options))),
        known_input(plan.requests, log_format, settings),
    )
    read = steps.reading("examples and requests read", known.features, log_format)
    work = [read, steps.unmeasured("joined by key")]
    return known.workload("join", {"raw": known.features}, work, [BY_FILE])


def _join(plan: JoinPlan, job: BeamJob) -> dict[str, Any]:
    pipeline = beam.Pipeline(options=job.options)
    target = paths.join(job.temp, "join")
    build(pipeline, plan, target, job.heartbeats)
    job.run(pipeline, "joining examples and requests", plan.total_bytes)
    results = read_joined(target)
    for side, reading in results["reading"].items():
        _check_reading(_name(plan, side), reading, plan.options.max_rejects)
    _check_types(results)
    if plan.late is not None:
        return true_performance.document(results, _options_json(plan.options), plan.options, plan.late)
    return report.document(results, _options_json(plan.options), plan.not_compared)


def _name(plan: JoinPlan, side: str) -> str:
    return "labels" if plan.late is not None and side == "examples" else side


def _schema(plan: JoinPlan, job: BeamJob) -> schema_pb2.Schema | None:
    """The schema to decode by; types that it lacks are looked for in the examples, which takes a reading."""
    options, schema = plan.options, plan.schema
    log_format = detect_log(plan.requests, options.format, _request_settings(plan).expected)
    if schema is None and log_format is Format.TF_EXAMPLE and plan.late is None:
        return None
    types = _find_types(plan, job) if expected.lacks_types(schema, options.key) else {}
    if plan.late is not None:
        known = {} if schema is None else expected_features(schema, serving=False).types
        late_labels.check_label(plan.late, {**types, **known})
    return expected.joined_schema(schema, options.key, types)


def _find_types(plan: JoinPlan, job: BeamJob) -> expected.Types:
    pipeline, target = beam.Pipeline(options=job.options), paths.join(job.temp, "types")
    read = pipeline | "ReadExamples" >> ReadExamples(
        plan.examples, progress=job.heartbeats, text=text_form(plan.options)
    )
    _ = read | "WriteReading" >> WriteReadSummary(f"{target}-reading")
    _ = read.batches | "WriteTypes" >> WriteTypes(target, tuple(part.feature for part in plan.options.key))
    job.run(pipeline, "finding the types of features", sum(file.bytes for file in plan.examples))
    read_result = read_summary(f"{target}-reading")
    reading = outcome.reading_of([read_result.accounting, *read_result.rejects, *read_result.faults])
    _check_reading(_name(plan, "examples"), reading, plan.options.max_rejects)
    return read_types(target)


def _load_schema(options: JoinOptions) -> schema_pb2.Schema | None:
    if options.baseline is not None:
        return load_baseline(options.baseline).schema
    return None if options.schema is None else with_feature_lists(messages.load_schema(options.schema))


def _with_missing_values(options: JoinOptions) -> JoinOptions:
    """The options with the texts that meant missing in the baseline's examples, unless others are given."""
    if options.baseline is None or options.missing_values:
        return options
    contract = load_baseline(options.baseline, with_graph=False).contract
    return dataclasses.replace(options, missing_values=contract.missing_values)


def _check_paths(options: JoinOptions, beam_flags: PipelineOptions) -> None:
    beam_options.check_reachable(
        beam_flags,
        examples=options.examples,
        labels=options.labels,
        logs=options.logs,
        baseline=options.baseline,
        predictions=options.predictions,
        verdict=options.verdict,
        output=options.output,
    )
    beam_options.temp_location(beam_flags)
    if paths.exists(paths.join(options.output, layout.CONTRACT)):
        raise UsageError(f"--output: {options.output} is a baseline; name another folder")
    if not options.dry_run:
        temporary_files.sweep(options.output)
    paths.check_writable(options.output)


def _check_reading(side: str, reading: Mapping[str, Any], max_rejects: float) -> None:
    """What was not read would pass for a key that the other side alone has."""
    if reading["faults"]:
        raise InputError("; ".join(reading["faults"]))
    counts, unaccounted = reading["counts"], reading["unaccounted"]
    rejected = sum(counts["rejected"].values())
    if rejected > max_rejects * counts["read"]:
        raise InputError(
            f"{rejected:,} of {counts['read']:,} records of the {side} were rejected, more than"
            f" --max_rejects={max_rejects:g} allows; the first: {reading['rejects'][0]}"
        )
    if unaccounted:
        raise InputError(f"{unaccounted:,} records of the {side} that were read are not accounted for")


def _check_types(results: Mapping[str, Any]) -> None:
    if conflicts := results["conflicts"]:
        raise InputError(
            f"feature {conflicts[0]!r} has values of two types on one side; say which with --schema,"
            " or leave it out by --ignore"
        )


def _options_json(options: JoinOptions) -> dict[str, Any]:
    times = {name: getattr(options, name) for name in ("start", "end")}
    return {
        "examples": options.examples,
        "logs": options.logs,
        "key": [dataclasses.asdict(part) for part in options.key],
        "tolerance": options.tolerance,
        "float_round_ndigits": options.float_round_ndigits,
        "allow_duplicate_identifiers": options.allow_duplicate_identifiers,
        "window": {name: None if time is None else time.isoformat() for name, time in times.items()},
    }
