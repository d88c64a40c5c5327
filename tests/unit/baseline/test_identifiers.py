"""What names a row: numbers of which none comes twice though some should."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.identifiers import find
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.verdict.compare import compare
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy


def rows(*columns: Any, kind: Any = None) -> pa.RecordBatch:
    lists = [
        pa.array([None if v is None else [v] for v in c], pa.large_list(kind or pa.int64())) for c in columns
    ]
    return pa.RecordBatch.from_arrays(lists, names=[f"x{i}" for i in range(len(columns))])


def test_running_numbers_shuffled_sampled_and_with_gaps_are_identifiers() -> None:
    generator = np.random.default_rng(1)
    shuffled = generator.permutation(3000)
    sampled = generator.choice(100_000, 3000, replace=False) + 10**9
    gaps = [None if n % 10 == 0 else n for n in range(3000)]
    assert find(rows(shuffled, sampled, gaps)) == ("x0", "x1", "x2")


@pytest.mark.parametrize("numbers", [100, 3000, 100_000])
def test_numbers_that_come_by_chance_are_none(numbers: int) -> None:
    generator = np.random.default_rng(2)
    assert find(rows(generator.integers(0, numbers, 3000))) == ()


def test_numbers_too_far_apart_to_tell_are_none() -> None:
    generator = np.random.default_rng(3)
    assert find(rows(generator.integers(0, 10**12, 3000))) == ()
    # 31 of 31 numbers make 15 pairs, 30 of 30 make 14.5.
    assert find(rows(range(31))) == ("x0",)
    assert find(rows(range(30))) == ()
    assert find(rows([*range(3000), 7])) == ()
    assert find(rows([], [])) == ()


def test_floats_texts_and_lists_are_none() -> None:
    assert find(rows(range(3000), kind=pa.float32())) == ()
    lists = pa.array([[n, n + 5000] for n in range(3000)], pa.large_list(pa.int64()))
    assert find(pa.RecordBatch.from_arrays([lists], ["x"])) == ()


def statistics(first: float, last: float) -> Any:
    ends = np.linspace(first, last, 11)
    edges = [(low, high, 200.0) for low, high in itertools.pairwise(ends)]
    number = hand_made.number("id", 2000, median=(first + last) / 2, buckets=edges, quantiles=edges)
    number.num_stats.min, number.num_stats.max = first, last
    return hand_made.statistics(2000, number)


@pytest.mark.parametrize(
    ("space", "only", "compared"), [("raw", (), False), ("transformed", (), False), ("raw", ("id",), True)]
)
def test_an_identifier_is_not_compared_but_where_it_is_asked_for(
    space: str, only: tuple[str, ...], compared: bool
) -> None:
    schema = hand_made.schema(schema_pb2.Feature(name="id", type=schema_pb2.FLOAT))
    reference = Reference(
        schema,
        statistics(0, 1999),
        Space(space),
        raw_features={"id": ("id",)} if space == "transformed" else {},
        identifiers=frozenset({"id"}),
    )
    result = compare(reference, statistics(2000, 3999), Policy(only=frozenset(only)), Counter())
    assert any(finding.severity is Severity.ERROR for finding in result.findings) == compared
    reasons = [left_out.reason for left_out in result.not_compared]
    assert reasons == ([] if compared else ["an identifier: each value comes once in training"])


def test_an_identifier_that_is_lost_is_found_all_the_same() -> None:
    """Serving fills it with one value: a step in what had none."""
    schema = hand_made.schema(schema_pb2.Feature(name="id", type=schema_pb2.FLOAT))
    reference = Reference(schema, statistics(0, 1999), Space.RAW, identifiers=frozenset({"id"}))
    zero = [(0.0, 0.0, 200.0)] * 10
    lost = hand_made.number("id", 2000, buckets=zero, quantiles=zero)
    result = compare(reference, hand_made.statistics(2000, lost), Policy(), Counter())
    assert any(finding.severity is Severity.ERROR for finding in result.findings)
    assert not result.not_compared


def test_buckets_of_an_identifier_are_compared() -> None:
    schema = hand_made.schema(schema_pb2.Feature(name="bucket", type=schema_pb2.BYTES))
    halves = hand_made.statistics(2000, hand_made.category("bucket", {"0": 1000.0, "1": 1000.0}))
    served = hand_made.statistics(2000, hand_made.category("bucket", {"0": 1500.0, "1": 500.0}))
    of_raw = {"bucket": ("id",)}
    reference = Reference(
        schema, halves, Space.TRANSFORMED, raw_features=of_raw, identifiers=frozenset({"id"})
    )
    result = compare(reference, served, Policy(), Counter())
    assert {finding.feature for finding in result.findings if finding.severity is Severity.ERROR} == {
        "bucket"
    }
