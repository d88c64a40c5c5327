"""Results of parts of a join put together: sums, the first samples and troubles, and what is bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.joining import counts, outcome
from trueserve.transforms.joining.counts import (
    BASE_COUNT,
    MORE_FEATURES,
    TEST_COUNT,
    WIDTH,
    Joined,
    RowCounts,
    RowPosition,
    Sampled,
)
from trueserve.transforms.joining.outcome import SideOutput
from trueserve.transforms.joining.piece import Side
from trueserve.transforms.logs.features import Array


def feature(matches: int = 0, base: int = 0, test: int = 0) -> Array:
    made = np.zeros(WIDTH, np.int64)
    made[counts.FeatureOutcome.MATCH], made[BASE_COUNT], made[TEST_COUNT] = matches, base, test
    return made


def sampled(rank: int, record: int = 0) -> Sampled:
    return Sampled(rank, RowPosition("a", record), RowPosition("b", 0), {})


def test_rows_and_features_are_summed_and_conflicts_united() -> None:
    parts = [
        Joined(RowCounts(examples=1, pairs=2), {"x": feature(1, 1)}, conflicts=frozenset({"p"})),
        Joined(RowCounts(examples=3, mismatched=4), {"x": feature(2, 1), "y": feature(5, 1)}),
        Joined(conflicts=frozenset({"q"})),
    ]
    total = counts.total(parts, 3)
    assert total.rows == RowCounts(examples=4, pairs=2, mismatched=4)
    assert {name: values.tolist() for name, values in total.features.items()} == {
        "x": feature(3, 2).tolist(),
        "y": feature(5, 1).tolist(),
    }
    assert total.conflicts == {"p", "q"}
    assert counts.total([], 3) == Joined()


@pytest.mark.parametrize("most", [0, 1, 3])
def test_the_samples_of_the_least_rank_are_kept_in_order(most: int) -> None:
    every = [sampled(7), sampled(2, 9), sampled(2, 1), sampled(5)]
    parts = [Joined(samples=tuple(every[:2])), Joined(samples=tuple(every[2:]))]
    assert counts.total(parts, most).samples == tuple([every[2], every[1], every[3]][:most])


def test_strange_features_beyond_a_thousand_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_STRANGE", 2)
    strange = {"c": feature(test=1), "b": feature(test=1), "a": feature(test=3)}
    known = {"x": feature(1, 1, 1), "z": feature(0, 5)}
    two = {name: strange[name] for name in "ab"} | known
    assert counts.total([Joined(features=two)], 0).features.keys() == {"a", "b", "x", "z"}
    bounded = counts.total([Joined(features=strange | known | {MORE_FEATURES: feature(test=4)})], 0).features
    # In the most requests first, then by name.
    assert bounded.keys() == {"a", "b", "x", "z", MORE_FEATURES}
    assert bounded[MORE_FEATURES].tolist() == feature(test=5).tolist()
    again = counts.total([Joined(features=bounded), Joined(features={"d": feature(test=9)})], 0).features
    assert again.keys() == {"a", "d", "x", "z", MORE_FEATURES}
    assert again[MORE_FEATURES].tolist() == feature(test=6).tolist()


def reject(record: int, file: str = "a") -> Reject:
    return Reject(file, record, "bad", f"why {record}")


def items(elements: Sequence[outcome.Element], side: Side) -> list[object]:
    return [element.item for element in elements if isinstance(element, SideOutput) and element.side is side]


def test_each_side_keeps_its_first_three_rejects_and_faults() -> None:
    faults = [Fault("b", "truncated", "short", 5), Fault("b", "truncated", "short"), Fault("a", "gone", "no")]
    base, test = Side
    elements: list[outcome.Element] = [
        *(SideOutput(base, reject(record)) for record in (4, 2, 9, 3)),
        *(SideOutput(test, fault) for fault in (*faults, Fault("c", "x", "y"))),
        SideOutput(base, Accounting(read=2)),
        SideOutput(base, Accounting(read=3)),
        Joined(RowCounts(pairs=1)),
        Joined(RowCounts(pairs=2)),
    ]
    compacted = outcome.compact(elements, 1)
    assert compacted[0] == Joined(RowCounts(pairs=3))
    accounting, *rejects = items(compacted, base)
    assert isinstance(accounting, Accounting)
    assert accounting.read == 5
    assert rejects == [reject(2), reject(3), reject(4)]
    # By file, then by place; what has no place is first.
    assert items(compacted, test)[1:] == [faults[2], faults[1], faults[0]]
    assert outcome.compact(compacted, 1) == compacted


def test_the_launcher_gets_counts_and_troubles_by_side() -> None:
    base, test = Side
    elements: list[outcome.Element] = [
        SideOutput(base, Accounting(read=3, decoded=1)),
        SideOutput(base, reject(2)),
        SideOutput(test, Fault("c", "truncated", "it ends early")),
    ]
    reading = outcome.to_json(elements, 1)["reading"]
    assert [*reading] == [base.name.lower(), test.name.lower()]
    first, second = reading.values()
    assert (first["unaccounted"], first["faults"], first["rejects"]) == (2, [], ["a, record 2: why 2"])
    assert (second["unaccounted"], second["rejects"]) == (0, [])
    assert second["faults"] == [str(Fault("c", "truncated", "it ends early"))]
