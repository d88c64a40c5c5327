"""Serialized tf.Examples, byte by byte: what compiled code reads, and what it leaves to protobuf."""

from __future__ import annotations

import struct

import pytest
from support.scan import Row, entry, example, floats, ints, rows_of, texts
from support.wire import decoded, field, varint

from trueserve.transforms.columnar.examples import store as st
from trueserve.transforms.columnar.examples.append import DONE, MORE_COLUMNS, MORE_NAMES, MORE_VALUES, UNUSUAL
from trueserve.transforms.columnar.examples.names import name_of, new_names
from trueserve.transforms.columnar.examples.scan import scan_examples
from trueserve.transforms.columnar.framing import block_of


def test_a_long_entry_is_not_taken_for_a_short_one() -> None:
    """Its length of two bytes and the tag of its key look like a length, a tag and the length of a name."""
    name = b"\x0fabcdefghi"
    key = name[1:] + bytes([0x12, 114, 0x0A, 112, 0x0A, 110])
    inner = entry(b"z", texts(b"y" * 1138))
    long = entry(key, texts(b"x" * 101 + inner))
    assert (long[:4], len(long)) == (b"\x0a\x80\x0a\x0a", 1283)
    records = [example(entry(name, texts(b"n"))), example(long)]
    assert rows_of(records) == ([decoded(record) for record in records], [])


def scanned(record: bytes) -> int:
    """The state that compiled code leaves a record in, with room for everything."""
    names, store = new_names(64, 4096), st.new_store(64)
    store = st.begin(store, 2, 0.0)
    block = block_of([record])
    for _ in range(50):
        done, state, column, values, num_bytes = scan_examples(
            block.data, block.starts, block.ends, 0, names, store
        )
        assert done == (state == DONE)
        if state == MORE_VALUES:
            store = st.with_room(store, column, values, num_bytes)
        elif state == MORE_COLUMNS:
            store = st.with_spare_room(store)
        else:
            return int(state)
    raise AssertionError("there is never room")


USUAL: dict[str, tuple[bytes, Row]] = {
    "nothing": (b"", {}),
    "no features": (b"\x0a\x00", {}),
    "floats": (example(entry(b"a", floats(1.5, -2.0))), {("a", "float"): [1.5, -2.0]}),
    "no floats": (example(entry(b"a", floats())), {("a", "float"): []}),
    "an empty list of floats": (example(entry(b"a", field(2, b""))), {("a", "float"): []}),
    "one float that is not packed": (
        example(entry(b"a", field(2, b"\x0d" + struct.pack("<f", 2.5)))),
        {("a", "float"): [2.5]},
    ),
    "floats packed and not": (
        example(
            entry(
                b"a",
                field(2, field(1, struct.pack("<2f", 1, 2)) + b"\x0d" + struct.pack("<f", 3) + field(1, b"")),
            )
        ),
        {("a", "float"): [1.0, 2.0, 3.0]},
    ),
    "ints": (
        example(entry(b"a", ints(0, 1, -1, 127, 128, 2**63 - 1, -(2**63)))),
        {("a", "int"): [0, 1, -1, 127, 128, 2**63 - 1, -(2**63)]},
    ),
    "ints that are not packed": (
        example(entry(b"a", field(3, b"\x08" + varint(300) + b"\x08\x05"))),
        {("a", "int"): [300, 5]},
    ),
    "ints packed and not": (
        example(entry(b"a", field(3, b"\x08\x07" + field(1, b"\x05\x06") + b"\x08\x01"))),
        {("a", "int"): [7, 5, 6, 1]},
    ),
    "no ints": (example(entry(b"a", field(3, b""))), {("a", "int"): []}),
    "bytes": (
        example(entry(b"a", texts(b"", b"xy", b"\xff" * 300))),
        {("a", "bytes"): [b"", b"xy", b"\xff" * 300]},
    ),
    "no bytes": (example(entry(b"a", texts())), {("a", "bytes"): []}),
    "a feature without a kind": (example(entry(b"a", b"")), {}),
    "an entry without a value": (example(field(1, field(1, b"a"))), {}),
    "an empty name": (example(entry(b"", ints(1))), {("", "int"): [1]}),
    "several features": (
        example(entry(b"b", ints(1)), entry(b"a", floats(2.0)), entry("zwölf".encode(), texts(b"x"))),
        {("b", "int"): [1], ("a", "float"): [2.0], ("zwölf", "bytes"): [b"x"]},
    ),
    "features in two pieces": (
        example(entry(b"a", ints(1))) + example(entry(b"b", ints(2))),
        {("a", "int"): [1], ("b", "int"): [2]},
    ),
    "a length in two bytes": (example(entry(b"a" * 200, ints(4))), {("a" * 200, "int"): [4]}),
}
# What protobuf makes of it, None for what is no example.
UNUSUALLY: dict[str, tuple[bytes, Row | None]] = {
    "a name twice": (example(entry(b"a", ints(1)), entry(b"a", ints(2))), {("a", "int"): [2]}),
    "an empty feature twice": (example(entry(b"a", b""), entry(b"a", ints(2))), {("a", "int"): [2]}),
    "two kinds": (example(entry(b"a", ints(1) + floats(2.0))), {("a", "float"): [2.0]}),
    "one kind in two pieces": (example(entry(b"a", ints(1) + ints(2))), {("a", "int"): [1, 2]}),
    "value before name": (example(field(1, field(2, ints(1)) + field(1, b"a"))), {("a", "int"): [1]}),
    "an unknown field of the example": (example(entry(b"a", ints(1))) + field(4, b"x"), {("a", "int"): [1]}),
    "an unknown field of the features": (
        example(entry(b"a", ints(1)), field(5, b"x")),
        {("a", "int"): [1]},
    ),
    "an unknown field of an entry": (
        example(field(1, field(1, b"a") + field(2, ints(1)) + field(3, b"x"))),
        None,
    ),
    "an unknown kind": (example(entry(b"a", field(4, b"x"))), {}),
    "an unknown field of a list": (
        example(entry(b"a", field(3, field(1, b"\x01") + field(2, b"")))),
        {("a", "int"): [1]},
    ),
    "a name that is no text": (example(entry(b"\xff", ints(1))), None),
    "half a float": (example(entry(b"a", field(2, field(1, b"\x00" * 6)))), None),
    "a float that ends early": (example(entry(b"a", field(2, b"\x0d\x00\x00\x00"))), None),
    "a number that ends early": (example(entry(b"a", field(3, field(1, b"\x80")))), None),
    "an unpacked number that ends early": (example(entry(b"a", field(3, b"\x08\x80"))), None),
    "a number of eleven bytes": (example(entry(b"a", field(3, field(1, b"\x80" * 10 + b"\x01")))), None),
    "text that ends early": (example(entry(b"a", field(1, b"\x0a\x05x"))), None),
    "features that end early": (b"\x0a\x05\x0a", None),
    "an entry that ends early": (b"\x0a\x03\x0a\x09\x0a", None),
    "a name that ends early": (example(field(1, b"\x0a\x05a")), None),
    "no features but bytes": (b"\x0a\x00\x0a\x00", None),
    "one byte": (b"\x0a", None),
    "two bytes that are no empty features": (b"\x12\x00", None),
    "a length beyond the end": (b"\x0a" + varint((1 << 63) - 1), None),
}


@pytest.mark.parametrize("name", USUAL)
def test_usual_records_are_read_by_compiled_code(name: str) -> None:
    record, expected = USUAL[name]
    assert scanned(record) == DONE
    assert rows_of([record]) == ([expected], [])


@pytest.mark.parametrize("name", UNUSUALLY)
def test_unusual_records_are_left_to_protobuf(name: str) -> None:
    record, expected = UNUSUALLY[name]
    assert scanned(record) == UNUSUAL
    assert decoded(record) == expected
    assert rows_of([record]) == (([expected], []) if expected is not None else ([], [0]))


def test_a_number_of_more_than_64_bits_is_protobufs_to_cut() -> None:
    most, beyond = (
        example(entry(b"a", field(3, field(1, b"\xff" * 9 + last)))) for last in (b"\x01", b"\x02")
    )
    assert (scanned(most), scanned(beyond)) == (DONE, UNUSUAL)
    assert rows_of([most, beyond]) == ([{("a", "int"): [-1]}, decoded(beyond)], [])


def test_records_of_all_kinds_in_one_block() -> None:
    records = [record for record, _ in (*USUAL.values(), *UNUSUALLY.values())]
    expected = [decoded(record) for record in records]
    rows, bad = rows_of(records)
    assert rows == [row for row in expected if row is not None]
    assert bad == [i for i, row in enumerate(expected) if row is None]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_record_that_ends_early_takes_nothing_of_what_follows(cut: int) -> None:
    complete = example(entry(b"a", floats(1.5, 2.5)), entry(b"b", ints(1, -1)), entry(b"c", texts(b"xyz")))
    records = [complete, complete[:cut], complete[cut:], complete]
    expected = [decoded(record) for record in records]
    rows, bad = rows_of(records)
    assert (rows, bad) == (
        [row for row in expected if row is not None],
        [i for i, row in enumerate(expected) if row is None],
    )


def test_what_a_bad_record_began_with_is_taken_back() -> None:
    good, half = entry(b"a", ints(1, 2)), field(3, field(1, b"\x80"))
    broken = example(entry(b"a", ints(7)), entry(b"t", texts(b"lost")), entry(b"b", half))
    rows, bad = rows_of([example(good), broken, example(good, entry(b"t", texts(b"kept")))])
    assert bad == [1]
    assert rows == [{("a", "int"): [1, 2]}, {("a", "int"): [1, 2], ("t", "bytes"): [b"kept"]}]


def test_a_feature_in_two_types_is_two_columns() -> None:
    rows, _ = rows_of([example(entry(b"a", ints(1))), example(entry(b"a", floats(1.0))), example()])
    assert rows == [{("a", "int"): [1]}, {("a", "float"): [1.0]}, {}]


def test_what_the_scan_says_of_room() -> None:
    names, store = new_names(64, 4096), st.begin(st.new_store(64), 3, 0.0)
    records = [example(entry(b"a", ints(5))), example(entry(b"a", texts(b"x" * 300)))]
    block = block_of(records)

    def scan(first: int) -> tuple[int, ...]:
        return scan_examples(block.data, block.starts[first:], block.ends[first:], first, names, store)

    # The column of bytes 0 has room for 256 of them.
    assert scan(0) == (1, MORE_VALUES, 0, 303 // 2, 303)
    assert name_of(names, 0) == b"a"
    store = st.with_room(store, 0, 303 // 2, 303)
    assert scan(1) == (1, DONE, 0, 0, 0)


def test_names_without_room() -> None:
    names, store = new_names(64, 4), st.begin(st.new_store(64), 2, 0.0)
    block = block_of([example(entry(b"12345", b""))])
    result = scan_examples(block.data, block.starts, block.ends, 0, names, store)
    assert result == (0, MORE_NAMES, 0, 0, 5)
    assert int(names.used[0]) == 0
    few = st.begin(st.new_store(1), 2, 0.0)
    two = block_of([example(entry(b"1", b""), entry(b"2", b""))])
    assert scan_examples(two.data, two.starts, two.ends, 0, new_names(64, 64), few)[:2] == (0, MORE_NAMES)


def test_a_long_list_of_numbers_is_counted_before_room_is_made() -> None:
    # Four thousand bytes hold four hundred numbers of ten bytes; two bytes of the list's head may be others.
    record = example(entry(b"a", ints(*[-1] * 400)))
    names, store = new_names(64, 4096), st.begin(st.new_store(64), 2, 0.0)
    block = block_of([record])
    assert scan_examples(block.data, block.starts, block.ends, 0, names, store)[1:4] == (MORE_VALUES, 2, 402)
