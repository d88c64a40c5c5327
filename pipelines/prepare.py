"""`trueserve prepare`: training examples to a baseline."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "prepare")

import contextlib
from collections import Counter
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.baseline import groups, new_baseline, parts, periods
from trueserve.pipelines.baseline.new_baseline import PreparePlan
from trueserve.pipelines.baseline.parts import Statistics, read_statistics
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.beam.job import BeamJob, new_job
from trueserve.pipelines.display import estimate_table, numbers_as_text, vectors
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.estimate import costs, steps
from trueserve.pipelines.estimate.inputs import known_input
from trueserve.pipelines.estimate.workload import Workload
from trueserve.pipelines.flags.prepare import PrepareOptions
from trueserve.transforms.analyze import AnalyzeAndTransform, check_schemes, with_row_hashes
from trueserve.transforms.baseline import atomic_replace, layout, messages
from trueserve.transforms.baseline.probes import pool_rows
from trueserve.transforms.baseline.write import check_target
from trueserve.transforms.branches.reading import ReadSummary
from trueserve.transforms.branches.samples.sample import row_hashes, sample
from trueserve.transforms.branches.statistics import statistics
from trueserve.transforms.core import input_checks
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.files import file_systems, globs, lease, paths
from trueserve.transforms.graph import fixed_shapes, mistakes
from trueserve.transforms.graph.augmentation import load_augmentation
from trueserve.transforms.graph.preprocessing import load_preprocessing
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.read import ReadRows, settings_of, settings_without_schema
from trueserve.transforms.verdict.wording import listing
from trueserve.transforms.write_results import (
    WritePrepared,
    read_summary,
)


def run(options: PrepareOptions, console: Console) -> int:
    """Writes the baseline and returns 0; `--dry_run` only checks.

    Raises:
      UsageError: before any graph is built.
      InputError: the examples cannot be read, or the job failed; a baseline that was there stays.
    """
    beam_flags = beam_options.beam_options(options.beam_args, options.shared_filesystem)
    beam_options.check_reachable(beam_flags, examples=options.examples, baseline=options.baseline)
    temp = beam_options.temp_location(beam_flags)
    if not beam_options.is_local(beam_flags):
        check_schemes(temp_location=temp, baseline=options.baseline)
    check_target(options.baseline, finish=not options.dry_run)
    given_schema = _given_schema(options)
    plan = _plan(options)
    if options.time_feature is not None:
        periods.check_time(plan.files, options.time_feature, plan.text)
    if options.dry_run:
        console.lines(estimate_table.lines_of(_workload(plan, given_schema)))
        return 0
    with lease.held(plan.staged, options.baseline):
        try:
            _make(plan, given_schema, beam_flags, console)
        except InputError as error:
            raise InputError(f"{error}{_complete_baseline_hint(plan)}") from error
        finally:
            atomic_replace.discard(options.baseline, plan.staged)
    console.result("baseline", options.baseline)
    return 0


def _given_schema(options: PrepareOptions) -> schema_pb2.Schema | None:
    return schemas.with_feature_lists(messages.load_schema(options.schema)) if options.schema else None


def _complete_baseline_hint(plan: PreparePlan) -> str:
    """What an error leaves to be known: the new baseline may be complete, and but lack its name."""
    with contextlib.suppress(InputError):
        if atomic_replace.readable_folder(plan.options.baseline) == plan.staged:
            return f"; the new baseline is complete in {plan.staged}, and read from there until the next run"
    return ""


def _make(
    plan: PreparePlan, given_schema: schema_pb2.Schema | None, beam_flags: PipelineOptions, console: Console
) -> None:
    """Puts the baseline together, and in its place."""
    with new_job(beam_flags, console) as job:
        schema = _checked_schema(plan, given_schema, job, console)
        _transform(plan, job, schema)
        period_results = _count_periods(plan, job, schema, console)
        _measure_groups(plan, job, schema)
        new_baseline.check_unchanged(plan)
        target = paths.join(job.temp, "second")
        if names := parts.identifiers_of(target, plan.options.label):
            console.step(f"identifiers, of which each value comes once, are not compared: {listing(names)}")
        raw, transformed = (parts.read_statistics(f"{target}-{name}") for name in ("raw", "transformed"))
        for line in vectors.lines_of(raw, transformed, plan.options.label):
            console.step(line)
        console.step("recording probes and the contract")
        if kept_name := new_baseline.write(
            plan, target, schema, given_schema, period_results, identifier_names=names
        ):
            console.step(f"the schema that was edited in the old baseline is kept as {kept_name}")


def _plan(options: PrepareOptions) -> PreparePlan:
    function = load_preprocessing(options.preprocessing)
    files = tuple(globs.expand(options.examples))
    augmentation = load_augmentation(options.augment) if options.augment else None
    return PreparePlan(options, function, files, atomic_replace.staging(options.baseline), augmentation)


def _workload(plan: PreparePlan, given_schema: schema_pb2.Schema | None) -> Workload:
    """What the job would do. Raises UsageError where a function cannot be traced with the schema given."""
    options, expected = plan.options, None
    if given_schema is not None:
        schema = schemas.with_environments(given_schema, options.label)
        groups.check(plan.options, schema)
        mistakes.check(plan.preprocessing_fn, schema)
        expected = expected_features(schema, serving=False)
    example_format = detect_examples(plan.files)
    known = known_input(
        plan.files, example_format, Settings(expected=expected, text=plan.text), plan.range_bytes
    )
    features = len(expected.types) if expected else known.features
    reading = [] if expected else [steps.reading("schema inferred", features, example_format)]
    if given_schema is not None and fixed_shapes.without_default(given_schema):
        reading.append(steps.reading("fixed shapes checked", features, example_format))
    reading.append(steps.analysing("analysis, graph, examples, statistics", features, example_format))
    further = ("days and hours",) if options.time_feature is not None else ()
    for name in (*further, *(("groups",) if options.group_by is not None else ())):
        reading.append(steps.reading(name, features, example_format))
        reading.append(steps.transforming(f"transformed {name}", features))
    by_space, memory = {"raw": features, "transformed": None}, int(costs.ANALYSIS_MEGABYTES * 1e6)
    return known.workload("prepare", by_space, reading, kept_bytes=memory)


def _checked_schema(
    plan: PreparePlan, given_schema: schema_pb2.Schema | None, job: BeamJob, console: Console
) -> schema_pb2.Schema:
    """The schema, given or inferred; UsageError where the analysis would fail by it, before that is run."""
    if given_schema is None:
        statistics, forms = _examined(plan, job, None)
        schema = _infer(plan, statistics, forms, console)
        groups.check(plan.options, schema)
        mistakes.check(plan.preprocessing_fn, schema, fixed_shapes.most_values(statistics))
        return schema
    schema = schemas.with_environments(given_schema, plan.options.label)
    groups.check(plan.options, schema)
    mistakes.check(plan.preprocessing_fn, schema)
    if fixed_shapes.without_default(schema):
        fixed_shapes.check(schema, _examined(plan, job, schema)[0], str(plan.options.schema))
    return schema


def _examined(
    plan: PreparePlan, job: BeamJob, schema: schema_pb2.Schema | None
) -> tuple[Statistics, Counter[tuple[str, str]]]:
    """A pipeline of its own: statistics and forms, with the schema's types or, without one, as they come."""
    pipeline = beam.Pipeline(options=job.options)
    first = paths.join(job.temp, "first")
    build_statistics(pipeline, plan, first, job.heartbeats, schema)
    job.run(pipeline, "examining the training examples", plan.total_bytes)
    reading = read_summary(f"{first}-reading")
    _check_reading(reading)
    return read_statistics(f"{first}-stats"), reading.accounting.forms


def _infer(
    plan: PreparePlan, statistics: Statistics, forms: Counter[tuple[str, str]], console: Console
) -> schema_pb2.Schema:
    options = plan.options
    schema = schemas.infer_schema(statistics, options.label, jsd=options.jsd, linf=options.linf)
    if options.time_feature is not None:
        schema = periods.without_time(schema, options.time_feature, plan.preprocessing_fn)
    console.step(f"inferred a schema of {len(schema.feature)} features")
    for line in numbers_as_text.lines_of(statistics, forms):
        console.step(line)
    return schema


def build_statistics(
    root: Any,
    plan: PreparePlan,
    target: str,
    heartbeats: str | None,
    schema: schema_pb2.Schema | None = None,
) -> None:
    """The graph that reads, most often without a schema, and writes statistics and how reading went."""
    file_format, types = detect_examples(plan.files), None
    if schema is None:
        settings, types = settings_without_schema(root, plan.files, file_format, plan.text)
    else:
        settings = settings_of(schema, plan.text)
    examine = ExamineFiles(
        plan.files, file_format, settings, [statistics("stats", schema)], heartbeats, plan.range_bytes, types
    )
    _ = root | "ExamineExamples" >> examine | "WriteResults" >> WritePrepared(target)


def _transform(plan: PreparePlan, job: BeamJob, schema: schema_pb2.Schema) -> None:
    pipeline = beam.Pipeline(options=job.options)
    target = paths.join(job.temp, "second")
    try:
        num_reads = build_transform(pipeline, plan, schema, target, job)
    except (UsageError, InputError):
        raise
    except Exception as error:
        # The user's function is traced while the graph is built; what it raises is about their code.
        raise UsageError(mistakes.explained(error, plan.preprocessing_fn)) from error
    job.run(pipeline, "analysing and transforming", plan.total_bytes, num_reads)
    staged, written = plan.staged_file(layout.TRANSFORM_OUTPUT), _written_graph(plan, job)
    if written != staged:
        paths.copy_tree(written, staged)
    _check_reading(read_summary(f"{target}-reading"))


def _count_periods(
    plan: PreparePlan, job: BeamJob, schema: schema_pb2.Schema, console: Console
) -> periods.PeriodResults | None:
    """How days and hours differ; None where no feature was said to hold the time."""
    name, target = plan.options.time_feature, paths.join(job.temp, "second")
    if name is None:
        return None
    graph = plan.staged_file(layout.TRANSFORM_OUTPUT)
    inputs = periods.PeriodInputs(
        plan.files, name, schema, graph, plan.options.label, plan.range_bytes, plan.text
    )
    statistics = (read_statistics(f"{target}-raw"), read_statistics(f"{target}-transformed"))
    return periods.count(inputs, statistics, job, console)


def _measure_groups(plan: PreparePlan, job: BeamJob, schema: schema_pb2.Schema) -> None:
    """How much rows of one group are alike, written for `new_baseline.write`."""
    if (name := plan.options.group_by) is not None:
        graph, target = plan.staged_file(layout.TRANSFORM_OUTPUT), paths.join(job.temp, "second")
        inputs = groups.GroupInputs(plan.files, name, schema, graph, plan.range_bytes, plan.text)
        groups.measure(inputs, target, job)


def _written_graph(plan: PreparePlan, job: BeamJob) -> str:
    """Where tf.Transform writes: on this machine to a local folder, for TensorFlow knows few file systems."""
    if file_systems.is_local(job.temp) and not file_systems.is_local(plan.staged):
        return paths.join(job.temp, layout.TRANSFORM_OUTPUT)
    return plan.staged_file(layout.TRANSFORM_OUTPUT)


def build_transform(
    root: Any, plan: PreparePlan, schema: schema_pb2.Schema, target: str, job: BeamJob
) -> int:
    """One read serves raw statistics and probes, others the phases of the analysis. Gives how many."""
    files, range_bytes = plan.files, plan.range_bytes
    rows, features_to_cover = pool_rows(len(schema.feature)), tuple(schemas.serving_features(schema))
    branches = [statistics("raw", schema), sample("probes", rows, features_to_cover)]
    branches.append(sample("sample", parts.sample_rows(len(schema.feature)), (), parts.SAMPLE_BYTES))
    format_and_settings = (detect_examples(files), settings_of(schema, plan.text))
    examine = ExamineFiles(files, *format_and_settings, branches, job.heartbeats, range_bytes)
    _ = root | "ExamineExamples" >> examine | "WriteResults" >> WritePrepared(target)
    rows_of = _features if plan.augmentation is None else _features_and_row_hashes
    transformed = root | "AnalyzeAndTransform" >> AnalyzeAndTransform(
        ReadRows(files, schema, rows_of, job.heartbeats, range_bytes, plan.text),
        plan.preprocessing_fn,
        schema,
        transform_output=_written_graph(plan, job),
        transformed_examples=plan.staged_file(layout.TRANSFORMED_EXAMPLES),
        temp=paths.join(job.temp, "tft"),
        augmentation=plan.augmentation,
    )
    parts.write_statistics(transformed.batches, transformed.schema, target, "transformed")
    if plan.augmentation is not None:
        parts.write_statistics(transformed.trained_on, transformed.schema, target, "augmented")
    return int(transformed.num_reads) + 1


def _check_reading(reading: ReadSummary) -> None:
    input_checks.check(reading, "training examples", "a baseline")


def _features(batch: Batch) -> pa.RecordBatch:
    return batch.features


def _features_and_row_hashes(batch: Batch) -> pa.RecordBatch:
    return with_row_hashes(batch.features, row_hashes(batch.metadata))
