"""CSV in ranges: rows are those of the file wherever it is cut, and a cut within a row is found out."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import logs

from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.section import WrongCutError
from trueserve.transforms.logs.carriers import csv_ranges, csv_records
from trueserve.transforms.logs.carriers.csv_ranges import Header, header_of, open_csv, open_rows
from trueserve.transforms.logs.carriers.csv_tables import decode_csv
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.rows.rows import RecordPosition


def written(rows: Sequence[Sequence[str]], end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue().encode()


def rows_of(data: bytes, cuts: Sequence[int], look_back: int) -> list[bytes]:
    """The payloads of the rows of all ranges."""
    header = Header(header_of(io.BytesIO(data)) or b"", 2)
    payloads = []
    for start, stop in itertools.pairwise([0, *cuts, END_OF_FILE]):
        if (stream := open_rows(io.BytesIO(data), start, stop, header, look_back)) is not None:
            try:
                for record in csv_records.records(stream, ["a", "b"]):
                    payloads.append(record.payload)
            except TableError as error:
                payloads.append(error.reason.encode())
    return payloads


TEXTS = ["plain", "", 'say "x"', "two\nlines", "1,2\n3,4\n", '"\n"', ",", "\r\n", '""']
# A lone carriage return ends a row; Python's writer quotes it in some versions alone.
LONE_RETURN = b"a\rb,9\n"
TABLE = written([["a\n", "b"], *([text, f"{number}"] for number, text in enumerate(TEXTS))]) + LONE_RETURN


@pytest.mark.parametrize("look_back", [30, 1000])
@pytest.mark.parametrize("data", [TABLE, TABLE.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + TABLE[:-1]])
def test_rows_are_those_of_the_file_wherever_it_is_cut(data: bytes, look_back: int) -> None:
    expected = rows_of(data, [], look_back)
    assert len(expected) == len(TEXTS) + 2
    for at in range(1, len(data)):
        try:
            assert rows_of(data, [at], look_back) == expected, at
        except WrongCutError:
            assert look_back == 30


def test_a_long_value_that_looks_like_rows_is_found_out() -> None:
    data = written([["a", "b"], ["x", "1,2\n" * 20], ["y", "z"]])
    expected, wrong = rows_of(data, [], 0), 0
    for at in range(1, len(data)):
        try:
            assert rows_of(data, [at], 0) == expected
        except WrongCutError:
            wrong += 1
    assert wrong > 60
    with pytest.raises(WrongCutError, match="within a quoted value, or a quote is missing; read files whole"):
        rows_of(data, [30], 0)


cells = st.text('ab",\n\r', max_size=6)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(cells, cells), max_size=8),
    st.data(),
    st.integers(0, 40),
    st.sampled_from(["\n", "\r\n"]),
)
def test_never_other_rows_than_those_of_the_file(
    rows: list[tuple[str, str]], data: st.DataObject, look_back: int, end: str
) -> None:
    content = written([("a", "b"), *rows], end)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(content)), max_size=4)))
    try:
        payloads = rows_of(content, cuts, look_back)
    except WrongCutError:
        assert look_back < len(content)
    else:
        assert payloads == rows_of(content, [], look_back)


@settings(max_examples=150)
@given(st.text('ab",\n\r', max_size=40), st.data())
def test_text_that_nobody_wrote_as_csv_is_cut_as_it_is_read(text: str, data: st.DataObject) -> None:
    content = b"a,b\n" + text.encode()
    at = data.draw(st.integers(1, len(content)))
    try:
        assert rows_of(content, [at], 100) == rows_of(content, [], 100)
    except WrongCutError:
        raise AssertionError("the search began at the first row") from None


@pytest.mark.parametrize("data", [b"a,b\r1,2\n", b"a,b", b'"a,b\n1,2\n', b""])
def test_a_header_that_ends_nowhere_or_before_its_line_makes_a_file_whole(data: bytes) -> None:
    assert header_of(io.BytesIO(data)) is None


def test_a_file_is_opened_once_for_all_or_for_some_of_its_rows() -> None:
    table = open_csv(io.BytesIO(b"a,b\n1,2\n3,4\n"))
    assert table is not None
    assert (table.names, table.stream.read()) == (["a", "b"], b"a,b\n1,2\n3,4\n")
    part = open_csv(io.BytesIO(b"a,b\n1,2\n3,4\n"), 5)
    assert part is not None
    assert (part.names, part.stream.read(4), part.stream.read(9)) == (["a", "b"], b"a,b\n", b"3,4\n")
    assert open_csv(io.BytesIO(b"a,b\n1,2\n3,4\n"), 5, 7) is None
    assert csv_ranges.LOOK_BACK >= 1 << 20


@pytest.mark.parametrize("separator", [";", "\t", "|", "^"])
def test_ranges_are_those_of_any_separator(separator: str) -> None:
    text = io.StringIO()
    rows = [
        ["a", "b"],
        *([value, f"{number}"] for number, value in enumerate([*TEXTS, "1;2", "1\t2", "x|y"])),
    ]
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    data, given_separator = text.getvalue().encode(), separator if separator == "^" else None

    def values_of(start: int, stop: int) -> list[str]:
        table = open_csv(io.BytesIO(data), start, stop, given_separator)
        if table is None:
            return []
        assert (table.names, table.separator) == (["a", "b"], separator)
        records = csv_records.records(table.stream, table.names, table.separator)
        return [record.value.get("a", "") for record in records]  # type: ignore[union-attr]

    wanted = [value for value, _ in rows[1:]]
    assert values_of(0, END_OF_FILE) == wanted
    for at in range(1, len(data)):
        assert values_of(0, at) + values_of(at, END_OF_FILE) == wanted, at


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_quote_that_is_not_closed_is_a_fault(separator: str, compress: Callable[[bytes], bytes]) -> None:
    rows = "".join(f"{n},x\n" for n in range(30)).replace("\n2,x", '\n2,"5 inch')
    data = compress(f"a,b\n{rows}".replace(",", separator).encode())
    table = open_csv(io.BytesIO(data))
    assert table is not None
    records = csv_records.records(table.stream, table.names, table.separator)
    read = [next(records).value for _ in range(2)]
    assert read == [{"a": "0", "b": "x"}, {"a": "1", "b": "x"}]
    with pytest.raises(TableError, match="a quote is not closed") as in_records:
        list(records)
    table = open_csv(io.BytesIO(data))
    assert table is not None
    with pytest.raises(TableError, match="a quote is not closed") as in_columns:
        list(
            decode_csv(table.stream, table.names, logs.settings(), RecordPosition("log", 0), table.separator)
        )
    assert in_records.value.reason == in_columns.value.reason == "bad_csv"


def test_the_last_range_has_the_fault_of_a_quote_that_is_not_closed() -> None:
    data = b'a,b\n1,2\n3,4\n5,"6\n'
    assert rows_of(data, [], 100)[-1] == b"bad_csv"
    assert rows_of(data, [9], 100) == rows_of(data, [], 100)


@pytest.mark.parametrize("row", [b'5" x,1', b'"5"" x",1', b'"5" x,1', b'1,5"', b'"",""'])
def test_quotes_that_hide_nothing_are_no_fault(row: bytes) -> None:
    data = b"\xef\xbb\xbfa,b\n" + row
    for end in (b"", b"\n", b"\r\n7,8"):
        table = open_csv(io.BytesIO(data + end))
        assert table is not None
        assert list(csv_records.records(table.stream, table.names))
