"""Statistics that were written in parts, or for slices, as the one list that TFDV's checks take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import statistics_pb2

DEFAULT_SLICE = "All Examples"  # TFDV's name for the slice of all rows

_Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics


def merged(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The parts of each data set, which TFDV writes with some features each, put together.

    Raises ValueError where parts contradict each other, or where there are several data sets and none is
    that of all rows.
    """
    parts: dict[str, list[_Dataset]] = {}
    for dataset in statistics.datasets:
        parts.setdefault(dataset.name, []).append(dataset)
    if len(parts) > 1 and DEFAULT_SLICE not in parts:
        names = ", ".join(repr(name) for name in sorted(parts)[:5])
        raise ValueError(
            f"they hold {len(parts)} data sets ({names}), none of which is {DEFAULT_SLICE!r}; "
            "give the statistics of the training data alone"
        )
    merged_datasets = [_merged(name, datasets) for name, datasets in parts.items()]
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=merged_datasets)


def _merged(name: str, parts: Sequence[_Dataset]) -> _Dataset:
    result = _Dataset()
    result.CopyFrom(parts[0])
    for part in parts[1:]:
        _check_same_rows(name, result, part)
        result.MergeFrom(part)
    _check_once(name, result)
    return result


def _check_same_rows(name: str, first: _Dataset, other: _Dataset) -> None:
    if first.num_examples and other.num_examples and first.num_examples != other.num_examples:
        counts = f"{first.num_examples:,} and {other.num_examples:,} examples"
        raise ValueError(f"data set {name!r} has parts of {counts}; they must have as many")


def _check_once(name: str, dataset: _Dataset) -> None:
    counts = Counter(feature.name or ".".join(feature.path.step) for feature in dataset.features)
    twice = sorted(path for path, count in counts.items() if count > 1)
    if twice:
        raise ValueError(f"data set {name!r} holds feature {twice[0]!r} twice")
