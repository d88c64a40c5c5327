"""Training's part of a slice by a feature: `carrier=UA` is compared with the training rows of that carrier.

Beside all of training each such slice would be skew by construction, and so would be whatever depends on the
feature. The baseline keeps a sample of training rows; of these the slice's statistics are computed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core import slicing
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.slicing import Slicing
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.folding import fold
from trueserve.transforms.summaries.protos import SIZES
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.weighted import WeightedSummary, rows_at
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference, TrainingSample
from trueserve.transforms.verdict.wording import listing

Array = np.ndarray[Any, Any]


class TrainingSlices:
    """What to compare each slice with."""

    def __init__(self, references: Sequence[Reference]) -> None:
        self._sampled = [reference for reference in references if reference.sample is not None]
        samples = [reference.sample for reference in self._sampled if reference.sample]
        self._features = {name for sample in samples for name in sample.raw.schema.names}
        self._labels: dict[Slicing, pa.DictionaryArray] = {}

    def references_of(self, label: str) -> Sequence[Reference] | None:
        """The references whose statistics are those of training's same slice.

        None for a slice that no feature makes (a version, an hour): that is compared with all of training.
        Of a space of which the baseline keeps no training rows there is no reference.
        """
        features, name = slicing.feature_part(label, self._features)
        if not features:
            return None
        return [self._of_slice(reference, features, name) for reference in self._sampled]

    def note(self, labels: Sequence[str]) -> Iterator[Finding]:
        """An info of what the slices of these names were compared with, where features make them."""
        by_feature = sorted({slicing.feature_part(label, self._features)[0] for label in labels} - {()})
        if by_feature and self._sampled:
            rows = min(reference.sample.rows.num_rows for reference in self._sampled if reference.sample)
            names = listing([",".join(names) for names in by_feature])
            message = (
                f"slices by {names} were compared with the same slices of {rows:,} training rows, which the"
                " baseline keeps"
            )
            yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "slices_of_sample", message)

    def _of_slice(self, reference: Reference, features: Slicing, name: str) -> Reference:
        sample = reference.sample
        assert sample is not None
        summary = WeightedSummary(uses_of(reference.schema))
        summary.add(rows_at(sample.rows, self._rows_of(sample, features, name)), None, Scratch())
        statistics = statistics_pb2.DatasetFeatureStatisticsList(datasets=[fold(summary, SIZES)])
        return dataclasses.replace(reference, statistics=statistics)

    def _rows_of(self, sample: TrainingSample, features: Slicing, name: str) -> Array:
        if features not in self._labels:
            self._labels[features] = slicing.labels(sample.raw, features)
        labels = self._labels[features]
        codes = [code for code, label in enumerate(labels.dictionary.to_pylist()) if label == name]
        return np.flatnonzero(np.isin(labels.indices.to_numpy(zero_copy_only=False), codes))
