"""Ranges of files put together again: in order, up to the first fault, whatever order they come in."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter

import pytest

from trueserve.transforms.branches import ranges_read
from trueserve.transforms.branches.reading import Reading
from trueserve.transforms.core.accounting import Accounting, RecordCounts
from trueserve.transforms.core.batches import Decoded, Fault, InRange, Reject
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import FileRange

FAULT = Fault("a", "checksum", "checksum error", 70)


def read(number: int, records: int, rejected: int | None = None, fault: Fault | None = None) -> Reading:
    """What is read of a range of so many records, of which one may be a reject."""
    part, reading = FileRange(FileSize("a", 100), number), Reading()
    rejects = () if rejected is None else (Reject("a", part.first_record + rejected, "r", "d"),)
    counts = RecordCounts(records, records - len(rejects), Counter(r=len(rejects)))
    files = int(number == 0)
    accounting = Accounting(records, counts.decoded, counts.rejected, files=files, by_file={"a": counts})
    reading.add(InRange("a", number, Decoded(None, rejects, accounting)))
    if fault is not None:
        reading.add(InRange("a", number, fault))
    return reading


@pytest.mark.parametrize("unjoined", [0, 100])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_records_have_their_numbers_in_the_file_in_whatever_order_ranges_come(
    order: tuple[int, ...], unjoined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges_read, "_UNJOINED", unjoined)
    parts = [read(0, 5, 4), read(1, 0), read(2, 7, 0), read(3, 3, 2)]
    total = Reading()
    for number in order:
        total.merge(pickle.loads(pickle.dumps(parts[number])))
    summary = total.result()
    assert [reject.record for reject in summary.rejects] == [4, 5, 14]
    assert (summary.accounting.read, summary.accounting.files, summary.numbering.lost) == (15, 1, False)
    assert summary.accounting.by_file == {"a": RecordCounts(15, 12, Counter(r=3))}
    assert summary.numbering.number("b", 3) == 3
    assert total.result() == summary


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_nothing_counts_that_is_after_the_first_fault(order: tuple[int, ...]) -> None:
    later = Fault("a", "truncated", "truncated", 90)
    parts = [read(0, 5, 1), read(1, 2, 0, FAULT), read(2, 4, 0, later)]
    total = Reading()
    for number in order:
        total.merge(parts[number])
    summary = total.result()
    assert summary.faults == (FAULT,)
    assert [reject.record for reject in summary.rejects] == [1, 5]
    assert (summary.accounting.read, summary.accounting.files) == (7, 0)
    assert summary.numbering.lost
    assert summary.numbering.number("a", FileRange(FileSize("a", 1), 2).first_record) is None


def test_a_fault_with_nothing_after_it_loses_nothing() -> None:
    total = read(0, 5)
    total.merge(read(1, 0, fault=FAULT))
    assert not total.result().numbering.lost
    total.merge(read(2, 0, fault=FAULT))
    assert not total.result().numbering.lost
    assert total.result().faults == (FAULT,)


def test_a_file_that_has_a_fault_before_its_first_record_has_no_counts() -> None:
    total = read(0, 0)
    total.merge(read(1, 0, fault=FAULT))
    assert total.result().accounting.by_file == {}


def test_ranges_that_follow_one_another_take_the_memory_of_one() -> None:
    total = Reading()
    for number in range(1000):
        total.merge(read(number, 3))
    assert len(total.ranges._runs) <= 2 * ranges_read._UNJOINED
    assert total.result().accounting.read == 3000
