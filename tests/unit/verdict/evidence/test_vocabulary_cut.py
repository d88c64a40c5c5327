"""A vocabulary that was cut on training's rows has more unknown words in new rows, which is no skew."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from benchmarks import in_memory
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.design_effect import DesignEffect
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence import vocabulary_cut
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import Severity, Space

Array = np.ndarray[Any, Any]

_VOCABULARY = 20_000


def drawn(rng: np.random.Generator, count: int, tail: float = 1.1) -> Array:
    """Words of a long tail, by their numbers."""
    shares = 1 / np.arange(1, _VOCABULARY + 1) ** tail
    return rng.choice(_VOCABULARY, count, p=shares / shares.sum())


def vocabulary(training: Array, top_k: int | None = None, frequency_threshold: int = 1) -> Array:
    """By word its id, and the number of ids for one that is unknown: as tf.Transform gives ids."""
    counts = np.bincount(training, minlength=_VOCABULARY)
    kept = [word for word in np.argsort(-counts, kind="stable") if counts[word] >= frequency_threshold]
    kept = kept[:top_k]
    ids = np.full(_VOCABULARY, len(kept), np.int64)
    ids[kept] = np.arange(len(kept))
    return ids


def reference(ids: Array, training: Array) -> Reference:
    unknown = int(ids.max())
    domain = schema_pb2.IntDomain(min=0, max=unknown, is_categorical=True)
    feature = schema_pb2.Feature(name="id", type=schema_pb2.INT, int_domain=domain)
    empty = Reference(schema_pb2.Schema(feature=[feature]), Statistics(), Space.TRANSFORMED)
    statistics = in_memory.statistics(in_memory.batch({"id": ids[training]}), empty)
    return Reference(empty.schema, statistics, Space.TRANSFORMED, unknown_ids={"id": (unknown, unknown)})


def errors(against: Reference, ids: Array, served: Array) -> list[str]:
    statistics = in_memory.statistics(in_memory.batch({"id": ids[served]}), against)
    findings = compare(against, statistics, Policy(), Counter()).findings
    return [finding.metric for finding in findings if finding.severity is Severity.ERROR]


CUTS = [
    {"top_k": 500},
    {"top_k": 5000},
    {"frequency_threshold": 5},
    {"frequency_threshold": 1},
    {"top_k": 3000, "frequency_threshold": 2},
]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_clean_windows_are_silent(cut: dict[str, int]) -> None:
    alarms = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        training = drawn(rng, 20_000)
        ids = vocabulary(training, **cut)
        against = reference(ids, training)
        for _ in range(6):
            alarms += bool(errors(against, ids, drawn(rng, 5_000)))
    assert alarms <= 1


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_other_words_are_found_all_the_same(cut: dict[str, int]) -> None:
    rng = np.random.default_rng(0)
    training = drawn(rng, 20_000)
    ids = vocabulary(training, **cut)
    served = drawn(rng, 5_000)
    served[rng.random(5_000) < 0.1] = _VOCABULARY - 1
    assert errors(reference(ids, training), ids, served)


def test_as_much_is_moved_as_lies_nearest_to_serving() -> None:
    """Ten words came twice. In training 4 of 40 values are unknown, in serving 6 of 40."""
    tail = [*range(1, 11)] * 2
    training = np.array([0] * 16 + tail + [11] * 4)
    against = reference(np.arange(12), training)
    [known] = views_by_feature(against.statistics).values()
    [view] = views_of(against, [0] * 34 + [11] * 6)
    moved = vocabulary_cut.for_new_rows(known, view, (11, 11))
    wanted = {"0": 16.0, "11": 6.0} | {str(word): 1.8 for word in range(1, 11)}
    assert moved.counts() == pytest.approx(wanted)
    [view] = views_of(against, [11] * 40)
    assert vocabulary_cut.for_new_rows(known, view, (11, 11)).counts()["11"] == 24
    [view] = views_of(against, [0] * 40)
    assert vocabulary_cut.for_new_rows(known, view, (11, 11)) is known
    assert vocabulary_cut.for_new_rows(known, None, (11, 11)) is known


def test_few_words_are_no_tail() -> None:
    against = reference(np.arange(4), np.array([0] * 14 + [1] * 2 + [2] * 2 + [3] * 2))
    [known] = views_by_feature(against.statistics).values()
    [view] = views_of(against, [3] * 20)
    assert vocabulary_cut.for_new_rows(known, view, (3, 3)) is known


def views_of(against: Reference, served: list[int]) -> list[View]:
    statistics = in_memory.statistics(in_memory.batch({"id": np.array(served)}), against)
    return [*views_by_feature(statistics).values()]


@pytest.mark.parametrize(
    "cut", [{"frequency_threshold": 1}, {"top_k": 300}, {"frequency_threshold": 40}], ids=str
)
def test_words_of_users_come_many_at_a_time(cut: dict[str, int]) -> None:
    """A user's city comes in all 20 rows of his: at the cut are the cities of one user or two."""
    each = 20
    alarms = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        training = np.repeat(drawn(rng, 1_000), each)
        ids = vocabulary(training, **cut)
        against = reference(ids, training)
        design_effect.note(against.statistics, {"id": DesignEffect(each, 1.0)})
        for _ in range(6):
            served = in_memory.statistics(
                in_memory.batch({"id": ids[np.repeat(drawn(rng, 300), each)]}), against
            )
            design_effect.note(served, {"id": DesignEffect(each, 1.0)})
            findings = compare(against, served, Policy(), Counter()).findings
            alarms += any(finding.severity is Severity.ERROR for finding in findings)
    assert alarms <= 1
