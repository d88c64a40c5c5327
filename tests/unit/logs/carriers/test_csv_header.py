"""What is a header, and what is refused: a first row of values would name columns by them."""

from __future__ import annotations

import io

import pytest

from trueserve.transforms.logs.carriers.csv_header import csv_header
from trueserve.transforms.logs.carriers.table_error import TableError


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
        (b"preis;menge\n1,5;2\n", ["preis", "menge"]),
        (b"a;b\n", ["a", "b"]),
        (b"a\tb c\n1\t2,5\n", ["a", "b c"]),
        (b"a|b\n1|2\n", ["a", "b"]),
        (b"a;price, EUR;n\nx;1,5;2\ny;2,5;3\n", ["a", "price, EUR", "n"]),
        (b"a,b\n1;2,3\n4;5,6\n", ["a", "b"]),
        (b"a,b;c\n1,2;3\n", ["a", "b;c"]),
        (b"a;b\n1;2\n1;2;3\n1;2\n", ["a", "b"]),
        (b"a\tb\n1\t2\n1\n", ["a", "b"]),
        (b"a;b, c, d\n1;2, 3, 4\n2;5\n", ["a", "b, c, d"]),
        (b"milk,bread,eggs\nmilk,,eggs\n,bread,\nmilk,bread,\nmilk,,eggs\n", ["milk", "bread", "eggs"]),
        (b"milk,bread,egg\n" + b"milk,bread,\nmilk,,egg\n" * 2, ["milk", "bread", "egg"]),
        (b"x,y\n" + b"x,y\n" * 3 + b"x,1\n" * 9, ["x", "y"]),
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
        (b"a;b\n1;2;3\n4\n", "one column, with semicolons in its name, and rows .* --csv_separator"),
        (b"a\tb\n1\n", "one column, with tabs in its name, and rows"),
        (b"UA,JFK,1400\n" * 2 + b"AA,JFK,1\nUA,LGA,2\nUA,JFK,3\n", "values that come again"),
        (b"UA,JFK,1400\n" + b"UA,JFK,1\nUA,JFK,2\nUA,JFK,3\n", "values that come again"),
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


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "the file is UTF-16; expected UTF-8"),
        ("a,b\n1,2\n".encode("utf-32"), "the file is UTF-32; expected UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16 without a byte-order mark"),
        ("a,b\n1,2\n".encode("utf-16-be"), "UTF-16 without a byte-order mark"),
        (b"\0" * 4096 + b"a,b\n1,2\n", "begins with 4096 NUL bytes, as one does that was emptied"),
        (b"a\0,b\n1,2\n3,4\n", "has NUL bytes, as no text has"),
        (b"a,b\n" + bytes(range(256)).replace(b"\n", b"\0") + b"\0\1\2\3" * 99, "has NUL bytes"),
    ],
)
def test_what_is_no_text_is_called_what_it_is(data: bytes, why: str) -> None:
    with pytest.raises(TableError, match=why) as refused_file:
        csv_header(io.BytesIO(data))
    assert refused_file.value.reason == "bad_encoding"


def test_a_separator_that_is_given_is_not_looked_for() -> None:
    assert csv_header(io.BytesIO(b"a;b,c\n1;2,3\n"), ",") == ["a;b", "c"]
    assert csv_header(io.BytesIO(b"a^b\n1^2\n"), "^") == ["a", "b"]
