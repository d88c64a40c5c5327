"""Blocks of tf.Examples become batches: tables grow, batches end, made-up names are forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from support.scan import entry, example, floats, ints, rows_of, texts
from support.wire import decoded

from trueserve.transforms.columnar.examples import example_parser
from trueserve.transforms.columnar.examples.example_parser import ExampleParser
from trueserve.transforms.columnar.framing import block_of


def test_rooms_grow_and_keep_what_they_hold() -> None:
    long = example(
        entry(b"n", ints(*range(3000))), entry(b"f", floats(*range(700))), entry(b"t", texts(*[b"abc"] * 900))
    )
    short = example(
        entry(b"n", ints(7)), entry(b"f", floats(8.0)), entry(b"t", texts(b"z")), entry(b"u", ints(9))
    )
    rows, bad = rows_of([short, long, short, long])
    assert bad == []
    assert rows[0] == rows[2] == decoded(short)
    assert rows[1] == rows[3] == decoded(long)


def test_many_features_grow_the_table_of_names() -> None:
    wide = example(*(entry(b"feature %d" % i, ints(i)) for i in range(300)))
    assert rows_of([example(entry(b"a", ints(1))), wide])[0][1] == decoded(wide)


SINGLE = example(entry(b"n", ints(1)), entry(b"f", floats(2.0)), entry(b"t", texts(b"three")))
TWO = example(entry(b"n", ints(4, 5)), entry(b"f", floats(6.0, 7.0)), entry(b"t", texts(b"8", b"9")))
EMPTY = example(entry(b"n", ints()), entry(b"f", floats()), entry(b"t", texts()))
BROKEN = SINGLE[:-1]


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("other", [TWO, EMPTY, example(), example(entry(b"f", floats(1.0)))])
def test_rows_of_several_values_or_none_come_among_single_values(before: int, other: bytes) -> None:
    records = [*[SINGLE] * before, other, BROKEN, SINGLE, other, SINGLE]
    rows, bad = rows_of(records)
    assert bad == [before + 1]
    assert rows == [decoded(record) for record in records if record is not BROKEN]


def test_a_broken_row_leaves_single_values_as_they_were() -> None:
    rows, bad = rows_of([SINGLE, BROKEN, SINGLE])
    assert (rows, bad) == ([decoded(SINGLE)] * 2, [1])


def test_a_parser_goes_on_with_the_next_block() -> None:
    parser = ExampleParser()
    for size in (1, 50, 3, 200):
        records = [example(entry(b"a", ints(*range(i))), entry(b"b", texts(b"x" * i))) for i in range(size)]
        assert rows_of(records, parser) == ([decoded(record) for record in records], [])


@pytest.mark.parametrize("max_cells", [1, 4, 40])
def test_batches_end_before_they_have_too_many_cells(max_cells: int) -> None:
    parser = ExampleParser(max_cells)
    records = [example(*(entry(b"f%d" % i, ints(i)) for i in range(5))) for _ in range(30)]
    rows_of(records, parser)
    batches = list(parser.parse(block_of(records)))
    # Of the second block it is known that it has five columns.
    assert max(len(batch.records) for batch in batches) == max(1, max_cells // 5)
    assert [int(record) for batch in batches for record in batch.records] == list(range(30))


def test_names_that_a_log_makes_up_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_parser, "_MAX_NAMES", 10)
    parser = ExampleParser()
    used = []
    for number in range(4):
        names = [example(entry(b"%d of %d" % (i, number), ints(i))) for i in range(10 if number else 11)]
        assert rows_of(names, parser) == ([decoded(name) for name in names], [])
        used.append(int(parser._names.used[0]))
    assert used == [11, 10, 20, 10]


def test_columns_have_validity_only_where_rows_lack_them() -> None:
    [parsed] = ExampleParser().parse(
        block_of([example(entry(b"a", ints(1)), entry(b"b", ints(1))), example(entry(b"a", ints(2)))])
    )
    columns = dict(parsed.columns)
    assert columns["a"].null_count == 0
    assert columns["a"].buffers()[0] is None
    assert columns["b"].null_count == 1
    assert columns["b"].is_valid().to_pylist() == [True, False]
    assert np.array_equal(parsed.records, [0, 1])
