"""Faults that show in what the graph makes of requests, each with a right twin, on the rides' real graph."""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from support import e2e
from support import transformed as support
from support.homes import Home
from tensorflow_metadata.proto.v0 import schema_pb2

from benchmarks import in_memory
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence.feature_difference import LENGTH
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.findings import transformed
from trueserve.transforms.verdict.model import FindingKind, Severity, Space

Change = Callable[[e2e.Row], e2e.Row]


def some(rows: list[e2e.Row], share: float, change: Change) -> list[e2e.Row]:
    """The rows with a share of them changed, the same in each run."""
    rng = random.Random(3)
    return [change(row) if rng.random() < share else row for row in rows]


def with_values(**values: object) -> Change:
    return lambda row: {**row, **{name: [value] for name, value in values.items()}}


@pytest.fixture(scope="module")
def requests(home: Home) -> list[e2e.Row]:
    return home.serving[:6000]


def test_the_graph_itself_says_which_ids_are_of_unknown_words_and_which_are_end_buckets(home: Home) -> None:
    contract = load_baseline(home.baseline).contract
    assert contract.unknown_ids == {"carrier_id": (5, 5), "tag_ids": (-1, -1)}
    assert contract.buckets == {"hour_bucket": (0, 3)}


def test_right_requests_have_no_finding(home: Home, requests: list[e2e.Row]) -> None:
    findings = support.compared(home.baseline, requests).findings
    # Lengths of lists are no matter of this module.
    assert [finding for finding in findings if finding.metric != LENGTH] == []


def test_a_few_unknown_words_are_a_finding_of_their_own(home: Home, requests: list[e2e.Row]) -> None:
    rows = some(requests, 0.015, with_values(carrier=b"ZZ"))
    [finding] = support.of(support.compared(home.baseline, rows), "carrier_id")
    assert (finding.kind, finding.severity, finding.raw_features) == (
        FindingKind.VALUES,
        Severity.ERROR,
        ("carrier",),
    )
    assert " of the words of 'carrier' are out of vocabulary" in finding.message
    assert "; in training 0.0 %" in finding.message
    assert finding.p_value is not None
    assert finding.p_value < 1e-6


@pytest.mark.parametrize(
    ("name", "output", "word"), [("carrier", "carrier_id", b"ZZ"), ("tags", "tag_ids", b"ZZ")]
)
def test_many_unknown_words_are_told_with_the_distance_that_they_make(
    home: Home, requests: list[e2e.Row], name: str, output: str, word: bytes
) -> None:
    rows = some(requests, 0.3, with_values(**{name: word}))
    findings = support.of(support.compared(home.baseline, rows), output)
    assert len([finding for finding in findings if "are out of vocabulary" in finding.message]) == 1
    assert transformed.UNKNOWN_WORDS not in {finding.metric for finding in findings}
    assert {finding.raw_features for finding in findings} == {(name,)}


def test_fewer_unknown_words_than_matter_are_none(home: Home, requests: list[e2e.Row]) -> None:
    rows = some(requests, 0.004, with_values(carrier=b"ZZ"))
    assert not [
        finding
        for finding in support.of(support.compared(home.baseline, rows), "carrier_id")
        if finding.severity is Severity.ERROR
    ]


@pytest.mark.parametrize(("hour", "side"), [(0, "first"), (23, "last")])
def test_a_bucket_at_the_end_that_fills_up_is_said_once(
    home: Home, requests: list[e2e.Row], hour: int, side: str
) -> None:
    rows = some(requests, 0.4, with_values(hour=hour))
    [finding] = support.of(support.compared(home.baseline, rows), "hour_bucket")
    assert f"the {side} bucket of 'hour' has 5" in finding.message
    assert finding.raw_features == ("hour",)


def test_a_bucket_in_the_middle_that_fills_up_is_no_saturation(home: Home, requests: list[e2e.Row]) -> None:
    rows = some(requests, 0.4, with_values(hour=9))
    [finding] = support.of(support.compared(home.baseline, rows), "hour_bucket")
    assert "bucket of" not in finding.message


def test_numbers_beyond_the_range_are_told_with_the_distance(home: Home, requests: list[e2e.Row]) -> None:
    rows = [{**row, "distance": [row["distance"][0] * 4]} for row in requests]
    [finding] = support.of(support.compared(home.baseline, rows), "distance_z")
    assert finding.kind is FindingKind.DISTRIBUTION
    assert "lie outside training's range" in finding.message
    assert finding.raw_features == ("distance",)


@pytest.mark.parametrize(
    ("values", "output"),
    [({"distance": 500.0}, "distance_z"), ({"carrier": b"AA"}, "carrier_id"), ({"hour": 9}, "hour_bucket")],
)
def test_a_feature_that_stands_still_is_called_constant(
    home: Home, requests: list[e2e.Row], values: dict[str, object], output: str
) -> None:
    rows = some(requests, 1.0, with_values(**values))
    [finding] = support.of(support.compared(home.baseline, rows), output)
    assert f"constant, one value for all of '{next(iter(values))}'" in finding.message


def test_a_feature_with_two_values_is_not_constant(home: Home, requests: list[e2e.Row]) -> None:
    rows = [{**row, "distance": [500.0 + (k == 7)]} for k, row in enumerate(requests)]
    [finding] = support.of(support.compared(home.baseline, rows), "distance_z")
    assert "constant" not in finding.message


def test_few_rows_that_happen_to_agree_are_not_constant(home: Home) -> None:
    rows = [row for row in home.serving if row["carrier"] == [b"AA"]][:5]
    assert support.of(support.compared(home.baseline, rows), "carrier_id") == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("share", "level"), [(0.05, Severity.ERROR), (0.005, Severity.WARNING)])
def test_outputs_that_are_no_finite_numbers(
    home: Home, requests: list[e2e.Row], value: float, share: float, level: Severity
) -> None:
    rows = some(requests, share, with_values(delay=value))
    findings = support.of(support.compared(home.baseline, rows), "delay_filled")
    not_finite = [finding for finding in findings if "made of 'delay' are NaN or infinite" in finding.message]
    assert [finding.severity for finding in not_finite] == [level]
    assert not_finite[0].raw_features == ("delay",)


def test_what_the_user_set_a_threshold_for_is_an_info(home: Home, requests: list[e2e.Row]) -> None:
    rows = some(requests, 0.05, with_values(hour=23))
    findings = support.compared(home.baseline, rows, Policy(linf=0.9)).findings
    assert {finding.severity for finding in findings if finding.feature == "hour_bucket"} <= {Severity.INFO}
    strict = support.compared(home.baseline, rows).findings
    assert Severity.ERROR in {finding.severity for finding in strict if finding.feature == "hour_bucket"}


def test_without_a_contract_that_knows_them_ids_are_not_guessed(home: Home, requests: list[e2e.Row]) -> None:
    plain = dataclasses.replace(support.reference(home.baseline), unknown_ids={}, buckets={})
    rows = some(requests, 0.3, with_values(carrier=b"ZZ"))
    comparison = compare(plain, support.served(home.baseline, rows), Policy(), Counter())
    assert "vocabulary" not in " ".join(finding.message for finding in support.of(comparison, "carrier_id"))


def test_values_of_one_row_count_for_no_more_than_the_row() -> None:
    """A fifth of rows has fifty unknown words each, in training and in serving; by chance a few rows more."""

    def ids(count: int, seed: int) -> View:
        random = np.random.default_rng(seed)
        rows = [
            [9] * 50 if random.random() < 0.2 else random.integers(0, 9, 50).tolist() for _ in range(count)
        ]
        batch = pa.RecordBatch.from_pydict({"ids": pa.array(rows, pa.large_list(pa.int64()))})
        schema = schema_pb2.Schema()
        feature = schema.feature.add(name="ids", type=schema_pb2.INT)
        feature.int_domain.is_categorical = True
        return views_by_feature(
            in_memory.statistics(batch, Reference(schema, Statistics(), Space.TRANSFORMED))
        )["ids"]

    training, growths = ids(5000, 1), list[transformed.Growth]()
    for seed in range(2, 32):
        growths += transformed._of_range(
            "x", transformed.UNKNOWN_WORDS, training, ids(300, seed), (9, 9), "{}{}"
        )
    assert len(growths) > 5
    assert min(growth.p_value for growth in growths) > 0.001
