"""The pipeline of `adopt`, where there are examples: they are read and put through the given graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.baseline import parts, periods
from trueserve.pipelines.baseline.adopted import AdoptPlan, ExamplesRead
from trueserve.pipelines.beam.job import BeamJob
from trueserve.pipelines.display.console import Console
from trueserve.transforms.analyze import TransformExamples
from trueserve.transforms.baseline import layout, messages
from trueserve.transforms.baseline.adoption.artifacts import RAW_METADATA, TRANSFORMED_METADATA
from trueserve.transforms.baseline.probes import pool_rows
from trueserve.transforms.branches.samples.sample import sample
from trueserve.transforms.core import input_checks
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.read import ReadRows, settings_of
from trueserve.transforms.write_results import WritePrepared, read_rows, read_summary

_NUM_READS = 2


def read(plan: AdoptPlan, job: BeamJob, console: Console) -> ExamplesRead:
    """Reads the examples once for rows to keep and once for the graph; with a time, once more for the days.

    Raises InputError where they cannot be read, or are no examples of the schema; NothingExaminedError where
    there is no row.
    """
    target = paths.join(job.temp, "second")
    with _graph(plan, job) as transform_output:
        pipeline = beam.Pipeline(options=job.options)
        build(pipeline, plan, transform_output, target, job)
        job.run(pipeline, "transforming the training examples", plan.total_bytes, _NUM_READS)
    reading = read_summary(f"{target}-reading")
    input_checks.check(reading, "training examples", "a baseline")
    transformed = parts.read_statistics(f"{target}-transformed")
    rows, transformed_rows = reading.accounting.rows, transformed.datasets[0].num_examples
    if rows != transformed_rows:
        raise InputError(
            f"the training examples changed while they were read: {rows:,} rows at first, and"
            f" {transformed_rows:,} when they were transformed. Run again when nobody writes to them"
        )
    if rows != plan.rows:
        console.step(
            f"the examples hold {rows:,} rows, and the statistics are of {plan.rows:,}: expected the same"
        )
    period_results = _count_periods(plan, transformed, job, console)
    probe_rows, sampled = read_rows(f"{target}-probes"), read_rows(f"{target}-sample")
    assert probe_rows is not None
    assert sampled is not None
    identifiers = parts.identifiers_of(target, plan.label)
    return ExamplesRead(probe_rows, sampled, transformed, identifiers, period_results)


def build(root: Any, plan: AdoptPlan, transform_output: str, target: str, job: BeamJob) -> None:
    """The graph: one read gives rows for probes and the sample, and one goes through the transform graph."""
    schema, files = plan.environments, plan.files
    serving = tuple(schemas.serving_features(schema))
    num_features = len(schema.feature)
    branches = [
        sample("probes", pool_rows(num_features), serving),
        sample("sample", parts.sample_rows(num_features), (), parts.SAMPLE_BYTES),
    ]
    settings = settings_of(schema, plan.text)
    examine = ExamineFiles(
        files, detect_examples(files), settings, branches, job.heartbeats, plan.range_bytes
    )
    _ = root | "ExamineExamples" >> examine | "WriteResults" >> WritePrepared(target)
    outputs = _schema_of(transform_output, TRANSFORMED_METADATA)
    transformed = root | "TransformExamples" >> TransformExamples(
        ReadRows(files, schema, _features, job.heartbeats, plan.range_bytes, plan.text),
        _schema_of(transform_output, RAW_METADATA),
        transform_output,
        plan.staged_file(layout.TRANSFORMED_EXAMPLES),
        paths.join(job.temp, "tft"),
        outputs,
    )
    parts.write_statistics(transformed, schemas.by_column(outputs), target, "transformed")


@contextlib.contextmanager
def _graph(plan: AdoptPlan, job: BeamJob) -> Iterator[str]:
    """Where the workers read the graph: TensorFlow, which loads it, knows few file systems."""
    staged = plan.staged_file(layout.TRANSFORM_OUTPUT)
    if not file_systems.is_local(job.temp):
        yield staged
        return
    with paths.local_copy(staged) as local:
        yield local


def _count_periods(
    plan: AdoptPlan, transformed: parts.Statistics, job: BeamJob, console: Console
) -> periods.PeriodResults | None:
    """How days and hours differ; None where no feature was said to hold the time."""
    name = plan.options.time_feature
    if name is None:
        return None
    graph = plan.staged_file(layout.TRANSFORM_OUTPUT)
    inputs = periods.PeriodInputs(
        plan.files, name, plan.environments, graph, plan.label, plan.range_bytes, plan.text
    )
    return periods.count(inputs, (plan.statistics, transformed), job, console)


def _schema_of(transform_output: str, metadata: str) -> schema_pb2.Schema:
    return messages.load_schema(paths.join(transform_output, metadata, "schema.pbtxt"))


def _features(batch: Batch) -> pa.RecordBatch:
    return batch.features
