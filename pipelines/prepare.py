"""`trueserve prepare`: training examples to a baseline."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipelines import input_checks, periods
from pipelines.beam import options as beam_options
from pipelines.beam.job import Job, new_job
from pipelines.display.console import Console
from pipelines.flags.prepare import PrepareOptions
from transforms.analyze import AnalyzeAndTransform, Transformed, check_schemes, with_places
from transforms.baseline import category_ids, layout
from transforms.baseline import contract as contracts
from transforms.baseline.category_ids import CategoryIds
from transforms.baseline.probes import make_probes, pool_rows, write_probes
from transforms.compute_statistics import ComputeStatistics
from transforms.core import schema as schemas
from transforms.core.arrow import pa
from transforms.core.batches import Batch
from transforms.core.errors import InputError, UsageError
from transforms.files import lease, paths
from transforms.files.paths import FileSize
from transforms.graph.augmentation import Augmentation, load_augmentation
from transforms.graph.preprocessing import PreprocessingFn, load_preprocessing, source_digest
from transforms.graph.transform_graph import TransformGraph
from transforms.read import ReadExamples
from transforms.write_results import (
    Reading,
    WriteMessage,
    WriteReading,
    WriteSampleOfRows,
    place_hashes,
    read_reading,
    read_rows,
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What was checked before any graph is built.

    Attributes:
      staged: the folder in which the baseline is put together, beside its final name.
    """

    options: PrepareOptions
    preprocessing_fn: PreprocessingFn
    files: tuple[FileSize, ...]
    staged: str
    augmentation: Augmentation | None = None

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def staged_file(self, name: str) -> str:
        return paths.join(self.staged, name)


def run(options: PrepareOptions, console: Console) -> int:
    """Writes the baseline and returns 0.

    Raises:
      UsageError: before any graph is built.
      InputError: the examples cannot be read, or the job failed; a baseline that was there stays.
    """
    beam_flags = beam_options.beam_options(options.beam_args)
    beam_options.check_reachable(beam_flags, examples=options.examples, baseline=options.baseline)
    temp = beam_options.temp_location(beam_flags)
    if not beam_options.is_local(beam_flags):
        check_schemes(temp_location=temp, baseline=options.baseline)
    layout.check_target(options.baseline)
    given = layout.load_schema(options.schema) if options.schema else None
    plan = _plan(options)
    with lease.held(plan.staged, options.baseline):
        try:
            _make(plan, given, beam_flags, console)
        except InputError as error:
            raise InputError(f"{error}{_what_is_read(plan)}") from error
        finally:
            layout.discard(options.baseline, plan.staged)
    console.result("baseline", options.baseline)
    return 0


def _what_is_read(plan: Plan) -> str:
    """What an error leaves to be known: the new baseline may be complete, and but lack its name."""
    with contextlib.suppress(InputError):
        if layout.whole(plan.options.baseline) == plan.staged:
            return f"; the new baseline is complete in {plan.staged}, and read from there until the next run"
    return ""


def _make(plan: Plan, given: schema_pb2.Schema | None, beam_flags: PipelineOptions, console: Console) -> None:
    """Puts the baseline together, and in its place."""
    with new_job(beam_flags, console) as job:
        schema = _check_given(given, plan.options) if given else _infer(plan, job, console)
        _transform(plan, job, schema)
        counted = _count_periods(plan, job, schema, console)
        console.step("recording probes and the contract")
        if kept := _finish(plan, job, schema, given, counted):
            console.step(f"the schema that was edited in the old baseline is kept as {kept}")


def _plan(options: PrepareOptions) -> Plan:
    function = load_preprocessing(options.preprocessing)
    files = tuple(paths.expand(options.examples))
    augmentation = load_augmentation(options.augment) if options.augment else None
    return Plan(options, function, files, layout.staging(options.baseline), augmentation)


def _check_given(given: schema_pb2.Schema, options: PrepareOptions) -> schema_pb2.Schema:
    return schemas.with_environments(given, options.label)


def _infer(plan: Plan, job: Job, console: Console) -> schema_pb2.Schema:
    """The first of two pipelines: statistics of data of which nothing is known yet."""
    pipeline = beam.Pipeline(options=job.options)
    first = paths.join(job.temp, "first")
    build_statistics(pipeline, plan.files, first, job.heartbeats)
    job.run(pipeline, "examining the training examples", plan.total_bytes)
    _check_reading(read_reading(f"{first}-reading"))
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.ParseFromString(paths.read_bytes(f"{first}-stats"))
    options = plan.options
    schema = schemas.infer_schema(statistics, options.label, jsd=options.jsd, linf=options.linf)
    if options.time_feature is not None:
        schema = periods.without_time(schema, options.time_feature, plan.preprocessing_fn)
    console.step(f"inferred a schema of {len(schema.feature)} features")
    return schema


def build_statistics(root: Any, files: Sequence[FileSize], target: str, heartbeats: str | None) -> None:
    """The graph that reads without a schema, and writes statistics and how reading went."""
    read = root | "ReadExamples" >> ReadExamples(tuple(files), progress=heartbeats)
    _ = read | "WriteReading" >> WriteReading(f"{target}-reading")
    _ = (
        read.batches
        | "TakeFeatures" >> beam.Map(_features).with_output_types(pa.RecordBatch)
        | "Statistics" >> ComputeStatistics()
        | "WriteStatistics" >> WriteMessage(f"{target}-stats")
    )


def _transform(plan: Plan, job: Job, schema: schema_pb2.Schema) -> None:
    pipeline = beam.Pipeline(options=job.options)
    target = paths.join(job.temp, "second")
    try:
        build_transform(pipeline, plan, schema, target, job)
    except (UsageError, InputError):
        raise
    except Exception as error:
        # The user's function is traced while the graph is built; what it raises is about their code.
        raise UsageError(
            f"{plan.options.preprocessing} cannot be traced: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:500]}"
        ) from error
    job.run(pipeline, "analysing and transforming", plan.total_bytes)
    staged, written = plan.staged_file(layout.TRANSFORM_OUTPUT), _written_graph(plan, job)
    if written != staged:
        paths.copy_tree(written, staged)
    _check_reading(read_reading(f"{target}-reading"))


def _count_periods(
    plan: Plan, job: Job, schema: schema_pb2.Schema, console: Console
) -> periods.Counted | None:
    """How days and hours differ; None where no feature was said to hold the time."""
    name, target = plan.options.time_feature, paths.join(job.temp, "second")
    if name is None:
        return None
    asked = periods.Asked(
        plan.files, name, schema, plan.staged_file(layout.TRANSFORM_OUTPUT), plan.options.label
    )
    statistics = (_statistics(f"{target}-raw"), _statistics(f"{target}-transformed"))
    return periods.count(asked, statistics, job, console)


def _written_graph(plan: Plan, job: Job) -> str:
    """Where tf.Transform writes: on this machine to a local folder, for TensorFlow knows few file systems."""
    if paths.is_local(job.temp) and not paths.is_local(plan.staged):
        return paths.join(job.temp, layout.TRANSFORM_OUTPUT)
    return plan.staged_file(layout.TRANSFORM_OUTPUT)


def build_transform(root: Any, plan: Plan, schema: schema_pb2.Schema, target: str, job: Job) -> None:
    """The graph in which one read serves raw statistics, probes, analysis, transform and its statistics."""
    read = root | "ReadExamples" >> ReadExamples(plan.files, schema=schema, progress=job.heartbeats)
    _ = read | "WriteReading" >> WriteReading(f"{target}-reading")
    rows, cover = pool_rows(len(schema.feature)), tuple(schemas.serving_features(schema))
    _ = read.batches | "WriteProbes" >> WriteSampleOfRows(f"{target}-probes", rows, cover)
    features = read.batches | "TakeFeatures" >> beam.Map(_features).with_output_types(pa.RecordBatch)
    _ = (
        features
        | "RawStatistics" >> ComputeStatistics(schema)
        | "WriteRawStatistics" >> WriteMessage(f"{target}-raw")
    )
    if plan.augmentation is not None:
        taking = beam.Map(_features_and_places).with_output_types(pa.RecordBatch)
        features = read.batches | "TakeFeaturesAndPlaces" >> taking
    transformed = features | "AnalyzeAndTransform" >> AnalyzeAndTransform(
        plan.preprocessing_fn,
        schema,
        transform_output=_written_graph(plan, job),
        transformed_examples=plan.staged_file(layout.TRANSFORMED_EXAMPLES),
        temp=paths.join(job.temp, "tft"),
        augmentation=plan.augmentation,
    )
    _write_transformed_statistics(transformed, target, is_augmented=plan.augmentation is not None)


def _write_transformed_statistics(transformed: Transformed, target: str, *, is_augmented: bool) -> None:
    """Those of what the graph gives, and those of what training is given where that is something else."""
    _ = (
        transformed.batches
        | "TransformedStatistics" >> ComputeStatistics(transformed.schema)
        | "WriteTransformedStatistics" >> WriteMessage(f"{target}-transformed")
    )
    if is_augmented:
        _ = (
            transformed.trained_on
            | "AugmentedStatistics" >> ComputeStatistics(transformed.schema)
            | "WriteAugmentedStatistics" >> WriteMessage(f"{target}-augmented")
        )


def _finish(
    plan: Plan,
    job: Job,
    schema: schema_pb2.Schema,
    given: schema_pb2.Schema | None,
    counted: periods.Counted | None,
) -> str | None:
    """Probes, schemas and contract; then the baseline takes its name. Gives the name of an edited schema."""
    target = paths.join(job.temp, "second")
    raw, transformed = _statistics(f"{target}-raw"), _statistics(f"{target}-transformed")
    with paths.local_copy(plan.staged_file(layout.TRANSFORM_OUTPUT)) as folder:
        graph = TransformGraph(folder)
        rows = read_rows(f"{target}-probes")
        assert rows is not None, "rows were counted"
        _write_probes(plan, rows, graph, schema)
        ids = category_ids.find(rows, graph.apply, graph.output_schema, graph.raw_features_of)
        return layout.write(
            plan.options.baseline,
            plan.staged,
            schema=given or schema,
            statistics=raw,
            transformed_schema=_transformed_schema(plan.options, folder, graph),
            transformed_statistics=transformed,
            contract=_contract(
                plan, folder, graph, schema, rows=raw.datasets[0].num_examples, ids=ids, counted=counted
            ),
            augmented_statistics=_statistics(f"{target}-augmented") if plan.augmentation else None,
            variation=counted.variation if counted else None,
        )


def _write_probes(plan: Plan, rows: pa.RecordBatch, graph: TransformGraph, schema: schema_pb2.Schema) -> None:
    # A feature that no row has may come as a column without a type.
    pool, names = schemas.conform(rows, schemas.arrow_schema(schema)), schemas.serving_features(schema)
    raw_of = {name: graph.raw_features_of[name] for name in graph.serving_outputs}
    probes = make_probes(pool, graph.apply, raw_of, names, graph.vocabularies())
    transformed = graph.apply(probes.rows)
    write_probes(plan.staged_file(layout.PROBES), probes.rows, transformed, probes.made_up)


def _transformed_schema(options: PrepareOptions, folder: str, graph: TransformGraph) -> schema_pb2.Schema:
    from tensorflow_transform import TFTransformOutput

    outputs = TFTransformOutput(folder).transformed_metadata.schema
    label = options.label
    with_environments = schemas.for_outputs(outputs, graph.raw_features_of, label)
    return schemas.with_comparators(with_environments, jsd=options.jsd, linf=options.linf)


def _contract(
    plan: Plan,
    folder: str,
    graph: TransformGraph,
    schema: schema_pb2.Schema,
    *,
    rows: int,
    ids: CategoryIds,
    counted: periods.Counted | None,
) -> contracts.Contract:
    options, augmentation = plan.options, plan.augmentation
    return contracts.make_contract(
        folder,
        preprocessing_source=source_digest(options.preprocessing),
        num_examples=int(rows),
        label=options.label or schemas.label_of(schema),
        raw_features=[feature.name for feature in schema.feature],
        transformed_features=graph.raw_features_of,
        augmentation=None if augmentation is None else augmentation.source,
        unknown_ids=ids.unknown,
        buckets=ids.buckets,
        time_feature=options.time_feature,
        periods=counted.periods if counted else None,
    )


def _statistics(path: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    message = statistics_pb2.DatasetFeatureStatisticsList()
    message.ParseFromString(paths.read_bytes(path))
    return message


def _check_reading(reading: Reading) -> None:
    input_checks.check(reading, "training examples", "a baseline")


def _features(batch: Batch) -> pa.RecordBatch:
    return batch.features


def _features_and_places(batch: Batch) -> pa.RecordBatch:
    return with_places(batch.features, place_hashes(batch.metadata))
