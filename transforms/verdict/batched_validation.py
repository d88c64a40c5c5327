"""`tfdv.validate_statistics`, some features at a time.

What TFDV takes for one call grows with the square of the number of features: 4,000 take minutes. What it says
of a feature depends on that feature alone, so the features are handed to it in parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from trueserve.transforms.verdict import native_validation
from trueserve.transforms.verdict.feature_stats import Statistics, dataset, path_name

FEATURES_A_PART = 50

_Names = dict[str, None]  # a set that keeps its order


def validate_statistics(
    statistics: Statistics,
    schema: schema_pb2.Schema,
    environment: str | None = None,
    serving_statistics: Statistics | None = None,
    columns: Collection[str] | None = None,
) -> anomalies_pb2.Anomalies:
    """What `tfdv.validate_statistics` gives, but for the copy of the schema in its answer.

    `columns`: the top-level features to ask for; all unless given.
    """
    result = anomalies_pb2.Anomalies()
    training = _Divided(statistics)
    serving = None if serving_statistics is None else _Divided(serving_statistics)
    divided = _DividedSchema(schema)
    for number, names in enumerate(_parts(columns, schema, training, serving)):
        part = native_validation.validate_statistics(
            training.part(names),
            divided.part(names, with_constraints=number == 0),
            environment=environment,
            serving_statistics=None if serving is None else serving.part(names),
        )
        part.ClearField("baseline")
        result.MergeFrom(part)
    return result


class _Divided:
    """Statistics by top-level feature, looked at once: they are asked for in many parts."""

    def __init__(self, statistics: Statistics) -> None:
        self._dataset = dataset(statistics)
        self.features: dict[str, list[statistics_pb2.FeatureNameStatistics]] = {}
        for feature in self._dataset.features:
            self.features.setdefault(top(feature), []).append(feature)

    def part(self, names: _Names) -> Statistics:
        """The statistics of these features, and of the crosses between them."""
        part = Statistics()
        part_dataset = part.datasets.add(
            name=self._dataset.name,
            num_examples=self._dataset.num_examples,
            weighted_num_examples=self._dataset.weighted_num_examples,
        )
        for name in names:
            part_dataset.features.extend(self.features.get(name, ()))
        for feature in part_dataset.features:
            feature.ClearField("custom_stats")  # TFDV does not look at them, and they are most of the bytes
        part_dataset.cross_features.extend(
            cross
            for cross in self._dataset.cross_features
            if {path_name(cross.path_x), path_name(cross.path_y)} <= names.keys()
        )
        return part


def _parts(
    columns: Collection[str] | None, schema: schema_pb2.Schema, *all_statistics: _Divided | None
) -> Iterator[_Names]:
    """The names of top-level features, some at a time; all at once where features are made of others."""
    names = dict.fromkeys(feature.name for feature in schema.feature)
    for statistics in all_statistics:
        names |= dict.fromkeys(() if statistics is None else statistics.features)
    together = len(schema.sparse_feature) + len(schema.weighted_feature) > 0
    size = len(names) if together else FEATURES_A_PART
    selected = [name for name in names if together or columns is None or name in columns]
    for first in range(0, max(len(selected), 1), max(size, 1)):
        yield dict.fromkeys(selected[first : first + size])


def top(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """The name of the column that a feature, or a field of a struct, is in."""
    return str(feature.path.step[0] if feature.path.step else feature.name)


class _DividedSchema:
    """A schema by feature, and its named domains by name, looked at once."""

    def __init__(self, schema: schema_pb2.Schema) -> None:
        self._schema = schema
        self._features = {feature.name: feature for feature in schema.feature}
        self._domains = {domain.name: domain for domain in schema.string_domain}

    def part(self, names: _Names, *, with_constraints: bool) -> schema_pb2.Schema:
        """The schema of these features."""
        schema, features = self._schema, [self._features[name] for name in names if name in self._features]
        part = schema_pb2.Schema(
            default_environment=schema.default_environment,
            string_domain=self._domains_of(features),
            float_domain=schema.float_domain,
            int_domain=schema.int_domain,
            sparse_feature=schema.sparse_feature,
            weighted_feature=schema.weighted_feature,
            feature=features,
        )
        if with_constraints and schema.HasField("dataset_constraints"):
            part.dataset_constraints.CopyFrom(schema.dataset_constraints)
        return part

    def _domains_of(self, features: Iterable[schema_pb2.Feature]) -> list[schema_pb2.StringDomain]:
        """The named domains of these features; all where a struct's fields may name some."""
        used: set[str] = set()
        for feature in features:
            if feature.HasField("struct_domain"):
                return list(self._schema.string_domain)
            used.add(feature.domain)
        return [domain for name, domain in self._domains.items() if name in used]
