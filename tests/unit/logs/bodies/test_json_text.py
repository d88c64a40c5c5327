"""JSON texts of requests: what orjson reads, what it refuses and TF Serving takes, and hostile ones."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trueserve.transforms.logs.bodies.json_text import MAX_DEPTH, load, load_object
from trueserve.transforms.logs.request import BadRecordError


def reason(data: bytes | str) -> str:
    with pytest.raises(BadRecordError) as raised:
        load(data)
    return raised.value.reason


def test_plain_json_is_read_from_text_and_bytes_with_or_without_a_mark() -> None:
    assert load('{"a": [1, 2.5, "x", null, true]}') == {"a": [1, 2.5, "x", None, True]}
    assert load(b'\xef\xbb\xbf{"a": 1}\r\n') == {"a": 1}
    assert load(" 1 ") == 1


def test_tokens_that_tf_serving_takes_are_floats() -> None:
    nan, most, least = load("[NaN, Infinity, -Infinity]")
    assert (math.isnan(nan), most, least) == (True, math.inf, -math.inf)
    assert load('{"NaN": "Infinity"}') == {"NaN": "Infinity"}


def test_what_is_no_utf8_comes_through_and_goes_back() -> None:
    assert load(b'{"a": "caf\xe9"}') == {"a": "caf\udce9"}
    assert load('"\\ud800"') == "\ud800"
    assert load(load(json.dumps('"caf\udce9"'))) == "caf\udce9"
    passed = load(load(json.dumps('"\ud800"')))
    assert passed.encode("utf-8", "surrogateescape") == "\ud800".encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("tail", ["", ", NaN"])
def test_numbers_are_the_same_whichever_parser_reads_them(tail: str) -> None:
    texts = ["18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809"]
    values = load(f"[{', '.join(texts)}{tail}]")[:4]
    assert list(map(type, values)) == [int, float, int, float]
    assert values == [(1 << 64) - 1, 2.0**64, -(1 << 63), -(2.0**63)]


def test_huge_numbers_are_infinite() -> None:
    assert load("1e400") == math.inf
    assert load("-1e400") == -math.inf
    assert load("1" * 5000) == math.inf


@pytest.mark.parametrize(
    "data",
    ["", " ", "{", "[1", "{'a': 1}", "nan", "[1,]", '"\x01"', "1 2", '{"a" 1}', "\x00", b"\xff", "\ud800"],
)
def test_what_is_no_json_is_rejected(data: bytes | str) -> None:
    assert reason(data) == "not_json"


def test_a_reject_says_where_and_not_what() -> None:
    with pytest.raises(BadRecordError, match="at character 11") as raised:
        load('{"secret": sesame}')
    assert "sesame" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("value", ["[]", "1", '"a"', "null", "true", "NaN"])
def test_what_is_no_object_is_named(value: str) -> None:
    with pytest.raises(BadRecordError, match="expected a JSON object, got") as raised:
        load_object(value)
    assert raised.value.reason == "not_an_object"


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a": ["\\\\", "\\"", '])
@pytest.mark.parametrize("depth", [100_000, 5_000, 300])
def test_deep_nesting_is_a_reject_at_once(opening: str, depth: int) -> None:
    started = time.monotonic()
    assert reason(opening * depth) == "nested_too_deeply"
    assert time.monotonic() - started < 1


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_depth_is_counted_outside_of_strings() -> None:
    assert load(nested(MAX_DEPTH)) is not None
    assert reason(nested(MAX_DEPTH + 1)) == "nested_too_deeply"
    assert load("[" + nested(MAX_DEPTH - 1) + ', "' + "[" * 500 + '\\"]\\\\"]') is not None
    assert reason('["' + "]" * 500 + '", ' + nested(MAX_DEPTH) + "]") == "nested_too_deeply"
    assert reason('["\\\\", "\\"", ' + nested(MAX_DEPTH) + "]") == "nested_too_deeply"
    assert len(load("[" + "[]," * 5000 + "[]]")) == 5001


def test_a_long_line_takes_a_multiple_of_its_size() -> None:
    line = b'{"a": "' + b"x" * (8 << 20) + b'"}'
    tracemalloc.start()
    load(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * len(line)  # orjson alone takes 12


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(_json)
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_value_comes_back(value: Any) -> None:
    assert load(json.dumps(value)) == value
    assert load(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@given(
    st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"1", b"NaN", b":", b",", b"\xff", b"u"]))
)
@example([b"1" * 400])
@hypothesis_settings(max_examples=1000, deadline=None)
def test_any_bytes_are_json_or_a_reject(parts: list[bytes]) -> None:
    data = b"".join(parts)
    try:
        value = load(data)
    except BadRecordError as error:
        outcome = error.reason
    else:
        outcome = "read"
        assert repr(value) == repr(load(data.decode("utf-8", "surrogateescape")))
    assert outcome in ("read", "not_json", "nested_too_deeply")
    if outcome != "read":
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(data)
