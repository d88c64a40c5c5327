"""What this job and TFDV say of a window: an answer for each feature."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from benchmarks import in_memory
from benchmarks.detection_answers import QUANTILES, STANDARD, SURE, Answer
from benchmarks.detection_data import World
from benchmarks.in_memory import Column, Forms
from trueserve.transforms.core.schema import with_comparators
from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence.rates.false_discovery import Family
from trueserve.transforms.verdict.feature_stats import Statistics, path_name
from trueserve.transforms.verdict.model import FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import LEAST_EFFECT, TestResults

_HISTOGRAMS = {
    STANDARD: schema_pb2.HistogramSelection.STANDARD,
    QUANTILES: schema_pb2.HistogramSelection.QUANTILES,
}


@dataclasses.dataclass(frozen=True)
class Served:
    """A window's statistics, and the forms that its values came in."""

    statistics: Statistics
    forms: Forms

    def changed(self, columns: Mapping[str, Column], reference: Reference) -> Served:
        """With these columns in the place of its own; the others are not computed again."""
        summarised = served(columns, reference)
        kept = Statistics()
        kept.CopyFrom(self.statistics)
        features = [
            feature for feature in kept.datasets[0].features if path_name(feature.path) not in columns
        ]
        del kept.datasets[0].features[:]
        kept.datasets[0].features.extend([*features, *summarised.statistics.datasets[0].features])
        return Served(kept, self.forms + summarised.forms)


def served(columns: Mapping[str, Column], reference: Reference) -> Served:
    """A window, summarised as `validate` does."""
    batch, forms = in_memory.read(columns, reference)
    return Served(in_memory.statistics(batch, reference), forms)


def plain(reference: Reference) -> Reference:
    """The same baseline as TFDV alone would have it: without what only this job's statistics carry."""
    copied = Statistics()
    copied.CopyFrom(reference.statistics)
    for feature in copied.datasets[0].features:
        del feature.custom_stats[:]
    return dataclasses.replace(reference, statistics=copied)


class Flagged(NamedTuple):
    """The features of which `validate` finds an error, and all that it reports as beyond chance."""

    errors: set[str]
    reported: set[str]


def flagged(window: Served, reference: Reference) -> Flagged:
    """What `validate` finds in a window."""
    every = compare(reference, window.statistics, Policy(), window.forms).findings
    errors = {finding.feature for finding in every if finding.severity is Severity.ERROR}
    small = {
        finding.feature
        for finding in every
        if finding.evidence is not None and finding.evidence.beyond_chance
    }
    return Flagged(errors, errors | small)


def scored(window: Served, reference: Reference, names: Iterable[str], errors: set[str]) -> dict[str, Answer]:
    """Errors, and minus the logarithm of the rate of false alarms from which a feature would be one.

    That is the p-value as Benjamini and Hochberg adjust it, of the differences that are large enough to
    matter. What is an error for another cause (a type, say) is one at any rate.
    """
    policy = Policy()
    adjusted = _adjusted(window, reference)
    answers = {}
    for name in names:
        rate = adjusted.get(name, 1.0)
        score = SURE if name in errors and rate > policy.false_alarms else -math.log10(max(rate, 1e-300))
        answers[name] = Answer(score, name in errors)
    return answers


def _adjusted(window: Served, reference: Reference) -> dict[str, float]:
    pair = ComparedPair(reference, Policy(), window.statistics, Counter())
    both = [name for name in pair.training if name in pair.serving]
    here = tuple(name for name in both if pair.serving[name].present)
    results = TestResults(pair, here, tuple(name for name in both if name not in here))
    every = [difference for differences in results.differences.values() for difference in differences]
    family = Family(difference.attainable for difference in every)
    by_p_value = sorted(
        (difference.p_value, name, difference.effect >= LEAST_EFFECT[difference.metric])
        for name, differences in results.differences.items()
        for difference in differences
    )
    adjusted: dict[str, float] = {}
    least = 1.0
    for rank in range(len(by_p_value), 0, -1):
        p_value, name, matters = by_p_value[rank - 1]
        least = min(least, float(family.expected(np.array([p_value]))[0]) / rank)
        if matters:
            adjusted[name] = min(adjusted.get(name, 1.0), least)
    return adjusted


class Tfdv:
    """TFDV's own comparison with a baseline: its distances, and its anomalies against the schema."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._schema = with_comparators(world.reference.schema, jsd=1.0, linf=1.0)

    def answers(self, window: Served, names: Iterable[str]) -> dict[str, dict[str, Answer]]:
        """For each histogram that the divergence of numbers may be taken over, an answer a feature."""
        wanted = frozenset(names)
        part = _of(window.statistics, wanted)
        alarms, new = self._anomalies(part, wanted, window.forms)
        answers = {}
        for method, histogram in _HISTOGRAMS.items():
            distances = self._distances(part, wanted, histogram)
            answers[method] = {
                name: Answer(distances.get(name, 0.0), name in alarms, name in new) for name in wanted
            }
        return answers

    def _distances(self, part: Statistics, names: frozenset[str], histogram: int) -> dict[str, float]:
        schema, training = self._schema_and_training(names, histogram)
        anomalies = tfdv.validate_statistics(training, schema, serving_statistics=part)
        return {
            path_name(info.path): max(
                (measurement.value for measurement in info.skew_measurements), default=0.0
            )
            for info in anomalies.drift_skew_info
        }

    def _anomalies(self, part: Statistics, names: frozenset[str], forms: Forms) -> tuple[set[str], set[str]]:
        """Features with an anomaly of type or presence, and those with new values."""
        schema, _ = self._schema_and_training(names, schema_pb2.HistogramSelection.STANDARD)
        alarms, new = {name for name, _ in forms if name in names}, set()
        for info in tfdv.validate_statistics(part, schema).anomaly_info.values():
            kinds = {severity.kind_of(severity.type_name(reason)) for reason in info.reason}
            if kinds & {FindingKind.TYPE, FindingKind.PRESENCE}:
                alarms.add(path_name(info.path))
            if FindingKind.VALUES in kinds:
                new.add(path_name(info.path))
        return alarms, new

    @functools.lru_cache(maxsize=256)  # noqa: B019, a process keeps few of these
    def _schema_and_training(
        self, names: frozenset[str], histogram: int
    ) -> tuple[schema_pb2.Schema, Statistics]:
        schema = schema_pb2.Schema()
        schema.CopyFrom(self._schema)
        kept = [feature for feature in schema.feature if feature.name in names]
        del schema.feature[:]
        schema.feature.extend(kept)
        for feature in schema.feature:
            if feature.skew_comparator.HasField("jensen_shannon_divergence"):
                feature.skew_comparator.jensen_shannon_divergence.source.type = histogram
        return schema, _of(self._world.reference.statistics, names)


def _of(statistics: Statistics, names: frozenset[str]) -> Statistics:
    """The statistics of these features alone."""
    part = Statistics()
    part.datasets.add().num_examples = statistics.datasets[0].num_examples
    kept = [feature for feature in statistics.datasets[0].features if path_name(feature.path) in names]
    part.datasets[0].features.extend(kept)
    return part
