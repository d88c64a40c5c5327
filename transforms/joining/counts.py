"""What a join found: counts that add up, and some of the pairs that differ."""

from __future__ import annotations

import dataclasses
import enum
import heapq
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trueserve.transforms.joining.labelled_rows import LabelledRows
from trueserve.transforms.logs.features import Array

# Names of features that only requests have come from strangers; those beyond are counted together.
MOST_STRANGE = 1000
MORE_FEATURES = ""


class FeatureOutcome(enum.IntEnum):
    """What became of one feature in one pair. TFDV's DetectFeatureSkew has the same, but for `EMPTY_ONLY`.

    `NEITHER` is no outcome: neither side has the feature. `EMPTY_ONLY` is an empty list on one side and no
    feature on the other, which makes the pair differ; TFDV calls such a pair skewed, and counts it nowhere.
    """

    NEITHER = 0
    MATCH = 1
    MISMATCH = 2
    BASE_ONLY = 3
    TEST_ONLY = 4
    EMPTY_ONLY = 5


@dataclasses.dataclass(frozen=True)
class RowCounts:
    """What became of rows and keys.

    Attributes:
      examples, requests: rows that have a key.
      examples_without_key, requests_without_key: rows that lack a value in some column of the key.
      keys: distinct keys of both sides together.
      keys_only_in_examples, keys_only_in_requests: keys that the other side does not have.
      duplicate_keys: keys that stand more than once on some side.
      duplicate_keys_in_examples, duplicate_keys_in_requests: the same for each side.
      pairs: an example and a request with the same key, each with each where there are duplicates.
      compared: pairs that were compared: all of them, or those of keys that stand once on either side.
      matched: compared pairs in which no feature differs.
      mismatched: the others.
    """

    examples: int = 0
    requests: int = 0
    examples_without_key: int = 0
    requests_without_key: int = 0
    keys: int = 0
    keys_only_in_examples: int = 0
    keys_only_in_requests: int = 0
    duplicate_keys: int = 0
    duplicate_keys_in_examples: int = 0
    duplicate_keys_in_requests: int = 0
    pairs: int = 0
    compared: int = 0
    matched: int = 0
    mismatched: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return RowCounts(*(left + right for left, right in pairs))


@dataclasses.dataclass(frozen=True, order=True)
class RowPosition:
    """Where a row stands: records are counted from 0 in each file."""

    file: str
    record: int


@dataclasses.dataclass(frozen=True)
class Sampled:
    """A pair that differs.

    Attributes:
      rank: a hash of the key; those with the least are kept, so that all runs keep the same.
      differs: the features that do, by outcome.
      key, values: only where values may be kept: of the key, and of both sides of each feature that differs.
    """

    rank: int
    example: RowPosition
    request: RowPosition
    differs: Mapping[FeatureOutcome, tuple[str, ...]]
    key: tuple[list[Any], ...] | None = None
    values: Mapping[str, tuple[list[Any] | None, list[Any] | None]] | None = None

    @property
    def order(self) -> tuple[int, RowPosition, RowPosition]:
        return self.rank, self.example, self.request


@dataclasses.dataclass(frozen=True)
class Joined:
    """What was found of some partitions; `total` is that of all of them.

    Attributes:
      features: for each feature the pairs by `FeatureOutcome`, and then the rows with values of examples and
        of requests; int64. A feature that no compared pair has is not there.
      samples: in order.
      conflicts: features whose values have two types on one side; these were not compared.
      labelled: labels by predictions, where these were joined; None without a pair.
    """

    rows: RowCounts = dataclasses.field(default_factory=RowCounts)
    features: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    samples: tuple[Sampled, ...] = ()
    conflicts: frozenset[str] = frozenset()
    labelled: LabelledRows | None = None


BASE_COUNT, TEST_COUNT = len(FeatureOutcome), len(FeatureOutcome) + 1
WIDTH = len(FeatureOutcome) + 2


def total(parts: Iterable[Joined], samples: int) -> Joined:
    """All parts as one, with so many samples at most."""
    rows, features, conflicts = RowCounts(), dict[str, Array](), set[str]()
    kept: list[Sampled] = []
    labelled: LabelledRows | None = None
    for part in parts:
        rows += part.rows
        conflicts |= part.conflicts
        labelled = part.labelled if labelled is None else _plus(labelled, part.labelled)
        kept = heapq.nsmallest(samples, [*kept, *part.samples], key=lambda sampled: sampled.order)
        for name, counts in part.features.items():
            features[name] = features[name] + counts if name in features else counts
    return Joined(rows, _bounded(features), tuple(kept), frozenset(conflicts), labelled)


def _plus(labelled: LabelledRows, other: LabelledRows | None) -> LabelledRows:
    return labelled if other is None else labelled.plus(other)


def _bounded(features: Mapping[str, Array]) -> Mapping[str, Array]:
    """With at most `MOST_STRANGE` features that no example has, those in the most requests; none is lost."""
    strange = [name for name, counts in features.items() if not counts[BASE_COUNT] and name != MORE_FEATURES]
    if len(strange) <= MOST_STRANGE:
        return features
    beyond = sorted(strange, key=lambda name: (-int(features[name][TEST_COUNT]), name))[MOST_STRANGE:]
    more = np.sum([features[name] for name in (*beyond, MORE_FEATURES) if name in features], axis=0)
    return {name: counts for name, counts in features.items() if name not in beyond} | {MORE_FEATURES: more}
