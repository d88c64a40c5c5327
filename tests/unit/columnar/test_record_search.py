"""Where the next record begins, from any byte of a file, whatever the records hold; and records of ranges."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueserve.transforms.columnar.record_search import first_record, read_range
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.section import WrongCutError
from trueserve.transforms.files.tfrecord import TFRecordError, frame, masked_crc32c

RECORDS = [b"", b"a", b"12345678", b"x" * 50, b"\0" * 40, b"", b"", b"end"]
INNER = b"".join(map(frame, [b"in", b"", b"ner", b"y" * 20]))


def starts_of(records: Sequence[bytes]) -> list[int]:
    """Where each record begins in a file of them, and where the last ends."""
    return [0, *itertools.accumulate(len(frame(record)) for record in records)]


def in_range(data: bytes, start: int, stop: int, look_back: int) -> list[bytes]:
    blocks = read_range(io.BytesIO(data), start, stop, look_back)
    return [block.record(i) for block in blocks for i in range(len(block))]


def fault_of(data: bytes, cuts: Sequence[int], look_back: int = 1 << 20) -> tuple[list[bytes], str]:
    """The records before the first fault, and the fault."""
    records: list[bytes] = []
    for start, stop in itertools.pairwise([0, *cuts, END_OF_FILE]):
        try:
            for block in read_range(io.BytesIO(data), start, stop, look_back):
                records += [block.record(i) for i in range(len(block))]
        except (TFRecordError, WrongCutError) as error:
            return records, str(error)
    return records, ""


@pytest.mark.parametrize("look_back", [0, 1, 13, 60, 1000])
def test_the_first_record_at_or_after_any_byte(look_back: int) -> None:
    data, starts = b"".join(map(frame, RECORDS)), starts_of(RECORDS)
    for at in range(len(data) + 1):
        expected = next(start for start in starts if start >= at)
        first = first_record(io.BytesIO(data), at, END_OF_FILE, look_back)
        assert first == expected or (first is None and expected == len(data)), at


@pytest.mark.parametrize("look_back", [0, 13, 60, 1000])
def test_two_ranges_hold_the_records_of_the_file_wherever_it_is_cut(look_back: int) -> None:
    data = b"".join(map(frame, RECORDS))
    for at in range(1, len(data) + 5):
        parts = [in_range(data, *span, look_back) for span in [(0, at), (at, END_OF_FILE)]]
        assert [*parts[0], *parts[1]] == RECORDS, at
        assert len(parts[0]) == sum(start < at for start in starts_of(RECORDS)[:-1])


def test_what_a_record_holds_is_not_taken_for_records() -> None:
    records = [*RECORDS, INNER, b"a" + INNER + b"b" * 30, INNER[:-1], INNER + INNER]
    data, starts = b"".join(map(frame, records)), starts_of(records)
    # The search begins before the record that holds others.
    longest = max(map(len, records)) + 16
    for at in range(len(data)):
        first = first_record(io.BytesIO(data), at, END_OF_FILE, longest)
        assert first == next(start for start in starts if start >= at), at


def test_a_cut_in_a_record_that_is_too_long_to_look_back_over_is_found_out() -> None:
    records = [b"first", INNER * 3, b"last"]
    data, wrong = b"".join(map(frame, records)), 0
    for at in range(1, len(data)):
        given_records, fault = fault_of(data, [at], look_back=0)
        assert given_records == records or WRONG_CUT_TEXT in fault, at
        wrong += bool(fault)
    assert 0 < wrong < len(INNER) * 3 + 16


WRONG_CUT_TEXT = "the file was cut within a record that holds records; read files whole with --range_mib=0"


def test_a_wrong_cut_says_where_and_why() -> None:
    data = frame(INNER * 3)
    with pytest.raises(WrongCutError) as raised:
        in_range(data, 0, 20, 0)
    assert raised.value.detail == WRONG_CUT_TEXT
    assert data[raised.value.offset :].startswith(frame(b""))


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("look_back", [0, 30, 1000])
def test_a_damaged_byte_gives_the_same_fault_wherever_the_file_is_cut(look_back: int) -> None:
    data = b"".join(map(frame, [b"a" * 9, b"b", b"", b"c" * 5]))
    for broken in [
        *(damaged(data, at) for at in range(len(data))),
        *(data[:end] for end in range(len(data))),
    ]:
        expected = fault_of(broken, [])
        for at in range(1, len(data), 2):
            assert fault_of(broken, [at], look_back) == expected, at


def test_headers_that_claim_what_is_not_there_are_passed_over() -> None:
    length = struct.pack("<Q", 1 << 30)
    liar = length + struct.pack("<I", masked_crc32c(length))
    data = frame(liar * 50) + frame(b"next")
    assert first_record(io.BytesIO(data), 5, END_OF_FILE, 0) == len(frame(liar * 50))
    assert first_record(io.BytesIO(data), 5, 100, 0) is None


records_in_records = st.recursive(
    st.binary(max_size=12), lambda inner: st.lists(inner, max_size=3).map(lambda r: b"".join(map(frame, r)))
)


@settings(max_examples=60)
@given(st.lists(records_in_records, min_size=1, max_size=6), st.data(), st.integers(0, 80))
def test_never_other_records_than_those_of_the_file(
    records: list[bytes], data: st.DataObject, look_back: int
) -> None:
    content = b"".join(map(frame, records))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(content)), max_size=4)))
    given_records, fault = fault_of(content, cuts, look_back)
    assert given_records == records or WRONG_CUT_TEXT in fault
    if look_back >= max(map(len, records)) + 16:
        assert not fault
