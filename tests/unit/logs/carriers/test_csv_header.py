"""What is a header, and what is refused: a first row of values would name columns by them."""

from __future__ import annotations

import io

import pytest

from transforms.logs.carriers.csv_header import csv_header
from transforms.logs.carriers.table_error import TableError


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (b"", []),
        (b"age,fare\n1,2\n", ["age", "fare"]),
        (b"\xef\xbb\xbfage,fare\n", ["age", "fare"]),
        (b",age,fare\n0,1,2\n", ["", "age", "fare"]),
        (b"city,2019,2020\n", ["city", "2019", "2020"]),
        (b"0,1,2\n", ["0", "1", "2"]),
        (b"a;b,c\n", ["a;b", "c"]),
        (b'"a\nb",c\n', ["a\nb", "c"]),
        (b"V1,1e\n", ["V1", "1e"]),
    ],
)
def test_names(line: bytes, names: list[str]) -> None:
    assert csv_header(io.BytesIO(line)) == names


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"1,5.02,-3.1,45\n", "the first line has numbers .4 of 4 values. where"),
        (b"1,0\n", "the first line has numbers .2 of 2 values. where"),
        (b"7\n", "the first line has numbers .1 of 1 values. where"),
        (b"red,5.02,7\n", "the first line has numbers .2 of 3 values. where"),
        (b"red,-3\n", "the first line has numbers .1 of 2 values. where"),
        (b"red,1e-3\n", "the first line has numbers .1 of 2 values. where"),
        (b"preis;menge\n1,5;2\n", "one column, with semicolons in its name; expected commas"),
        (b"a\tb\n", "one column, with tabs in its name; expected commas"),
        (b"a|b\n", "one column, with vertical bars in its name; expected commas"),
        ("a,b\n1,2\n".encode("utf-16"), "the file is UTF-16; expected UTF-8"),
        (b"a,\xff\n", "no CSV header in UTF-8"),
        (b"a,a\n", "those of columns 1, 2"),
        (b"a,,b\n", "those of columns 2"),
        (b",a,\n", "those of columns 1, 3"),
        (b" ,a\n", "those of columns 1"),
        (b"\na,b\n", "the first line is empty"),
    ],
)
def test_what_is_no_header(line: bytes, why: str) -> None:
    with pytest.raises(TableError, match=why) as refused_line:
        csv_header(io.BytesIO(line))
    assert refused_line.value.reason == "bad_header"
