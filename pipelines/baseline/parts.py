"""The parts of a new baseline that `prepare` and `adopt` write alike, from rows and a transform graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import identifiers, layout, probes
from trueserve.transforms.branches.samples import repeats, sample
from trueserve.transforms.columnar.row_hashes import row_hashes
from trueserve.transforms.compute_statistics import ComputeStatistics
from trueserve.transforms.core import record_batches
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.files import paths
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.logs import repeated_rows
from trueserve.transforms.write_results import WriteMessage, read_rows

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList

# Training rows that are kept for slices by a feature: values of all columns together, rows, and bytes.
_SAMPLE_CELLS, _SAMPLE_ROWS = 2_000_000, 20_000
SAMPLE_BYTES = 64 << 20
# So many rows are transformed at once.
_AT_ONCE = 256


def sample_rows(features: int) -> int:
    """How many training rows of so many features the baseline keeps for slices by a feature."""
    return min(_SAMPLE_ROWS, _SAMPLE_CELLS // max(features, 1))


def identifiers_of(target: str, label: str | None) -> tuple[str, ...]:
    """The integers that name a row, of the training rows that the graph kept."""
    rows = read_rows(f"{target}-sample")
    return tuple(name for name in identifiers.find(rows) if name != label) if rows is not None else ()


def repeats_of(
    rows: pa.RecordBatch, schema: schema_pb2.Schema, left_out: Sequence[str | None]
) -> dict[str, Any]:
    """How often training rows have the same values, for the contract.

    Args:
      rows: a sample of them, raw.
      left_out: features that tell nothing of a request: see `repeated_rows.hashed_features`.
    """
    names = repeated_rows.hashed_features(schema, left_out)
    batch = record_batches.conform(rows, record_batches.arrow_schema(schema))
    named = ((n, c) for n, c in zip(batch.schema.names, batch.columns, strict=True) if n in names)
    codes = row_hashes(named, batch.num_rows)
    return {"features": repeated_rows.digest(names), **repeats.of_codes(codes).to_json()}


def read_statistics(path: str) -> Statistics:
    """The statistics that a graph wrote."""
    message = Statistics()
    message.ParseFromString(paths.read_bytes(path))
    return message


def write_statistics(batches: Any, schema: schema_pb2.Schema, target: str, name: str) -> None:
    """Adds to a graph: the statistics of a PCollection of transformed batches, written as `TARGET-NAME`."""
    title = name.capitalize()
    statistics = batches | f"{title}Statistics" >> ComputeStatistics(schema)
    _ = statistics | f"Write{title}Statistics" >> WriteMessage(f"{target}-{name}")


def write_probes(
    path: str,
    rows: pa.RecordBatch,
    graph: TransformGraph,
    schema: schema_pb2.Schema,
    drawn: Sequence[str] = (),
) -> None:
    """Writes the probes that are chosen of these rows and made from them, with what the graph gives.

    Args:
      drawn: for rows that are no real ones, what each of them is; empty for rows of the training data.
    """
    # A feature that no row has may come as a column without a type.
    pool = record_batches.conform(rows, record_batches.arrow_schema(schema))
    raw_of = {name: graph.raw_features_of[name] for name in graph.serving_outputs}
    made = probes.make_probes(
        pool, graph.apply, raw_of, schemas.serving_features(schema), graph.vocabularies()
    )
    num_chosen = made.rows.num_rows - len(made.synthetic)
    synthetic = [*drawn[:num_chosen], *made.synthetic]
    probes.write_probes(path, made.rows, graph.apply(made.rows), synthetic)


def write_sample(
    staged: str, rows: pa.RecordBatch, graph: TransformGraph, times: np.ndarray[Any, Any] | None = None
) -> None:
    """The rows without the label, which requests do not have, what the graph makes of them, their times."""
    raw = record_batches.conform(rows, graph.raw_columns)
    parts: list[pa.RecordBatch] = []
    for start in range(0, raw.num_rows, _AT_ONCE):
        if sum(part.nbytes for part in parts) <= SAMPLE_BYTES:
            parts.append(graph.apply(raw.slice(start, _AT_ONCE)))
    transformed = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
    # The rows stand in the order of a hash: the first of them are a sample, too.
    kept = raw.slice(0, transformed.num_rows)
    for name, batch in ((layout.RAW_SAMPLE, kept), (layout.TRANSFORMED_SAMPLE, transformed)):
        paths.write_atomically(paths.join(staged, name), sample.stream_of(batch))
    if times is not None and len(times) >= kept.num_rows:
        column = pa.record_batch([pa.array(times[: kept.num_rows])], names=["time"])
        paths.write_atomically(paths.join(staged, layout.SAMPLE_TIMES), sample.stream_of(column))


def transformed_schema(
    folder: str, graph: TransformGraph, label: str | None, *, jsd: float | None, linf: float | None
) -> schema_pb2.Schema:
    """The schema of the graph's outputs, with environments and default comparators.

    Args:
      folder: a local folder in the layout of `tft.TFTransformOutput`.
    """
    from tensorflow_transform import TFTransformOutput

    outputs = TFTransformOutput(folder).transformed_metadata.schema
    with_environments = schemas.for_outputs(outputs, graph.raw_features_of, label)
    return schemas.with_comparators(with_environments, jsd=jsd, linf=linf)
