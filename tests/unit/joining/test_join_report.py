"""What is said of a join: sums over partitions, join.json, and why nothing was compared."""

from __future__ import annotations

import base64
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.joining import counts, outcome, report
from trueserve.transforms.joining.counts import FeatureOutcome, Joined, RowCounts, RowPosition, Sampled
from trueserve.transforms.joining.outcome import SideOutput
from trueserve.transforms.joining.piece import Side

HERE = RowPosition("a", 1)


def sampled(rank: int, **fields: Any) -> Sampled:
    return Sampled(rank, HERE, RowPosition("b", rank), {FeatureOutcome.MISMATCH: ("x",)}, **fields)


def feature(**by_name: int) -> np.ndarray[Any, Any]:
    result = np.zeros(counts.WIDTH, np.int64)
    for name, count in by_name.items():
        result[
            {"base": counts.BASE_COUNT, "test": counts.TEST_COUNT}.get(name) or FeatureOutcome[name.upper()]
        ] = count
    return result


def test_parts_are_summed() -> None:
    total = counts.total(
        [
            Joined(
                RowCounts(examples=2, pairs=1),
                {"x": feature(match=1, base=1)},
                (sampled(5),),
                frozenset({"c"}),
            ),
            Joined(RowCounts(examples=3, requests=1), {"x": feature(match=2, base=2), "y": feature(base=1)}),
            Joined(samples=(sampled(2), sampled(9)), conflicts=frozenset({"d"})),
        ],
        samples=2,
    )
    assert total.rows == RowCounts(examples=5, requests=1, pairs=1)
    assert {name: cells.tolist() for name, cells in total.features.items()} == {
        "x": feature(match=3, base=3).tolist(),
        "y": feature(base=1).tolist(),
    }
    assert [sample.rank for sample in total.samples] == [2, 5]
    assert total.conflicts == {"c", "d"}


def test_samples_of_one_key_go_by_their_places() -> None:
    first, second = Sampled(1, HERE, RowPosition("b", 1), {}), Sampled(1, HERE, RowPosition("b", 2), {})
    assert counts.total([Joined(samples=(second,)), Joined(samples=(first,))], 1).samples == (first,)


def test_features_of_requests_alone_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_STRANGE", 2)
    features = {
        "rare": feature(test=1),
        "b": feature(test=3),
        "a": feature(test=3),
        "common": feature(test=9),
    }
    two = counts.total([Joined(features={"a": features["a"], "b": features["b"], "x": feature(base=1)})], 0)
    assert set(two.features) == {"a", "b", "x"}
    total = counts.total([Joined(features={**features, "x": feature(base=1)})], 0)
    assert set(total.features) == {"a", "common", "x", counts.MORE_FEATURES}
    assert total.features[counts.MORE_FEATURES][counts.TEST_COUNT] == 4
    again = counts.total([total, Joined(features={"new": feature(test=2)})], 0)
    assert again.features[counts.MORE_FEATURES][counts.TEST_COUNT] == 6
    assert set(again.features) == {"a", "common", "x", counts.MORE_FEATURES}


def test_what_a_join_found_as_json() -> None:
    rows = RowCounts(compared=10, matched=6, mismatched=4)
    features = {
        "same": feature(match=10, base=10, test=10),
        "b": feature(match=8, mismatch=1, base_only=1, base=10, test=9),
        "a": feature(match=7, test_only=2, empty_only=1, base=7, test=9),
        "c": feature(mismatch=2, base_only=1, test_only=3, match=4),
    }
    result = report.to_json(Joined(rows, features, (sampled(1),), frozenset({"z", "y"})))
    assert [entry["feature"] for entry in result["features"]] == ["c", "a", "b", "same"]
    assert result["features"][0] == {
        "feature": "c",
        "base_count": 0,
        "test_count": 0,
        "match_count": 4,
        "mismatch_count": 2,
        "base_only": 1,
        "test_only": 3,
        "diff_count": 6,
        "empty_only": 0,
        "rates": {"match": 0.4, "mismatch": 0.2, "base_only": 0.1, "test_only": 0.3},
    }
    assert (result["features"][1]["diff_count"], result["features"][1]["empty_only"]) == (2, 1)
    assert (result["features"][2]["base_count"], result["features"][2]["test_count"]) == (10, 9)
    assert result["conflicts"] == ["y", "z"]
    assert (result["counts"]["compared"], result["counts"]["mismatched"]) == (10, 4)
    assert result["samples"] == [
        {
            "example": {"file": "a", "record": 1},
            "request": {"file": "b", "record": 1},
            "differs": {"mismatch": ["x"]},
        }
    ]


def test_values_of_samples_are_short_and_json() -> None:
    values = {
        "x": ([1.5, math.inf, math.nan], None),
        "text": ([b"a" * 201, "zwölf".encode()], [b"\xff" * 201]),
        "many": (list(range(21)), []),
    }
    [sample] = report.to_json(Joined(samples=(sampled(1, key=([7], [b"id"]), values=values),)))["samples"]
    assert sample["key"] == [[7], ["id"]]
    assert sample["values"]["x"] == {"base": [1.5, "inf", "nan"], "test": None}
    assert sample["values"]["text"]["base"] == ["a" * 200, "zwölf"]
    assert len(base64.b64decode(sample["values"]["text"]["test"][0]["base64"])) == 200
    assert sample["values"]["many"] == {"base": list(range(20)), "test": []}
    [bare] = report.to_json(Joined(samples=(sampled(1, key=([7],)),)))["samples"]
    assert "key" not in bare


READING = {"examples": {"counts": {"read": 3}}, "requests": {"counts": {"read": 4}}}


def result_of(compared: int, mismatched: int, *, base: int = 1, test: int = 0) -> dict[str, Any]:
    return {
        "counts": {"compared": compared, "mismatched": mismatched},
        "features": [{"base_count": 0, "test_count": 0}, {"base_count": base, "test_count": test}],
        "samples": [],
        "reading": READING,
    }


@pytest.mark.parametrize(
    ("result", "verdict", "code"),
    [
        (result_of(5, 1), "differs", 1),
        (result_of(5, 0), "same", 0),
        (result_of(5, 0, base=0, test=1), "same", 0),
        (result_of(5, 0, base=0), "not_examined", 4),
        (result_of(0, 0), "not_examined", 4),
    ],
)
def test_the_verdict_of_a_join(result: dict[str, Any], verdict: str, code: int) -> None:
    document = report.document(result, {"key": ["id"]}, {"b": "why b", "a": "why a"})
    assert (document["result"], document["exit_code"], document["format_version"]) == (verdict, code, 1)
    assert document["key"] == ["id"]
    assert document["reading"] == {"examples": {"read": 3}, "requests": {"read": 4}}
    assert document["not_compared"] == [
        {"feature": "a", "reason": "why a"},
        {"feature": "b", "reason": "why b"},
    ]


NONE = dict.fromkeys(
    ("compared", "examples", "requests", "examples_without_key", "requests_without_key", "pairs"), 0
)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"compared": 1200}, "1,200 pairs have no feature to compare"),
        ({}, "the examples hold no row"),
        ({"examples": 1}, "the requests hold no row"),
        ({"examples_without_key": 5}, "no row of the examples has the key (5 lack it)"),
        ({"examples": 1, "requests_without_key": 1500}, "no row of the requests has the key (1,500 lack it)"),
        ({"examples": 1, "requests": 1, "pairs": 2}, "stands more than once"),
        ({"examples": 1, "requests": 1}, "no key in common"),
    ],
)
def test_why_nothing_was_compared(changes: dict[str, int], text: str) -> None:
    assert text in report.why_nothing({**NONE, **changes})


def accounting(read: int, **fields: Any) -> Accounting:
    return Accounting(read=read, **fields)


def test_elements_are_compacted_for_each_side() -> None:
    elements: list[outcome.Element] = [
        Joined(RowCounts(examples=1)),
        SideOutput(Side.REQUESTS, accounting(2)),
        SideOutput(Side.EXAMPLES, accounting(3)),
        SideOutput(Side.REQUESTS, accounting(5)),
        Joined(RowCounts(examples=2)),
        *(
            SideOutput(Side.REQUESTS, Reject("f", record, "why", f"detail {record}"))
            for record in (9, 4, 7, 5)
        ),
        SideOutput(Side.EXAMPLES, Fault("g", "why", "a fault")),
    ]
    compacted = outcome.compact(elements, 3)
    assert [element for element in compacted if isinstance(element, Joined)] == [
        Joined(RowCounts(examples=3))
    ]
    of_requests = outcome._items(compacted, Side.REQUESTS)
    assert [item.record for item in of_requests if isinstance(item, Reject)] == [4, 5, 7]
    assert [item.read for item in of_requests if isinstance(item, Accounting)] == [7]
    result = outcome.to_json(compacted, 3)
    assert result["reading"]["examples"]["counts"]["read"] == 3
    assert result["reading"]["examples"]["unaccounted"] == 3
    assert len(result["reading"]["examples"]["faults"]) == 1
    assert result["reading"]["requests"]["rejects"] == [f"f, record {i}: detail {i}" for i in (4, 5, 7)]


def test_faults_without_a_place_come_first() -> None:
    faults = [Fault("g", "why", str(offset), offset) for offset in (5, None, 2, 3)]
    compacted = outcome.compact([SideOutput(Side.EXAMPLES, fault) for fault in faults], 3)
    kept = [item for item in outcome._items(compacted, Side.EXAMPLES) if isinstance(item, Fault)]
    assert [fault.offset for fault in kept] == [None, 2, 3]


def test_reading_of_one_side() -> None:
    total = accounting(
        9, decoded=4, rejected=Counter(b=1, a=2), outside_window=1, no_time=1, excluded=Counter(model=1)
    )
    assert report.reading(total)["rejected"] == {"a": 2, "b": 1}
    assert [report.reading(total)[name] for name in ("read", "decoded", "outside_window", "no_time")] == [
        9,
        4,
        1,
        1,
    ]
    assert report.reading(total)["excluded"] == {"model": 1}
