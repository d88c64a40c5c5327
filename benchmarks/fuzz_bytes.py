"""Hostile inputs: bytes that are mutated, JSON and protos that are built at random. All from one `Random`."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

#: Features of the schema that the fuzzed logs are decoded by; see `fuzz_cases.SCHEMA`.
FEATURES = ("age", "fare", "word", "tags", "vector")
#: In every sample, and so in most inputs: no message may hold it.
SECRET = "sesame"

_LONG_VARINTS = (b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\xff\xff\xff\xff\x0f", b"\xff" * 8 + b"\x7f")
_TOKENS = (
    *_LONG_VARINTS, b"NaN", b"-Infinity", b"1e400", b"-1e-400", b"1" * 30, b"\xef\xbb\xbf", b"\r\n", b"\n",
    b"\xff", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\0", b'"', b"'", b"\\", b"[" * 300,
    b"]" * 300, b'{"a":' * 90, b",,", b"{}", b"[]", b"null", b"true", b'{"b64": "AA=="}', b"/present",
    b"\x0a\x00", b"\x12\xff\xff\xff\x7f", struct.pack("<Q", 1 << 60), struct.pack("<q", -1),
)  # fmt: skip


def mutated(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data` with a few changes: of bits or bytes, cut, spliced with another, or with a hostile token."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(result) + 1)
        rng.choice(_CHANGES)(rng, result, at, others)
    return bytes(result)


def _flip(rng: Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    if at < len(data):
        data[at] ^= 1 << rng.randrange(8)


def _set(rng: Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    if at < len(data):
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _cut(rng: Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    del data[at : at + rng.choice((1, 4, 1 << 30))]


def _repeat(rng: Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    data[at:at] = data[at : at + rng.choice((1, 8, 64))] * rng.choice((1, 2, 20))


def _splice(rng: Random, data: bytearray, at: int, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    start = rng.randrange(len(other) + 1)
    data[at : at + rng.choice((0, 16, 1 << 30))] = other[start : start + 200]


def _token(rng: Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    data[at : at + rng.choice((0, 0, 1, 8))] = rng.choice(_TOKENS)


_CHANGES: Sequence[Callable[[Random, bytearray, int, Sequence[bytes]], None]] = (
    _flip, _flip, _set, _cut, _repeat, _splice, _token, _token
)  # fmt: skip

_KEYS = (
    *FEATURES, *FEATURES, "age/present", "vector/present", "instances", "inputs", "examples", "context",
    "b64", "name", "shape", "datatype", "data", "signature_name", "new", "", "\ud800", "predictions", "id",
)  # fmt: skip
_SCALARS: Sequence[Callable[[Random], Any]] = (
    lambda rng: rng.randrange(-5, 100),
    lambda rng: rng.random() * 100,
    lambda _rng: SECRET,
    lambda rng: rng.choice((None, True, False)),
    lambda rng: rng.choice(
        ("", " ", "12", "-1.5e3", "1_0", "\ud800", "\udcff", "0x1F", "٣", "a,b", '"', "\n")
    ),
    lambda rng: rng.choice(
        (1 << 63, -(1 << 63) - 1, 1 << 64, 10**30, 1e39, 1e308, float("nan"), float("inf"))
    ),
    lambda rng: base64.b64encode(rng.randbytes(rng.randrange(9))).decode(),
    lambda rng: {"b64": rng.choice((base64.b64encode(rng.randbytes(6)).decode(), "?", 3, None))},
    lambda rng: rng.choice(("BYTES", "INT64", "FP32", "BOOL", "UINT64", "STRING", "FP16", "int64")),
)


def value(rng: Random, depth: int = 3) -> Any:
    """A random value that JSON can hold, or nearly: NaN, surrogates and huge numbers are among them."""
    kind = rng.random()
    if depth == 0 or kind < 0.5:
        return rng.choice(_SCALARS)(rng)
    if kind < 0.75:
        return [value(rng, depth - 1) for _ in range(rng.choice((0, 1, 1, 2, 3, 4)))]
    return {rng.choice(_KEYS): value(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 3, 5)))}


def row(rng: Random) -> dict[str, Any]:
    """A random instance: features of the schema, mostly, with values mostly of their types."""
    usual: dict[str, Any] = {
        "age": rng.randrange(100),
        "fare": rng.random(),
        "word": SECRET,
        "tags": ["a", SECRET],
        "vector": [1.0, 2.0, 3.0],
    }
    for _ in range(rng.choice((0, 0, 1, 2))):
        usual[rng.choice(_KEYS)] = value(rng)
    for _ in range(rng.choice((0, 0, 1))):
        usual.pop(rng.choice(FEATURES), None)
    return usual


def body(rng: Random) -> Any:
    """A random body of a request: of TF Serving's API, of the Open Inference Protocol, or of neither."""
    return rng.choice(_BODIES)(rng)


def _columns(rng: Random) -> Any:
    if rng.random() < 0.5:
        return {"inputs": {rng.choice(_KEYS): value(rng) for _ in range(4)}}
    return {"inputs": {name: [1] * rng.choice((0, 2, 2, 3)) for name in FEATURES}}


def _examples(rng: Random) -> Any:
    return {"context": value(rng), "examples": [row(rng) for _ in range(rng.randrange(3))]}


def _tensors(rng: Random) -> Any:
    return {"inputs": [_tensor(rng) for _ in range(rng.randrange(4))], "id": value(rng, 1)}


def _rows(rng: Random) -> Any:
    signature = rng.choice(("serving_default", None, 3))
    return {"signature_name": signature, "instances": [row(rng) for _ in range(3)]}


_BODIES: Sequence[Callable[[Random], Any]] = (
    value,
    lambda rng: {"instances": value(rng)},
    _columns,
    _examples,
    _tensors,
    _rows,
    _rows,
)


def _tensor(rng: Random) -> Any:
    count = rng.randrange(5)
    sizes = [
        [count],
        [count, 1],
        [1 << 60],
        [-1, count],
        [1 << 32, 1 << 32],
        [],
        [0],
        "x",
        [1.5],
        [None],
        [True],
    ]
    tensor: dict[str, Any] = {
        "name": rng.choice(FEATURES),
        "shape": rng.choice([sizes[0], sizes[1], *sizes]),
        "datatype": rng.choice(("INT64", "FP32", "BYTES", "BOOL", "FP64", "UINT64", 3, None)),
        "data": rng.choice(([1] * count, [[1]] * count, [SECRET] * count, value(rng))),
    }
    if rng.random() < 0.2:
        tensor[rng.choice(tuple(tensor))] = value(rng)
    return tensor


def text_of(rng: Random, document: Any) -> bytes:
    """JSON of a value, surrogates as escapes or as the bytes that they stand for."""
    escaped = rng.random() < 0.5
    text = json.dumps(document, ensure_ascii=escaped)
    return text.encode("utf-8", "surrogatepass" if rng.random() < 0.5 else "replace")


def message(rng: Random, depth: int = 5) -> bytes:
    """A random message of the wire format, with the field numbers that the protos here have."""
    parts = []
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        number, kind = rng.choice((1, 1, 2, 3, 4, 5, 6, 15, 99)), rng.choice((0, 1, 2, 2, 2, 2, 3, 4, 5, 6))
        parts.append(varint(number << 3 | kind) + _field(rng, kind, depth))
    return b"".join(parts)


def _field(rng: Random, kind: int, depth: int) -> bytes:
    if kind == 0:
        return varint(rng.choice((0, 1, rng.getrandbits(32), rng.getrandbits(64))))
    if kind in (1, 5):
        return rng.randbytes(8 if kind == 1 else 4)
    if kind != 2:
        return b""
    names = [name.encode() for name in FEATURES]
    data = message(rng, depth - 1) if depth and rng.random() < 0.7 else rng.choice([*names, rng.randbytes(5)])
    length = len(data) if rng.random() < 0.95 else rng.choice((1 << 60, (1 << 64) - 1, len(data) + 1))
    return varint(length) + data


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
