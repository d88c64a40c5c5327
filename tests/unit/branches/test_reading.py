"""How reading went: what is kept of rejects and faults is bounded, and the first whatever their order."""

from __future__ import annotations

import random

import pytest

from trueserve.transforms.branches import reading
from trueserve.transforms.branches.reading import KEPT_PAYLOAD, Reading
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Decoded, Fault, Reject


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_the_first_rejects_equal_sorting_all(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "KEPT", 20)
    elements = [Reject(f"f{i % 5}", i, "r", "d") for i in range(500)]
    expected = sorted(elements)[:20]
    random.Random(parts).shuffle(elements)
    total = Reading()
    for part in range(parts):
        partial = Reading()
        for element in elements[part::parts]:
            partial.add(element)
            assert len(partial.rejects) < 40
        total.merge(partial)
        assert len(total.rejects) < 40
    assert total.result().rejects == tuple(expected)


def test_faults_without_an_offset_come_first_in_their_file() -> None:
    faults = [Fault("b", "r", "d"), Fault("a", "r", "d", 3), Fault("a", "r", "d"), Fault("a", "q", "d")]
    total = Reading()
    for fault in faults:
        total.add(fault)
    assert total.result().faults == (faults[3], faults[2], faults[1], faults[0])


def test_large_payloads_are_cut_and_it_is_said() -> None:
    large = Reject("f", 0, "r", "no tf.Example", b"x" * (KEPT_PAYLOAD + 1))
    for element in (large, Decoded(None, (large,), Accounting())):
        partial = Reading()
        partial.add(element)
        (kept,) = partial.result().rejects
        assert kept.payload == b"x" * KEPT_PAYLOAD
        assert kept.detail == "no tf.Example (the first 65,536 of 65,537 bytes are kept)"


def test_many_accountings_are_summed_as_they_come() -> None:
    total = Reading()
    for _ in range(1000):
        partial = Reading()
        partial.add(Accounting(read=2, decoded=1))
        total.merge(partial)
        assert len(total.accountings) <= 100
    assert total.result().accounting == Accounting(read=2000, decoded=1000)
