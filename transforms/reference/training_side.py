"""What serving is compared with: a baseline, or a schema and statistics of TFDV's; a model's predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from trueserve.transforms.baseline import layout, messages
from trueserve.transforms.baseline.adoption.lacks import TRANSFORMED_STATISTICS
from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.arrow import open_stream, pa
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.reference import prediction_reference, vocabularies
from trueserve.transforms.verdict.evidence import new_values
from trueserve.transforms.verdict.feature_stats import views_by_feature
from trueserve.transforms.verdict.findings import contracts as contracts_findings
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference, TrainingSample
from trueserve.transforms.verdict.variation import store

_SAMPLES = {Space.RAW: layout.RAW_SAMPLE, Space.TRANSFORMED: layout.TRANSFORMED_SAMPLE}


@dataclasses.dataclass(frozen=True)
class TrainingSide:
    """Where the training side lies: a baseline folder, or a schema and statistics of TFDV's.

    `predictions` is the folder of a model with recorded predictions. `identity` is that of the baseline as it
    was at launch: a worker that finds another one there must not compare with it. `samples`: the spaces of
    which the training rows that the baseline keeps are needed, for ties between features and for slices.
    `group_by` is the feature by which rows belong together.
    """

    baseline: str | None
    schema: str | None
    statistics: str | None
    label: str | None
    spaces: tuple[str, ...]
    predictions: str | None = None
    identity: str | None = None
    samples: tuple[str, ...] = ()
    group_by: str | None = None

    def references(self) -> list[Reference]:
        """One Reference a space; called on the worker that compares."""
        features = self.of_features()
        return [*features, *self.of_predictions(features)]

    def of_predictions(self, features: Sequence[Reference]) -> list[Reference]:
        if self.predictions is None:
            return []
        has_time = any(feature.variation is not None for feature in features)
        reference = prediction_reference.load(self.predictions)
        # Days differ, and how predictions do is not recorded.
        return [dataclasses.replace(reference, variation={}) if has_time else reference]

    def of_features(self) -> list[Reference]:
        if self.baseline is None:
            assert self.schema is not None
            assert self.statistics is not None
            schema, statistics = messages.load_schema_and_statistics(self.schema, self.statistics)
            if self.label is not None:
                schemas.check_label(schema, self.label)
            label = self.label or schemas.label_of(schema)
            return [Reference(schema, statistics, Space.RAW, label=label, group_by=self.group_by)]
        references = of_baseline(self._baseline(self.baseline), self.spaces, samples=self.samples)
        return [dataclasses.replace(reference, group_by=self.group_by) for reference in references]

    def _baseline(self, path: str) -> Baseline:
        loaded = load_baseline(path, with_graph=False)
        if self.identity not in (None, loaded.identity):
            raise InputError(
                f"the baseline {path} was replaced or edited while the job ran; expected the one of the"
                " launch; run it again"
            )
        return loaded


def of_baseline(baseline: Baseline, spaces: Sequence[str], *, samples: Sequence[str] = ()) -> list[Reference]:
    """One Reference for each of these spaces; none for the transformed one where that has no statistics.

    Raises UsageError where nothing is left to compare with.
    """
    spaces = _known_spaces(baseline, spaces)
    label, contract = baseline.contract.label, baseline.contract
    variation = _variation(baseline)
    raw = Reference(
        baseline.schema,
        baseline.statistics,
        Space.RAW,
        label=label,
        variation=variation.get(Space.RAW.value),
        time_feature=contract.time_feature,
        identifiers=frozenset(contract.identifiers),
        edited=_edited(baseline),
        lacks=contract.lacks.get(TRANSFORMED_STATISTICS, ""),
    )
    transformed = Reference(
        baseline.transformed_schema,
        baseline.transformed_statistics,
        Space.TRANSFORMED,
        raw_features=contract.transformed_features,
        identifiers=frozenset(contract.identifiers),
        label=label,
        trained_on=baseline.augmented_statistics,
        unknown_ids=contract.unknown_ids,
        buckets=contract.buckets,
        new_values=_new_values(baseline),
        vocabulary=vocabularies.of_baseline(baseline) if Space.TRANSFORMED.value in spaces else {},
        variation=variation.get(Space.TRANSFORMED.value),
    )
    references = [reference for reference in (raw, transformed) if reference.space in spaces]
    for reference in references:
        _check_features(reference, baseline.path)
    return [
        _with_sample(baseline, reference) if reference.space in samples else reference
        for reference in references
    ]


def _new_values(baseline: Baseline) -> dict[str, float]:
    """By output; ids of unknown words tell themselves how many these are."""
    raw, contract = views_by_feature(baseline.statistics), baseline.contract
    shares: dict[str, float] = {}
    for name, features in contract.looked_up.items():
        # What other features reach as well was fitted for each value, such as a mean by key.
        is_by_key = {*contract.transformed_features.get(name, ())} > {*features}
        share = new_values.share_by_key if is_by_key else new_values.share
        if name not in contract.unknown_ids:
            shares[name] = max((share(raw[feature]) for feature in features if feature in raw), default=0.0)
    return {name: share for name, share in shares.items() if share}


def _known_spaces(baseline: Baseline, spaces: Sequence[str]) -> Sequence[str]:
    if TRANSFORMED_STATISTICS not in baseline.contract.lacks:
        return spaces
    known_spaces = [space for space in spaces if space != Space.TRANSFORMED.value]
    if not known_spaces:
        raise UsageError(
            f"the baseline {baseline.path} was adopted without examples and has no statistics of the"
            " transformed features; compare --spaces=raw, or run trueserve adopt with --examples"
        )
    return known_spaces


def _with_sample(baseline: Baseline, reference: Reference) -> Reference:
    """The reference with the training rows that the baseline keeps, if it does (older ones do not)."""
    if not set(_SAMPLES.values()) <= baseline.contents.files.keys():
        return reference
    raw, rows = (_rows(baseline, _SAMPLES[space]) for space in (Space.RAW, reference.space))
    return dataclasses.replace(reference, sample=TrainingSample(raw, rows, _times(baseline)))


def _times(baseline: Baseline) -> np.ndarray[Any, Any] | None:
    if layout.SAMPLE_TIMES not in baseline.contents.files:
        return None
    times: np.ndarray[Any, Any] = _rows(baseline, layout.SAMPLE_TIMES).column(0).to_numpy()
    return times


def check_samples(baseline: Baseline, samples: Sequence[str]) -> None:
    """Raises UsageError where the training rows that the baseline keeps are not those that it was given."""
    names = [_SAMPLES[Space(space)] for space in samples]
    for name in (*names, layout.SAMPLE_TIMES):
        if name in baseline.contents.files:
            baseline.contents.read(name)


def _rows(baseline: Baseline, name: str) -> pa.RecordBatch:
    # The bytes were verified: they are those that `prepare` wrote.
    return open_stream(baseline.contents.read(name)).read_all().combine_chunks().to_batches()[0]


def _check_features(reference: Reference, path: str) -> None:
    """Raises UsageError for a space in which there is nothing to compare with."""
    has_statistics = any(dataset.features for dataset in reference.statistics.datasets)
    if not reference.schema.feature or not has_statistics:
        empty_part = "schema" if has_statistics else "statistics"
        other = Space.TRANSFORMED if reference.space is Space.RAW else Space.RAW
        raise UsageError(
            f"the baseline {path} has no {reference.space} feature in its {empty_part}: nothing to compare"
            f" with; leave the space out with --spaces={other}, or run trueserve prepare or adopt again"
        )


def _edited(baseline: Baseline) -> str:
    """What is to be said of a schema that was edited since; empty where it was not."""
    if not baseline.schema_edited:
        return ""
    return contracts_findings.edited_schema(
        layout.SCHEMA, {f.name for f in baseline.schema.feature}, baseline.contract.raw_features
    )


def _variation(baseline: Baseline) -> store.Spaces:
    """How training's days and hours differ, empty where that is not known."""
    if baseline.variation is None:
        return {}
    try:
        return store.from_bytes(baseline.variation)
    except ValueError as error:
        file = paths.join(baseline.path, layout.VARIATION)
        raise UsageError(
            f"{file} is not what prepare wrote: {error}; run trueserve prepare or adopt again"
        ) from error
