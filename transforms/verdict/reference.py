"""What serving is compared with, and the two sides of one comparison."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.verdict.evidence import cdf, vocabulary_cut
from trueserve.transforms.verdict.evidence.vectors.difference import VectorDifference, of_vectors
from trueserve.transforms.verdict.feature_stats import Statistics, View, dataset, views_by_feature
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.variation.store import Variation

UNKNOWN_FEATURE = "unknown_feature"
# From this share of rows on a value comes often.
_OFTEN = 0.01
# A form that ends in one of these says that values of another type came: `int_for_float`.
_VALUE_TYPES = ("int", "float", "bytes")


@dataclasses.dataclass(frozen=True)
class TrainingSample:
    """Training rows that the baseline keeps.

    Attributes:
      raw, rows: raw features of requests, and those of a space, row by row.
      times: of each row, in seconds of the epoch, the least int64 for none; None where they are not known.
    """

    raw: pa.RecordBatch
    rows: pa.RecordBatch
    times: np.ndarray[Any, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Reference:
    """One space of the baseline.

    Attributes:
      schema: as it was given; environments and comparators are added to a copy where they lack.
      statistics: those of the training data.
      raw_features: for the transformed space, the raw features that each one is computed from.
      label: the raw label's name, None when it is not known.
      trained_on: those of what training was given, where that was augmented.
      unknown_ids, buckets: for a transformed feature the first and the last id of unknown words, and the
        first and the last bucket, where they are known.
      forms: for (feature, form) the share of training's rows that came in that form, where it is known.
      variation: how days and hours of training differ, by unit and feature; None where that is not known.
      time_feature: the feature that holds a row's time, which no window can have as training had it.
      edited: what is to be said of a schema that was edited since `prepare` wrote it; else empty.
      lacks: what is to be said of what an adopted baseline does not have; else empty.
      identifiers: raw features of which each value came once in training.
      group_by: the feature by which rows belong together; None for none.
      new_values: for a transformed feature the share of values, 0 to 1, that new values of raw texts make.
      sample: training rows for slices by a feature; None where none were asked for, or there are none.
      vocabulary: for a transformed feature the text of each id, as far as it is known; for pictures.
    """

    schema: schema_pb2.Schema
    statistics: Statistics
    space: Space
    raw_features: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    label: str | None = None
    forms: Mapping[tuple[str, str], float] = dataclasses.field(default_factory=dict)
    trained_on: Statistics | None = None
    unknown_ids: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    buckets: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    variation: Variation | None = None
    time_feature: str | None = None
    edited: str = ""
    lacks: str = ""
    identifiers: frozenset[str] = frozenset()
    group_by: str | None = None
    new_values: Mapping[str, float] = dataclasses.field(default_factory=dict)
    sample: TrainingSample | None = None
    vocabulary: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)

    def label_of(self, feature: str, value: str) -> str:
        """A category's value as people know it: an id of a vocabulary with its text."""
        if text := self.vocabulary.get(feature, {}).get(value):
            return f"{text} ({value})"
        first, last = self.unknown_ids.get(feature, (0, -1))
        is_unknown = value.removeprefix("-").isdecimal() and first <= int(value) <= last
        return f"unknown words ({value})" if is_unknown else value

    def is_label(self, name: str) -> bool:
        """Whether `name` is the label or is computed from it."""
        return self.label is not None and (
            name == self.label or self.label in self.raw_features.get(name, ())
        )

    def prepared(self, policy: Policy) -> schema_pb2.Schema:
        """A copy of the schema with environments and with the comparators that lack."""
        labels = [feature.name for feature in self.schema.feature if self.is_label(feature.name)]
        schema = schemas.for_outputs(self.schema, dict.fromkeys(labels, (self.label or "",)), self.label)
        return schemas.with_comparators(schema, jsd=policy.jsd, linf=policy.linf)


@dataclasses.dataclass(frozen=True)
class ComparedPair:
    """Training and serving, side by side, with everything that the comparing steps ask for.

    Attributes:
      forms: rows by (feature, form), as in `Accounting`, those that concern the space.
      span: the time that the rows served were logged in; None where it is not known.
      start: when the first of them was, None where it is not known: then no season is matched.
      previous_start: likewise of the earlier window, where `between_windows`.
      between_windows: an earlier window is in training's place. Both may lie out, on different sides.
      other_types: those of values that came in another type (`Batch.other_types`); `served` lacks them.
    """

    reference: Reference
    policy: Policy
    served: Statistics
    forms: Counter[tuple[str, str]]
    span: dt.timedelta | None = None
    between_windows: bool = False
    other_types: Statistics = dataclasses.field(default_factory=Statistics)
    start: dt.datetime | None = None
    previous_start: dt.datetime | None = None

    @cached_property
    def schema(self) -> schema_pb2.Schema:
        return self.reference.prepared(self.policy)

    @cached_property
    def features(self) -> dict[str, schema_pb2.Feature]:
        """The schema's features by dotted path, a struct's children after it."""
        return dict(_flatten(self.schema.feature, ""))

    @cached_property
    def top_level(self) -> set[str]:
        """The schema's features that are in no struct; a name may have a dot all the same."""
        return {feature.name for feature in self.schema.feature}

    @cached_property
    def own_thresholds(self) -> set[str]:
        """Features whose comparator the user's schema sets: present as given, and not one of our defaults."""
        given = _flatten(self.reference.schema.feature, "")
        return {name for name, feature in given if schemas.has_own_comparator(feature)}

    @cached_property
    def training(self) -> dict[str, View]:
        """Training's features; its rows belong together as serving's do, where it does not tell."""
        by_name = views_by_feature(self.reference.statistics)
        grouped = {name: view.as_grouped_as(self.serving.get(name)) for name, view in by_name.items()}
        # An earlier window is new rows, too.
        cut = {} if self.between_windows else self.reference.unknown_ids
        return grouped | {
            name: vocabulary_cut.for_new_rows(grouped[name], self.serving.get(name), ids)
            for name, ids in cut.items()
            if name in grouped
        }

    @cached_property
    def serving(self) -> dict[str, View]:
        return views_by_feature(self.served)

    @cached_property
    def rows(self) -> int:
        """Rows served and compared."""
        return int(dataset(self.served).num_examples)

    @cached_property
    def of_other_type(self) -> dict[str, Counter[str]]:
        """Rows by form, for features whose values came in another type and were left out by the reader."""
        counts: dict[str, Counter[str]] = {}
        for (feature, form), rows in self.forms.items():
            if form.rpartition("_for_")[2] in _VALUE_TYPES and rows > 0:
                counts.setdefault(feature, Counter())[form] += rows
        return counts

    def missing(self, name: str) -> int:
        """Rows that lack the feature for no other cause than that it was not sent."""
        view = self.serving.get(name)
        missing = self.rows if view is None else view.missing
        return max(missing - self.of_other_type.get(name, Counter()).total(), 0)

    @cached_property
    def most_effect(self) -> float:
        """The greatest design effect that any value may have, as far as rows are known to belong together.

        That of a vector is measured of all its positions together: one of them may have a greater one.
        """
        every = (*self.serving.values(), *views_by_feature(self.reference.statistics).values())
        return max((view.most_effect for view in every), default=1.0)

    def vector_difference(self, name: str) -> VectorDifference | None:
        """How the positions of a feature differ; None where it is no vector, or not in both."""
        training, serving = self.training.get(name), self.serving.get(name)
        if training is None or serving is None:
            return None
        wanted = self.policy.thresholds.is_vector(name)
        if wanted is None and self.reference.space is Space.TRANSFORMED and training.kind == "category":
            return None  # ids of words: more of them are unknown in new rows than in training's own
        return of_vectors(training, serving, wanted=wanted, design_effect=self.most_effect)

    def is_wanted(self, name: str) -> bool:
        """Whether --only names the feature, a struct that it is in, or what it is computed from."""
        only = self.policy.only
        if not only:
            return True
        steps = name.split(".")
        structs = (".".join(steps[:count]) for count in range(1, len(steps) + 1))
        return not only.isdisjoint((*structs, *self.raw_features(name)))

    def is_identifier(self, name: str) -> bool:
        """Whether each value came once in training, so that a window has others; unless --only names it.

        What is computed from such a feature is one if its values are as many (no bucket, no id of a word). In
        serving no value may come often either: an id that is lost and filled with one is a fault.
        """
        names = self.raw_features(name) or (name,)
        if not self.reference.identifiers.issuperset(names) or not self.policy.only.isdisjoint(
            (name, *names)
        ):
            return False
        both = (self.training.get(name), self.serving.get(name))
        return all(view is None or not view.present or _are_spread(view) for view in both)

    def is_group(self, name: str) -> bool:
        """Whether the feature names groups of rows, so that a window has others; unless --only names it."""
        is_raw = self.reference.space is Space.RAW
        return is_raw and name == self.reference.group_by and name not in self.policy.only

    def is_in_serving(self, name: str) -> bool:
        """Whether the schema wants the feature in serving; neither the label nor the row's time is."""
        if name == self.reference.time_feature or self.reference.is_label(name):
            return False
        return schemas.in_serving(self.features[name], self.schema)

    def limit(self, name: str, metric: str, default: float) -> float:
        """The least effect in a metric that matters: the user's, or `default`."""
        return self.policy.thresholds.limit(self.reference.space, name, metric, default)

    def least_unseen(self, name: str) -> float:
        """The share of a feature's values from which those outside of training are an error."""
        return self.limit(name, "unseen_share", self.policy.unseen_share)

    def expected_new(self, name: str) -> float:
        """The share of a feature's values that new values of texts make beside training."""
        return 0.0 if self.between_windows else self.reference.new_values.get(name, 0.0)

    def raw_features(self, name: str) -> tuple[str, ...]:
        return tuple(self.reference.raw_features.get(name, ()))


def _are_spread(view: View) -> bool:
    """Whether a number has no value that many rows share."""
    function = cdf.of_view(view) if view.kind == "number" else None
    return function is not None and function.x[-1] > function.x[0] and function.commonest[1] < _OFTEN


def _flatten(features: object, prefix: str) -> list[tuple[str, schema_pb2.Feature]]:
    flattened: list[tuple[str, schema_pb2.Feature]] = []
    for feature in features:  # type: ignore[attr-defined]
        name = f"{prefix}{feature.name}"
        flattened += [(name, feature), *_flatten(feature.struct_domain.feature, f"{name}.")]
    return flattened
