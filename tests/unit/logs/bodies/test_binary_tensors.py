"""Tensors in binary behind the JSON of a v2 body, with the header of its length and without."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bodies as support
from support.bodies import example, tensor

from trueserve.transforms.logs.bodies.instances import Bodies, body_of
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.rows.log_fields import answers_of

BODIES = Bodies(support.settings())


def raw(name: str, shape: Sequence[int], datatype: str, size: Any, **more: Any) -> dict[str, Any]:
    shaped = {"name": name, "shape": [*shape], "datatype": datatype}
    return {**shaped, "parameters": {"binary_data_size": size}, **more}


def sent(inputs: Sequence[Any], data: bytes) -> tuple[bytes, dict[str, str]]:
    """A body and the header that says where its JSON ends."""
    text = json.dumps({"id": "1", "inputs": inputs}).encode()
    return text + data, {"Inference-Header-Content-Length": str(len(text))}


def texts(*values: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


TEXTS = texts(b"UA", b"\xff")
FARES = struct.pack("<2f", 1.5, math.inf)


@pytest.mark.parametrize("with_header", [True, False])
@pytest.mark.parametrize("compress", [True, False])
def test_values_behind_the_json_are_those_of_their_tensors(with_header: bool, compress: bool) -> None:
    inputs = [
        raw("fare", [2, 1], "FP32", len(FARES)),
        tensor("age", [2], "INT64", [3, 4]),
        raw("word", [2], "BYTES", len(TEXTS)),
    ]
    data, headers = sent(inputs, FARES + TEXTS)
    body = BODIES.read(gzip.compress(data) if compress else data, headers if with_header else None)
    assert body.rows == [
        {"fare": [1.5], "age": 3, "word": b"UA"},
        {"fare": [math.inf], "age": 4, "word": b"\xff"},
    ]
    assert body.fields["id"] == "1"
    assert BODIES.read(base64.b64encode(data).decode(), headers).rows == body.rows


@pytest.mark.parametrize(
    ("datatype", "data", "values"),
    [
        ("BOOL", b"\x01\x00", [True, False]),
        ("INT8", b"\xff\x01", [-1, 1]),
        ("UINT8", b"\xff\x01", [255, 1]),
        ("INT16", b"\xfe\xff\x01\x00", [-2, 1]),
        ("UINT16", b"\xfe\xff\x01\x00", [65534, 1]),
        ("INT32", struct.pack("<2i", -3, 1 << 30), [-3, 1 << 30]),
        ("UINT32", struct.pack("<2I", 3, 1 << 31), [3, 1 << 31]),
        ("INT64", struct.pack("<2q", -(1 << 62), 1), [-(1 << 62), 1]),
        ("UINT64", struct.pack("<2Q", 1 << 63, 1), [1 << 63, 1]),
        ("FP16", struct.pack("<2e", 1.5, -2.0), [1.5, -2.0]),
        ("BF16", b"\xc0\x3f\x00\xc0", [1.5, -2.0]),
        ("FP32", struct.pack("<2f", 0.5, -2.5), [0.5, -2.5]),
        ("FP64", struct.pack("<2d", 0.1, 1e300), [0.1, 1e300]),
        ("BYTES", texts(b"", b"a\0"), [b"", b"a\0"]),
    ],
)
def test_every_datatype(datatype: str, data: bytes, values: list[Any]) -> None:
    rows = BODIES.read(*sent([raw("tags", [2], datatype, len(data))], data)).rows
    assert [row["tags"] for row in rows] == values
    assert [type(row["tags"]) for row in rows] == [type(value) for value in values]


def test_brackets_among_the_bytes_are_no_json() -> None:
    data = b"[{" * 2000
    body, headers = sent([raw("tags", [len(data)], "UINT8", len(data))], data)
    assert len(BODIES.read(body, headers).rows) == len(BODIES.read(body).rows) == len(data)


def test_an_example_may_be_an_element() -> None:
    data = texts(example(age=[3]))
    assert BODIES.read(*sent([raw("examples", [1, 1], "BYTES", len(data))], data)).rows == [{"age": [3]}]


def test_answers_have_binary_tensors_too() -> None:
    text = json.dumps({"outputs": [raw("score", [2], "FP32", 8)]}).encode()
    answer = body_of(text + struct.pack("<2f", 0.25, 0.5))
    assert answers_of(answer, 2) == [{"score": 0.25}, {"score": 0.5}]


@pytest.mark.parametrize(
    ("inputs", "data", "why"),
    [
        ([raw("fare", [2], "FP32", 8)], b"1234567", "binary_tensor"),
        ([raw("fare", [2], "FP32", 8)], b"12345678s", "binary_tensor"),
        ([raw("fare", [2], "FP32", -8)], b"12345678", "binary_tensor"),
        ([raw("fare", [2], "FP32", 1 << 70)], b"12345678", "binary_tensor"),
        ([raw("fare", [2], "FP32", "8")], b"12345678", "binary_tensor"),
        ([raw("fare", [2], "FP32", True)], b"1", "binary_tensor"),
        ([raw("fare", [2], "FP32", 8, data=[1, 2])], b"12345678", "binary_tensor"),
        ([raw("fare", [2], "FP32", 8)], b"", "binary_tensor"),
        ([raw("fare", [3], "FP32", 8)], b"12345678", "bad_tensor_shape"),
        ([raw("fare", [2], "FP32", 9)], b"123456789", "bad_tensor"),
        ([raw("word", [1], "BYTES", 7)], b"\x04\0\0\0abc", "bad_tensor"),
        ([raw("word", [1], "BYTES", 2)], b"\x04\0", "bad_tensor"),
        ([raw("word", [1], "BYTES", 6)], b"\xff\xff\xff\xffab", "bad_tensor"),
        ([raw("fare", [2], "secret", 8)], b"12345678", "unsupported_dtype"),
        ([raw("fare", [2], ["secret"], 8)], b"12345678", "unsupported_dtype"),  # type: ignore[arg-type]
    ],
)
def test_bytes_that_do_not_fit_are_a_reject(inputs: list[Any], data: bytes, why: str) -> None:
    body, headers = sent(inputs, data)
    for given_headers in (headers, None):
        with pytest.raises(BadRecordError) as error:
            BODIES.read(body, given_headers)
        assert (error.value.reason, "secret" in error.value.detail) == (why, False)


@pytest.mark.parametrize("size", ["0", "5", "1000000", "-1", "x"])
def test_a_header_of_another_length_is_a_reject_or_counts_for_nothing(size: str) -> None:
    body, _ = sent([raw("fare", [2], "FP32", 8)], FARES)
    with contextlib.suppress(BadRecordError):
        assert [row["fare"] for row in BODIES.read(body, {"Inference-Header-Content-Length": size}).rows]
    plain = json.dumps({"instances": [{"age": 1}]}).encode()
    assert BODIES.read(plain, {"Inference-Header-Content-Length": str(len(plain))}).rows == [{"age": 1}]


DATATYPES = st.sampled_from(["FP32", "BYTES", "INT8", "BF16", "BOOL", "FP64", "x"])
TENSORS = st.builds(
    raw,
    st.sampled_from(["age", "word", "tags", "other"]),
    st.lists(st.integers(-1, 3), max_size=3),
    DATATYPES,
    st.integers(-1, 12) | st.none() | st.text(max_size=2),
)


@given(st.lists(TENSORS, max_size=3), st.binary(max_size=24), st.booleans(), st.integers(-3, 3))
def test_any_bytes_behind_any_json_are_rows_or_a_reject(
    inputs: list[Any], data: bytes, with_header: bool, off: int
) -> None:
    body, headers = sent(inputs, data)
    size = int(headers["Inference-Header-Content-Length"]) + off
    with contextlib.suppress(BadRecordError):
        read = BODIES.read(body, {"inference_header_content_length": size} if with_header else None)
        assert len(read.rows) > 0
