"""TFX's statistics of tf.SequenceExamples: the feature lists, which stand in a struct, as features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.schema import SEQUENCE

_Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList
_Feature: TypeAlias = statistics_pb2.FeatureNameStatistics
_Common: TypeAlias = statistics_pb2.CommonStatistics


def with_feature_lists(statistics: _Statistics) -> _Statistics:
    """The statistics, as `core.schema.with_feature_lists` has the schema: a list is one of all steps' values.

    A feature of the context that has the name of a list gives way to it. Where steps have different numbers
    of values it is not known how many a row has: of that alone nothing is left. Others are given back as
    they are.
    """
    if not any(_steps(feature)[0] == SEQUENCE for data in statistics.datasets for feature in data.features):
        return statistics
    result = _Statistics()
    result.CopyFrom(statistics)
    for data in result.datasets:
        features = list(_features(data))
        del data.features[:]
        data.features.extend(features)
    return result


def _features(data: statistics_pb2.DatasetFeatureStatistics) -> Iterator[_Feature]:
    of_steps = {steps[1] for feature in data.features if len(steps := _steps(feature)) > 1}
    for feature in data.features:
        steps = _steps(feature)
        if steps[0] == SEQUENCE and len(steps) > 1:
            yield _of_all_steps(feature)
        elif steps[0] != SEQUENCE and steps[0] not in of_steps:
            yield feature


def _steps(feature: _Feature) -> tuple[str, ...]:
    """The path of a list in the struct, or the name of any other feature."""
    path = tuple(feature.path.step)
    return path if path[:1] == (SEQUENCE,) else (feature.name or ".".join(path),)


def _of_all_steps(feature: _Feature) -> _Feature:
    result = _Feature()
    result.CopyFrom(feature)
    result.path.step[:] = _steps(feature)[1:]
    if field := result.WhichOneof("stats"):
        _count_values(getattr(result, field).common_stats)
    return result


def _count_values(common: _Common) -> None:
    """Makes numbers of steps numbers of values, where each step has as many."""
    inner = common.presence_and_valency_stats[1:]
    least = most = 1
    for level in inner:
        least, most = least * level.min_num_values, most * level.max_num_values
    common.ClearField("presence_and_valency_stats")
    common.min_num_values *= least
    common.max_num_values *= most
    if common.num_non_missing:
        common.avg_num_values = common.tot_num_values / common.num_non_missing
    if least != most:
        common.ClearField("num_values_histogram")
    for bucket in common.num_values_histogram.buckets:
        bucket.low_value *= most
        bucket.high_value *= most
