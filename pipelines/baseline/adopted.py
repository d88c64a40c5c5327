"""The new baseline of `adopt`: the artifacts that were given, checked, and what is written of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.pipelines.baseline import parts, periods
from trueserve.pipelines.baseline.parts import Statistics
from trueserve.pipelines.flags import reading
from trueserve.pipelines.flags.prepare import AdoptOptions
from trueserve.transforms.baseline import atomic_replace, category_ids, layout, messages
from trueserve.transforms.baseline import contract as contracts
from trueserve.transforms.baseline.adoption import artifacts, drawn_rows, lacks
from trueserve.transforms.baseline.probes import NUM_PROBES
from trueserve.transforms.baseline.synthetic_probes import has_outputs
from trueserve.transforms.baseline.write import write_baseline
from trueserve.transforms.core import record_batches
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import globs, paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.serving.check import saved_model


@dataclasses.dataclass(frozen=True)
class AdoptPlan:
    """The artifacts, read and checked.

    Attributes:
      schema: as it was given, but for feature lists of tf.SequenceExamples, which are features.
      statistics: as they were given, their parts put together.
      transform_output: the folder with the given graph.
      post_transform: statistics of the transformed features; None where there are none, or examples.
      files: the training examples; empty where none were given.
      digests: SHA-256 of the schema and statistics, by flag.
      staged: the folder in which the baseline is put together, beside its final name.
    """

    options: AdoptOptions
    schema: schema_pb2.Schema
    statistics: Statistics
    transform_output: str
    post_transform: Statistics | None
    files: tuple[FileSize, ...]
    digests: Mapping[str, str]
    staged: str

    @property
    def label(self) -> str | None:
        return self.options.label or schemas.label_of(self.schema)

    @property
    def environments(self) -> schema_pb2.Schema:
        """The schema with both environments, of which SERVING lacks the label."""
        return schemas.with_environments(self.schema, self.options.label)

    @property
    def lacks(self) -> dict[str, str]:
        """What the baseline will not have, by part, and in words what that means."""
        has_transformed = self.post_transform is not None
        return lacks.of(self.statistics, examples=bool(self.files), transformed=has_transformed)

    @property
    def without_statistics(self) -> list[str]:
        """Features of the schema that the statistics do not have."""
        return _lacking(self.statistics, self.schema)

    @property
    def rows(self) -> int:
        """Training rows that the statistics are of."""
        return int(drawn_rows.dataset_of(self.statistics).num_examples)

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


class ExamplesRead(NamedTuple):
    """What the examples gave: rows for probes, a random sample, and what was counted."""

    probe_rows: pa.RecordBatch
    sample: pa.RecordBatch
    transformed: Statistics
    identifiers: Sequence[str]
    periods: periods.PeriodResults | None


def make_plan(options: AdoptOptions) -> AdoptPlan:
    """Finds and reads the artifacts.

    Raises InputError for what is no such artifact, or does not go together; UsageError for a label that is
    no feature.
    """
    schema_path = artifacts.schema_file(options.schema)
    statistics_path = artifacts.statistics_file(options.statistics, options.split)
    graph = artifacts.transform_output(options.transform_output)
    with artifacts.as_input():
        schema = schemas.with_feature_lists(messages.load_schema(schema_path))
        statistics = messages.load_statistics(statistics_path)
        record_batches.arrow_schema(schema)
    _check_statistics(statistics, statistics_path, schema)
    if options.label is not None:
        schemas.check_label(schema, options.label)
    given_files = {"schema": schema_path, "statistics": statistics_path}
    files: tuple[FileSize, ...] = ()
    post_transform = None
    if options.examples is not None:
        files = tuple(globs.expand(artifacts.examples_pattern(options.examples, options.split)))
    elif (path := _post_transform_path(options, graph)) is not None:
        given_files["post_transform_stats"] = path
        with artifacts.as_input():
            post_transform = messages.load_statistics(path)
    return AdoptPlan(
        options=options,
        schema=schema,
        statistics=statistics,
        transform_output=graph,
        post_transform=post_transform,
        files=files,
        digests={
            name: hashlib.sha256(paths.read_bytes(path)).hexdigest() for name, path in given_files.items()
        },
        staged=atomic_replace.staging(options.baseline),
    )


def write(plan: AdoptPlan, examples: ExamplesRead | None) -> str | None:
    """Writes probes, schemas and contract; then the baseline takes its name.

    Args:
      examples: None where none were given.

    Raises InputError where no probe can be made, or statistics are of other features than the graph gives.
    Returns the name under which an edited schema of the old baseline is kept, if there was one.
    """
    options, schema = plan.options, plan.environments
    with paths.local_copy(plan.staged_file(layout.TRANSFORM_OUTPUT)) as folder:
        graph = TransformGraph(folder)
        transformed = _transformed_statistics(plan, examples, graph)
        rows = examples.probe_rows if examples else _drawn(plan, schema, graph)
        drawn = [] if examples else [drawn_rows.DRAWN] * rows.num_rows
        parts.write_probes(plan.staged_file(layout.PROBES), rows, graph, schema, drawn)
        if examples:
            times = examples.periods.sample_times if examples.periods else None
            parts.write_sample(plan.staged, examples.sample, graph, times)
        return write_baseline(
            options.baseline,
            plan.staged,
            schema=plan.schema,
            statistics=plan.statistics,
            transformed_schema=parts.transformed_schema(
                folder, graph, plan.label, jsd=options.jsd, linf=options.linf
            ),
            transformed_statistics=transformed,
            contract=_contract(plan, folder, graph, rows, examples),
            variation=examples.periods.variation if examples and examples.periods else None,
        )


def _contract(
    plan: AdoptPlan, folder: str, graph: TransformGraph, rows: pa.RecordBatch, examples: ExamplesRead | None
) -> contracts.Contract:
    ids = category_ids.find(rows, graph.apply, graph.output_schema, graph.raw_features_of)
    contract = contracts.make_contract(
        folder,
        preprocessing_source="",
        num_examples=plan.rows,
        label=plan.label,
        raw_features=[feature.name for feature in plan.schema.feature],
        transformed_features=graph.raw_features_of,
        looked_up=graph.looked_up_by,
        unknown_ids=ids.unknown,
        buckets=ids.buckets,
        time_feature=plan.options.time_feature,
        missing_values=plan.options.missing_values,
        identifiers=examples.identifiers if examples else (),
        periods=examples.periods.periods if examples and examples.periods else None,
    )
    saved = saved_model.read(paths.join(folder, artifacts.TRANSFORM_FN), plan.transform_output)
    # Those of other packages are not known: this process did not analyse the data.
    versions = {"trueserve": contract.versions.get("trueserve"), "tensorflow": saved.tensorflow_version}
    return dataclasses.replace(
        contract,
        versions={name: version for name, version in versions.items() if version},
        adopted=plan.digests,
        lacks=plan.lacks,
    )


def _transformed_statistics(
    plan: AdoptPlan, examples: ExamplesRead | None, graph: TransformGraph
) -> Statistics:
    if examples is not None:
        return examples.transformed
    if plan.post_transform is None:
        nothing = statistics_pb2.DatasetFeatureStatistics(num_examples=plan.rows)
        return Statistics(datasets=[nothing])
    names = {drawn_rows.name_of(f) for f in drawn_rows.dataset_of(plan.post_transform).features}
    if not names & {*graph.outputs}:
        raise InputError(
            "the statistics of the transformed features have none of the graph's outputs"
            f" ({_some(graph.outputs)}); they have: {_some(sorted(names))}"
        )
    return plan.post_transform


def _drawn(plan: AdoptPlan, schema: schema_pb2.Schema, graph: TransformGraph) -> pa.RecordBatch:
    """Rows drawn from the statistics that the graph takes."""
    rows = drawn_rows.draw(plan.statistics, schema, NUM_PROBES)
    taken = np.flatnonzero(has_outputs(graph.apply(rows)))
    if not len(taken):
        raise InputError(
            "the transform graph takes none of the rows that were drawn from the statistics, so that there"
            " is no probe; give the training examples with --examples"
        )
    return rows.take(pa.array(taken))


def _check_statistics(statistics: Statistics, path: str, schema: schema_pb2.Schema) -> None:
    """They are of the schema's features, and of some rows."""
    if not drawn_rows.dataset_of(statistics).num_examples:
        raise InputError(f"the statistics {path} are of no example: the split is empty")
    lacking, features = _lacking(statistics, schema), len(schema.feature)
    if 2 * len(lacking) > features:
        raise InputError(
            f"the statistics {path} are of other features than the schema: they lack {len(lacking):,} of its"
            f" {features:,} ({_some(lacking)}); give both of the same training data"
        )


def _lacking(statistics: Statistics, schema: schema_pb2.Schema) -> list[str]:
    known = {drawn_rows.name_of(feature) for feature in drawn_rows.dataset_of(statistics).features}
    wanted = [feature.name for feature in schema.feature if schemas.is_used(feature)]
    return [name for name in wanted if name not in known]


def _post_transform_path(options: AdoptOptions, graph: str) -> str | None:
    if options.post_transform_stats is not None:
        flag = "--post_transform_stats"
        return artifacts.statistics_file(options.post_transform_stats, options.split, flag)
    return artifacts.post_transform_statistics(graph)


def _sha256(path: str) -> str:
    return hashlib.sha256(paths.read_bytes(path)).hexdigest()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
