"""What is known of all features of a set of rows: added by RecordBatch, and merged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.columnar.exported import exported
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.summaries.feature import FeatureSummary, Use
from trueserve.transforms.summaries.many_columns import NOT_ADDED, ManyColumns
from trueserve.transforms.summaries.quantiles import Scratch

#: What the tables of values of all features may take before they count fewer values exactly.
TABLE_BYTES = 384 << 20
_LEAST_CAPACITY = 1024


_USES = {
    schema_pb2.StringDomain.CATEGORICAL_NO: Use.TEXT,
    schema_pb2.StringDomain.CATEGORICAL_YES: Use.CATEGORY,
}


def uses_of(schema: schema_pb2.Schema | None) -> dict[str, Use]:
    """The features of which a schema says what their values are, as TFDV's generators read it."""
    if schema is None:
        return {}
    domains = {domain.name: domain.is_categorical for domain in schema.string_domain}
    uses = ((feature.name, _use_of(feature, domains)) for feature in schema.feature)
    return {name: use for name, use in uses if use is not Use.BY_TYPE}


def _use_of(feature: schema_pb2.Feature, domains: Mapping[str, int]) -> Use:
    info = feature.WhichOneof("domain_info")
    if info == "image_domain":
        return Use.BLOB
    if feature.type == schema_pb2.INT:
        is_categorical = info == "int_domain" and feature.int_domain.is_categorical
        return (
            Use.CATEGORY
            if is_categorical or info in ("bool_domain", "natural_language_domain")
            else Use.BY_TYPE
        )
    is_categorical = (
        feature.string_domain.is_categorical if info == "string_domain" else domains.get(feature.domain)
    )
    return _USES.get(is_categorical, Use.BY_TYPE)


@dataclasses.dataclass
class DatasetSummary:
    """The summary of a set of rows; an accumulator for a CombineFn.

    Attributes:
      uses: what a schema says of features' values; see `uses_of`.
      num_examples: rows seen.
      features: by name, in the order of their first occurrence.
    """

    uses: Mapping[str, Use] = dataclasses.field(default_factory=dict)
    num_examples: int = 0
    features: dict[str, FeatureSummary] = dataclasses.field(default_factory=dict)
    _known_columns: ManyColumns | None = dataclasses.field(
        default=None, init=False, repr=False, compare=False
    )

    def add(self, batch: pa.RecordBatch, scratch: Scratch) -> None:
        """Adds the rows of a batch. Raises TypeError for a feature whose type is not the one seen before."""
        self.num_examples += batch.num_rows
        known = self._many_columns(batch.schema.names)
        with exported(batch) as columns:
            left, are_lists = known.add(columns)
        for c in np.flatnonzero(are_lists).tolist():
            self._feature(known.names[c]).add_positions(batch.column(c))
        for c in np.flatnonzero(left).tolist():
            feature = self._feature(known.names[c])
            try:
                feature.add(batch.column(c), scratch, None if left[c] == NOT_ADDED else int(left[c]))
            except TypeError as error:
                raise TypeError(f"feature {known.names[c]!r}: {error}") from error
        bound_tables([self])

    def merge(self, other: DatasetSummary, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed. Raises TypeError where types differ."""
        self.num_examples += other.num_examples
        for name, summary in other.features.items():
            try:
                self._feature(name).merge(summary, scratch)
            except TypeError as error:
                raise TypeError(f"feature {name!r}: {error}") from error
        bound_tables([self])

    def compact(self, most: int) -> None:
        """Makes the sketches of numbers small, and less exact, see `Quantiles.compact`."""
        for feature in self.features.values():
            feature.compact(most)

    @property
    def num_bytes(self) -> int:
        """Memory that sketches and tables take, which is nearly all."""
        return sum(feature.num_bytes for feature in self.features.values())

    def _many_columns(self, names: list[str]) -> ManyColumns:
        if self._known_columns is None or self._known_columns.names != names:
            self._known_columns = ManyColumns(names, [self._feature(name) for name in names])
        return self._known_columns

    def __getstate__(self) -> dict[str, object]:
        # Addresses are those of this process.
        return {**self.__dict__, "_known_columns": None}

    def _feature(self, name: str) -> FeatureSummary:
        summary = self.features.get(name)
        if summary is None:
            summary = self.features[name] = FeatureSummary(self.uses.get(name, Use.BY_TYPE))
        return summary


def bound_tables(summaries: Iterable[DatasetSummary]) -> None:
    """Keeps the tables of values of all these summaries together below `TABLE_BYTES`, as far as can be."""
    features = [feature for summary in summaries for feature in summary.features.values()]
    tables = [feature.counts for feature in features if feature.counts is not None]
    while tables and sum(table.num_bytes for table in tables) > TABLE_BYTES:
        capacity = max(table.capacity for table in tables) // 2
        if capacity < _LEAST_CAPACITY:
            return
        for table in tables:
            table.lower_capacity(capacity)
