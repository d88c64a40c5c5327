"""Tables of names: numbers in their order, and room."""

from __future__ import annotations

from typing import Any

from numba import njit
from support.wire import array

from trueserve.transforms.columnar.examples import names


@njit  # type: ignore[untyped-decorator]
def number_of(table: Any, data: Any, start: int, length: int) -> Any:
    return names.number_of(table, data, start, length)


@njit  # type: ignore[untyped-decorator]
def add_name(table: Any, data: Any, start: int, length: int) -> Any:
    number, slot = names.number_of(table, data, start, length)
    return names.add_name(table, slot, data, start, length) if number == names.NO_ROOM else number


def test_names_have_numbers_in_their_order() -> None:
    table = names.new_names(4, 20)
    data = array(b"abcabcdxyz")
    assert [add_name(table, data, 0, 3), add_name(table, data, 3, 4), add_name(table, data, 3, 3)] == [
        0,
        1,
        0,
    ]
    assert add_name(table, data, 7, 0) == 2
    assert [names.name_of(table, number) for number in range(3)] == [b"abc", b"abcd", b""]
    assert number_of(table, data, 7, 3)[0] == names.NO_ROOM
    assert table.used.tolist() == [3, 7]


def test_a_full_table_grows_and_keeps_its_numbers() -> None:
    table, labels = names.new_names(2, 8), [b"name %d" % i for i in range(50)]
    for number, word in enumerate(labels):
        while (given := add_name(table, array(word), 0, len(word))) == names.NO_ROOM:
            table = names.grown(table, len(word))
        assert given == number
    assert [names.name_of(table, i) for i in range(50)] == labels
    assert [number_of(table, array(word), 0, len(word))[0] for word in labels] == list(range(50))
    assert (len(table.hashes), len(table.slots)) == (64, 128)


def test_room_for_a_name_is_in_the_table_and_in_the_bytes() -> None:
    table = names.new_names(2, 3)
    assert add_name(table, array(b"abcd"), 0, 4) == names.NO_ROOM
    assert add_name(table, array(b"abc"), 0, 3) == 0
    assert add_name(table, array(b"d"), 0, 1) == names.NO_ROOM
    larger = names.grown(table, 1)
    assert (len(larger.hashes), len(larger.arena)) == (2, 6)
    assert [add_name(larger, array(b"d"), 0, 1), add_name(larger, array(b"e"), 0, 1)] == [1, names.NO_ROOM]
    largest = names.grown(larger, 100)
    assert (len(largest.hashes), len(largest.arena)) == (4, 104)
    assert largest.used.tolist() == [2, 4]


def test_what_followed_a_name_is_kept() -> None:
    table = names.new_names(2, 20)
    for word in (b"a", b"b"):
        add_name(table, array(word), 0, 1)
    table.follows[:] = [1, 0, 1]
    assert names.grown(table, 5).follows.tolist() == [1, 0, 1, 0, 0]
