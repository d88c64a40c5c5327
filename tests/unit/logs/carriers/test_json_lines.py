"""JSON lines, plain and compressed: records, lines that are none, and bounds of memory."""

from __future__ import annotations

import bz2
import gzip
import io
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.carriers import carried, until_error, values

from trueserve.transforms.logs.carriers import lines
from trueserve.transforms.logs.carriers import records as limits
from trueserve.transforms.logs.carriers.read_records import read_records
from trueserve.transforms.logs.request import BadRecordError


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_json_lines_as_they_come_from_elsewhere(pack: Any) -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": NaN}\n{"a"\n[1]\n{"a": "\\u2028\r"}'
    records = values(pack(data))
    assert records[0] == {"a": 1}
    assert records[1]["a"] != records[1]["a"]
    assert records[2:4] == ["not_json", "not_an_object"]
    assert records[4:] in ([{"a": "\u2028\r"}], ["not_json"])
    assert [record.payload for record in carried(pack(data))][:3] == [b'{"a": 1}', b'{"a": NaN}', b'{"a"']


def test_lines_in_any_pieces_are_the_same() -> None:
    class Dribbling(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(1)

    data = b'\xef\xbb\xbf{"a": 1}\n\n{"b": [2]}\r\n{"c": 3}'
    [chunk] = read_records(Dribbling(data), "log")
    assert [record.value for record in chunk] == [{"a": 1}, {"b": [2]}, {"c": 3}]


def test_a_line_that_is_too_long_is_a_reject_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LARGEST_RECORD", 100)
    longest = b'{"a": "%s"}' % (b"x" * 91)
    data = b"\n".join([b'{"a": 1}', longest, longest[:-1] + b" }", b'{"a": 2}', longest + b"  "])
    records = values(data)
    assert records == [{"a": 1}, {"a": "x" * 91}, "record_too_large", {"a": 2}, "record_too_large"]
    assert isinstance(carried(data)[2].value, BadRecordError)


def test_a_line_without_end_takes_no_more_memory_than_the_longest() -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * (160 << 20) + b'"}\n{"a": 1}\n', compresslevel=1, mtime=0)
    tracemalloc.start()
    try:
        records = values(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert records == ["record_too_large", {"a": 1}]
    assert peak < 2 * limits.LARGEST_RECORD


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_stands_before_compressed_data_end_is_read(pack: Any) -> None:
    text = b"".join(b'{"a": %d, "b": "%s"}\n' % (i, b"%x" % hash(str(i))) for i in range(60_000))
    packed = pack(text)
    records, error = until_error(packed[: len(packed) * 3 // 4])
    assert error is not None
    assert error.reason == "truncated"
    # A block of bzip2 is decompressed whole, or not at all.
    assert len(records) > 20_000
    assert [value["a"] for value in records] == list(range(len(records)))


def test_damaged_compressed_data_are_an_error() -> None:
    packed = bytearray(gzip.compress(b'{"a": 1}\n' * 1000, mtime=0))
    packed[-6] ^= 1
    records, error = until_error(bytes(packed))
    assert len(records) == 1000
    assert error is not None
    assert error.reason == "compression"


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(TEXT, JSON_VALUES, max_size=4), max_size=8), st.booleans(), st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_json_rows_come_back(rows: list[dict[str, Any]], packed: bool, returns: bool) -> None:
    text = b"".join(orjson.dumps(row) + (b"\r\n" if returns else b"\n") for row in rows)
    assert values(gzip.compress(text, mtime=0) if packed else text, "log.json") == rows
