"""A schema's fixed shapes against the training examples: rows that do not fit end the analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core import record_batches
from trueserve.transforms.core.errors import UsageError

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList

_MOST_NAMED = 5


def without_default(schema: schema_pb2.Schema) -> dict[str, int]:
    """How many values each row must have, for features of a fixed shape that has no default.

    The shape may be the feature's own, or that of a tensor representation. Raises UsageError for a schema
    that contradicts itself.
    """
    tensors = record_batches.adapter_config(schema).tensor_representations.values()
    dense = [tensor.dense_tensor for tensor in tensors if tensor.HasField("dense_tensor")]
    dense.sort(key=lambda tensor: str(tensor.column_name))  # a map has no order of its own
    return {
        tensor.column_name: prod(dim.size for dim in tensor.shape.dim)
        for tensor in dense
        if not tensor.HasField("default_value")
    }


def check(schema: schema_pb2.Schema, statistics: Statistics, schema_file: str) -> None:
    """Raises UsageError where rows of the examples lack such a feature, or have another number of values."""
    sizes = without_default(schema)
    problems = [problem for dataset in statistics.datasets for problem in _problems(sizes, dataset)]
    if not problems:
        return
    named = "; ".join(problems[:_MOST_NAMED])
    more = f"; and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
    raise UsageError(
        f"{schema_file}: {named}{more}. Give such a feature a default_value (in a"
        " tensor_representation_group), or no fixed shape: value_count { min: 1 max: 1 } in place of shape"
    )


def most_values(statistics: Statistics) -> dict[str, int]:
    """The most values that a row has, by feature."""
    return {
        name: int(common.max_num_values)
        for dataset in statistics.datasets
        for name, common in _common(dataset).items()
    }


def _problems(sizes: Mapping[str, int], dataset: statistics_pb2.DatasetFeatureStatistics) -> Iterator[str]:
    rows, common = int(dataset.num_examples), _common(dataset)
    for name, size in sizes.items():
        present = int(common[name].num_non_missing) if name in common else 0
        if present < rows:
            share = f"{rows - present:,} of {rows:,} training rows ({100 * (rows - present) / rows:.1f} %)"
            yield f"feature {name!r} has a fixed shape and no default_value, and {share} lack it"
        elif rows and not common[name].min_num_values == common[name].max_num_values == size:
            counts = f"{common[name].min_num_values:,} to {common[name].max_num_values:,}"
            yield f"feature {name!r} has a fixed shape of {size:,} values, and training rows have {counts}"


def _common(
    dataset: statistics_pb2.DatasetFeatureStatistics,
) -> dict[str, statistics_pb2.CommonStatistics]:
    common = {}
    for feature in dataset.features:
        kind = feature.WhichOneof("stats")
        if kind is not None and len(feature.path.step) == 1:
            common[feature.path.step[0]] = getattr(feature, kind).common_stats
    return common
