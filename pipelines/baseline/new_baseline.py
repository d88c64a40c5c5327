"""The new baseline of `prepare`: what was checked before a graph is built, and what is written at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.baseline import groups, parts, periods
from trueserve.pipelines.baseline.parts import (
    Statistics,
    read_statistics,
    transformed_schema,
    write_probes,
    write_sample,
)
from trueserve.pipelines.flags import reading
from trueserve.pipelines.flags.prepare import PrepareOptions
from trueserve.transforms.baseline import category_ids, layout
from trueserve.transforms.baseline import contract as contracts
from trueserve.transforms.baseline.category_ids import CategoryIds
from trueserve.transforms.baseline.write import write_baseline
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import globs, paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.graph.augmentation import Augmentation
from trueserve.transforms.graph.preprocessing import PreprocessingFn, source_digest
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.write_results import read_rows


@dataclasses.dataclass(frozen=True)
class PreparePlan:
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

    @property
    def range_bytes(self) -> int:
        return self.options.range_mib << 20

    @property
    def text(self) -> TextForm:
        return reading.text_form(self.options)

    def staged_file(self, name: str) -> str:
        return paths.join(self.staged, name)


def write(
    plan: PreparePlan,
    target: str,
    schema: schema_pb2.Schema,
    given_schema: schema_pb2.Schema | None,
    period_results: periods.PeriodResults | None,
    *,
    identifier_names: Sequence[str] = (),
) -> str | None:
    """Writes probes, schemas and contract; then the baseline takes its name.

    Args:
      target: the beginning of the names of the files that the graph wrote.
      given_schema: the schema of `--schema`; None where it was inferred.
      period_results: how days and hours differ; None without `--time_feature`.
      identifier_names: see `parts.identifiers_of`.

    Raises InputError where the files changed between two reads, before anything is published.
    Returns the name under which an edited schema of the old baseline is kept, if there was one.
    """
    raw, transformed = read_statistics(f"{target}-raw"), read_statistics(f"{target}-transformed")
    _check_same_rows(raw, transformed)
    if plan.options.group_by is not None:
        groups.note(raw, transformed, target)
    with paths.local_copy(plan.staged_file(layout.TRANSFORM_OUTPUT)) as folder:
        graph = TransformGraph(folder)
        rows = read_rows(f"{target}-probes")
        assert rows is not None, "rows were counted"
        write_probes(plan.staged_file(layout.PROBES), rows, graph, schema)
        sampled = read_rows(f"{target}-sample")
        assert sampled is not None, "rows were counted"
        times = period_results.sample_times if period_results else None
        write_sample(plan.staged, sampled, graph, times)
        ids = category_ids.find(rows, graph.apply, graph.output_schema, graph.raw_features_of)
        return write_baseline(
            plan.options.baseline,
            plan.staged,
            schema=given_schema or schema,
            statistics=raw,
            transformed_schema=transformed_schema(
                folder, graph, plan.options.label, jsd=plan.options.jsd, linf=plan.options.linf
            ),
            transformed_statistics=transformed,
            contract=_contract(
                plan,
                folder,
                graph,
                schema,
                rows=raw.datasets[0].num_examples,
                ids=ids,
                period_results=period_results,
                identifier_names=identifier_names,
                sampled=sampled,
            ),
            augmented_statistics=read_statistics(f"{target}-augmented") if plan.augmentation else None,
            variation=period_results.variation if period_results else None,
        )


def check_unchanged(plan: PreparePlan) -> None:
    """Raises InputError where a file is gone, or has another size: parts may be of other rows."""
    sizes = {file.path: file.bytes for file in globs.expand(plan.options.examples)}
    for file in plan.files:
        if (size := sizes.get(file.path)) != file.bytes:
            now = "is gone" if size is None else f"has {size:,} bytes"
            raise InputError(
                f"the training examples changed while they were read: {file.path} had {file.bytes:,} bytes,"
                f" and {now}. Run again when nobody writes to them"
            )


def _check_same_rows(raw: Statistics, transformed: Statistics) -> None:
    """Each phase reads the files again, and somebody may write to them meanwhile."""
    rows, rows_later = (part.datasets[0].num_examples for part in (raw, transformed))
    if rows != rows_later:
        raise InputError(
            f"the training examples changed while they were read: {rows:,} rows at first, and {rows_later:,}"
            " when they were transformed. Run again when nobody writes to them"
        )


def _contract(
    plan: PreparePlan,
    folder: str,
    graph: TransformGraph,
    schema: schema_pb2.Schema,
    *,
    rows: int,
    ids: CategoryIds,
    period_results: periods.PeriodResults | None,
    identifier_names: Sequence[str],
    sampled: pa.RecordBatch,
) -> contracts.Contract:
    options, augmentation = plan.options, plan.augmentation
    label = options.label or schemas.label_of(schema)
    return contracts.make_contract(
        folder,
        preprocessing_source=source_digest(options.preprocessing),
        num_examples=int(rows),
        label=label,
        raw_features=[feature.name for feature in schema.feature],
        transformed_features=graph.raw_features_of,
        looked_up=graph.looked_up_by,
        augmentation=None if augmentation is None else augmentation.source,
        unknown_ids=ids.unknown,
        buckets=ids.buckets,
        time_feature=options.time_feature,
        group_by=options.group_by,
        missing_values=options.missing_values,
        identifiers=identifier_names,
        repeats=parts.repeats_of(sampled, schema, (label, options.time_feature, *identifier_names)),
        periods=period_results.periods if period_results else None,
    )
