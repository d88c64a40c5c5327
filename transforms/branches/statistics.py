"""The statistics of one space, by `transforms.summaries` or TFDV's own generators; and of other types."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.branches.branch import PartialResults, Single
from trueserve.transforms.branches.partial import Kind, RowsPartial
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.feature import Use
from trueserve.transforms.summaries.folding import fold
from trueserve.transforms.summaries.protos import SIZES
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.weighted import WeightedSummary, rates_of

OTHER_TYPES: Kind = ("other_types", 0)


class StatisticsPartial(RowsPartial):
    """The summary of rows, which becomes TFDV's statistics of them, in a `DatasetFeatureStatisticsList`.

    Rows count 1 / sampling rate each (see `summaries.folding`). `uses` are those of `uses_of` a schema.
    """

    def __init__(self, uses: Mapping[str, Use]) -> None:
        self.summary = WeightedSummary(uses)

    def add(self, batch: Batch) -> None:
        self.summary.add(batch.features, sampling_rates(batch), Scratch())

    def merge(self, other: StatisticsPartial) -> None:
        self.summary.merge(other.summary, Scratch())

    def result(self) -> Any:
        return statistics_pb2.DatasetFeatureStatisticsList(datasets=[fold(self.summary, SIZES)])

    def compact(self, most: int) -> None:
        self.summary.compact(most)

    @property
    def num_bytes(self) -> int:
        return self.summary.num_bytes


def statistics(space: str, schema: schema_pb2.Schema | None) -> Single:
    """The branch of the statistics of all rows; its kind is the name of the space.

    `schema` tells which numbers are categories and which bytes are images or the like.
    """
    return Single((space, 0), functools.partial(StatisticsPartial, uses_of(schema)))


def tfdv_statistics(space: str, schema: schema_pb2.Schema | None) -> Single:
    """The branch of the statistics of all rows; its kind is the name of the space, as in `statistics`."""
    serialized = b"" if schema is None else schema.SerializeToString(deterministic=True)
    return Single((space, 0), functools.partial(TfdvPartial, serialized))


def sampling_rates(batch: Batch) -> np.ndarray[Any, Any] | None:
    """The sampling rate of each row, as `weighted.rates_of` gives it."""
    return rates_of(batch.metadata.column(batch.metadata.schema.get_field_index("sampling_rate")))


class TfdvPartial(RowsPartial):
    """The accumulators of TFDV's generators, which become a `DatasetFeatureStatisticsList`.

    They are slower than `StatisticsPartial`, and there to check it. Each row counts once: TFDV's weights are
    beside its counts, and would not be compared.

    Attributes:
      schema: serialized; empty for none.
    """

    def __init__(self, schema: bytes) -> None:
        self._schema = schema
        self._accumulators = [each.create_accumulator() for each in self._generators]

    def add(self, batch: Batch) -> None:
        """Adds rows. Raises InputError where they have sampling rates."""
        if sampling_rates(batch) is not None:
            raise InputError(
                "--statistics_engine=tfdv cannot weigh rows by 1 / sampling rate, and the log has sampling"
                " rates: add --ignore_sampling_rate, or leave --statistics_engine away"
            )
        pairs = zip(self._generators, self._accumulators, strict=True)
        self._accumulators = [each.add_input(accumulator, batch.features) for each, accumulator in pairs]

    def merge(self, other: TfdvPartial) -> None:
        both = zip(self._generators, self._accumulators, other._accumulators, strict=True)
        self._accumulators = [each.merge_accumulators([mine, theirs]) for each, mine, theirs in both]

    def result(self) -> Any:
        from tensorflow_data_validation.statistics import stats_impl

        return stats_impl.extract_statistics_output(self._accumulators, self._generators)

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        pairs = zip(self._generators, self._accumulators, strict=True)
        return {"_schema": self._schema, "_accumulators": [each.compact(mine) for each, mine in pairs]}

    @property
    def _generators(self) -> tuple[Any, ...]:
        return _generators_of(self._schema)


@functools.lru_cache(maxsize=8)
def _generators_of(serialized: bytes) -> tuple[Any, ...]:
    """TFDV's default generators, with as many buckets and values as ours."""
    from tensorflow_data_validation import StatsOptions
    from tensorflow_data_validation.statistics import stats_impl

    options = StatsOptions(
        schema=schema_pb2.Schema.FromString(serialized) if serialized else None,
        num_top_values=SIZES.num_top_values,
        num_rank_histogram_buckets=SIZES.num_rank_histogram_buckets,
        num_histogram_buckets=SIZES.num_histogram_buckets,
        num_quantiles_histogram_buckets=SIZES.num_fine_quantiles,
    )
    return tuple(stats_impl.get_generators(options, in_memory=True))


class OtherTypesPartial(StatisticsPartial):
    """The summary of `Batch.other_types`; features are named by `accounting.of_other_type`."""

    def add(self, batch: Batch) -> None:
        if batch.other_types is not None:
            self.summary.add(batch.other_types, sampling_rates(batch), Scratch())


class _OtherTypes(Single):
    """A branch without a result where no row has such a value."""

    def result(self) -> PartialResults:
        for kind, partial in super().result():
            if isinstance(partial, OtherTypesPartial) and partial.num_bytes:
                yield kind, partial


def other_types() -> Single:
    """The branch of these statistics. They have no schema: numbers are numbers, and texts categories."""
    return _OtherTypes(OTHER_TYPES, functools.partial(OtherTypesPartial, {}))
