"""Any bytes as UTF-8 and back."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.logs import rows_of, settings

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.carriers import csv_tables
from trueserve.transforms.logs.carriers.csv_header import csv_header
from trueserve.transforms.logs.carriers.escaped_bytes import EscapedStream, unescaped
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.rows.rows import RecordPosition

PRIVATE = "\U0010fd00\U0010fdff".encode()
PIECES = st.one_of(
    st.binary(max_size=4),
    st.text(max_size=3).map(str.encode),
    st.sampled_from([PRIVATE, PRIVATE[:3], b"\xf4\x8f", "é€😀".encode(), b"\xff"]),
)


class Slowly(io.RawIOBase):
    """A stream that gives few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__()
        self._data, self._most = io.BytesIO(data), most

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._most if size < 0 else min(size, self._most))


def back(text: bytes) -> bytes:
    (value,) = unescaped(pa.array([text], pa.binary())).to_pylist()
    assert isinstance(value, bytes)
    return value


@given(st.lists(PIECES, max_size=12).map(b"".join), st.integers(1, 7))
@example(PRIVATE, 1)
@example(b"a\xc3", 1)
def test_bytes_are_utf8_and_come_back(data: bytes, most: int) -> None:
    stream = EscapedStream(Slowly(data, most))  # type: ignore[arg-type]
    text = stream.read()
    assert text is not None
    text.decode()
    assert back(text) == data
    if not stream.has_escapes:
        assert text == data


@given(st.text(max_size=30))
def test_usual_text_is_left_alone(text: str) -> None:
    stream = EscapedStream(io.BytesIO(text.encode()))
    given_back = stream.read()
    if not any(ord(character) >= 0x10F000 for character in text):
        assert given_back == text.encode()
        assert not stream.has_escapes


def test_missing_values_stay_missing() -> None:
    values = pa.array([None, b"a", "\U0010fdff".encode()], pa.binary())
    assert unescaped(values).to_pylist() == [None, b"a", b"\xff"]


@pytest.mark.parametrize("wrong", [b"1\xff,2,3", b"\xff", b'"\xc3",1,2'])
def test_a_wrong_row_with_such_bytes_costs_one_row(wrong: bytes) -> None:
    data = b"age,word\n1,a\xff\n" + wrong + b"\n2,\xc3\xa9\n3," + PRIVATE + b"\n"
    names, position = csv_header(io.BytesIO(data)), RecordPosition("log.csv", 0)
    parts = list(csv_tables.decode_csv(io.BytesIO(data), names, settings(), position))
    rejects = [(reject.record, reject.reason) for part in parts for reject in part.rejects]
    assert rejects == [(1, "bad_csv_row")]
    assert [row["word"] for row in rows_of(parts)] == [[b"a\xff"], ["é".encode()], [PRIVATE]]


def test_a_header_of_such_characters_is_refused() -> None:
    with pytest.raises(TableError, match="private use"):
        csv_header(io.BytesIO(b"age," + PRIVATE + b"\n1,2\n"))
