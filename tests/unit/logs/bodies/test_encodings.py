"""Bodies as they were sent: compressed, in base64; any bytes give rows or a reject."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bodies as support

from trueserve.transforms.logs.bodies.encodings import decompressed, load_body
from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD
from trueserve.transforms.logs.request import BadRecordError

VALUE = {"instances": [{"age": 3}]}
JSON = json.dumps(VALUE).encode()
GZIP = gzip.compress(JSON, mtime=0)
BODIES = Bodies(support.settings(columns=("age", "word")))


def reason(data: Any, headers: Any = None) -> str:
    with pytest.raises(BadRecordError) as error:
        load_body(data, headers)
    assert "secret" not in error.value.detail
    return error.value.reason


@pytest.mark.parametrize(
    "name", ["Content-Encoding", "content-encoding", "content_encoding", "CONTENT-Encoding"]
)
@pytest.mark.parametrize(
    ("content", "data"),
    [
        ("gzip", GZIP),
        ("GZIP", GZIP),
        ("x-gzip", GZIP),
        ("identity, gzip", GZIP),
        (["gzip"], GZIP),
        ("deflate", zlib.compress(JSON)),
        ("deflate", zlib.compress(JSON)[2:-4]),
        ("identity", JSON),
        ("", JSON),
        (None, JSON),
        # A proxy has decompressed it, and passed its header on.
        ("gzip", JSON),
        ("br", b" " + JSON),
        # Nothing is said of it.
        (None, GZIP),
        (5, GZIP),
        ("gzip", gzip.compress(JSON[:9], mtime=0) + gzip.compress(JSON[9:], mtime=0)),
    ],
)
def test_bodies_are_decompressed_as_their_headers_say(name: str, content: Any, data: bytes) -> None:
    assert load_body(data, {name: content, "other": 1}) == VALUE


def test_very_many_members_are_damage_and_so_is_what_follows_deflate() -> None:
    empty = gzip.compress(b"", mtime=0)
    assert load_body(empty * 127 + GZIP) == VALUE
    assert reason(empty * 128 + GZIP) == "bad_compression"
    for stream in (zlib.compress(JSON), zlib.compress(JSON)[2:-4]):
        assert reason(stream * 2, {"Content-Encoding": "deflate"}) == "bad_compression"


@pytest.mark.parametrize("data", [GZIP, JSON])
def test_text_may_be_bytes_in_base64(data: bytes) -> None:
    assert load_body(base64.b64encode(data).decode()) == VALUE
    assert reason(base64.b64encode(data).decode()[:9] + "%secret") == "bad_base64"


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', '{ "a": 1}', '{\n"a": 1}', "{}", '[{"a": 1}]', "[[1]]", '["a"]', "[1]", "[ 1]", "[\n1]"],
)
def test_any_json_in_base64_is_known(text: str) -> None:
    assert load_body(base64.b64encode(text.encode()).decode()) == json.loads(text)


@pytest.mark.parametrize("text", ["Wyoming", "Wyom", "eyes", "e3", "W1secret", "Wy.secret"])
def test_a_text_that_begins_like_base64_is_no_json(text: str) -> None:
    assert reason(text) == "not_json"


@pytest.mark.parametrize(
    ("data", "content", "why"),
    [
        (GZIP[:-3], None, "bad_compression"),
        (GZIP[:12] + b"secret" + GZIP[18:], None, "bad_compression"),
        (GZIP + b"secret", "gzip", "bad_compression"),
        (b"secret", "gzip", "bad_compression"),
        (b"secret", "deflate", "bad_compression"),
        (b"secret", "br", "unknown_encoding"),
        (b"secret", "gzip, deflate", "unknown_encoding"),
        (b"secret", "secret", "unknown_encoding"),
        (gzip.compress(b"secret", mtime=0), None, "not_json"),
        (gzip.compress(b"[" * 1000, mtime=0), None, "nested_too_deeply"),
        (b"secret", None, "not_json"),
    ],
)
def test_what_cannot_be_decompressed_is_a_reject(data: bytes, content: str | None, why: str) -> None:
    assert reason(data, {"content-encoding": content}) == why


@pytest.mark.parametrize("members", [1, 65])
def test_a_bomb_is_a_reject_within_bounded_memory(members: int) -> None:
    piece = zlib.compressobj(1, wbits=31)
    size = 16 * LARGEST_RECORD if members == 1 else 1 << 20
    data = b"".join(piece.compress(b"0" * (1 << 20)) for _ in range(size >> 20)) + piece.flush()
    tracemalloc.start()
    assert reason(data * members) == "record_too_large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * LARGEST_RECORD


@given(
    st.binary(max_size=60) | st.binary(max_size=20).map(lambda tail: GZIP[:-8] + tail),
    st.sampled_from([None, "gzip", "deflate", "identity", "br", "gzip, gzip", 3]),
    st.sampled_from([None, "0", "3", "26", "99", "-1", "x", 5]),
)
def test_any_bytes_are_rows_or_a_reject(data: bytes, content: Any, size: Any) -> None:
    headers = {"Content-Encoding": content, "Inference-Header-Content-Length": size}
    for value in (data, base64.b64encode(data).decode()):
        with contextlib.suppress(BadRecordError):
            assert len(BODIES.read(value, headers).rows) > 0


def test_headers_that_are_none_say_nothing() -> None:
    nothing: list[Any] = [None, "gzip", [], {"content-length": 5}, {3: 4}]
    for headers in nothing:
        assert load_body(JSON, headers) == VALUE
    assert decompressed(b"") == b""
