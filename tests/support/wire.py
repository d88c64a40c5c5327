"""Serialized tf.Examples in every shape that the wire format allows, and their decoding by protobuf."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from hypothesis import reject
from hypothesis import strategies as st
from tensorflow.core.example.example_pb2 import Example, SequenceExample

FIXED64, LENGTH, FIXED32, VARINT = 1, 2, 5, 0
KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int"}


def varint(value: int) -> bytes:
    """`value` as a varint; a negative one takes ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, data: bytes) -> bytes:
    """A field of bytes or a message."""
    return varint(number << 3 | LENGTH) + varint(len(data)) + data


def unknown() -> st.SearchStrategy[bytes]:
    """A field that no message here has: one of any wire type."""
    number = st.integers(4, 3000)
    fixed = st.sampled_from([(FIXED32, 4), (FIXED64, 8)])
    group = number.map(lambda n: varint(n << 3 | 3) + varint(n << 3 | 4))
    return st.one_of(
        st.builds(field, number, st.binary(max_size=5)),
        st.builds(lambda n, v: varint(n << 3) + varint(v), number, st.integers(0, 1 << 63)),
        st.builds(lambda n, f: varint(n << 3 | f[0]) + bytes(f[1]), number, fixed),
        group,
    )


def strange(*usual: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """One of `usual`, most of the time; else an unknown field."""
    return st.one_of(*usual, *usual, *usual, unknown())


_longs = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-3, 300))
_floats = st.floats(width=32)
_values = st.binary(max_size=20)


def _packed_floats(values: Sequence[float]) -> bytes:
    return field(1, struct.pack(f"<{len(values)}f", *values))


_bytes_list = st.lists(_values, max_size=4).map(lambda v: b"".join(field(1, x) for x in v))
_float_list = st.lists(
    strange(
        st.lists(_floats, max_size=4).map(_packed_floats),
        st.binary(max_size=9).map(lambda v: field(1, v)),
        _floats.map(lambda v: b"\x0d" + struct.pack("<f", v)),
    ),
    max_size=3,
).map(b"".join)
_int_list = st.lists(
    strange(
        st.lists(_longs, max_size=4).map(lambda v: field(1, b"".join(map(varint, v)))),
        st.binary(max_size=12).map(lambda v: field(1, v)),
        _longs.map(lambda v: b"\x08" + varint(v)),
    ),
    max_size=3,
).map(b"".join)
_kind = st.one_of(
    _bytes_list.map(lambda v: field(1, v)),
    _float_list.map(lambda v: field(2, v)),
    _int_list.map(lambda v: field(3, v)),
)
_feature = st.one_of(_kind, _kind, _kind, st.lists(strange(_kind), max_size=3).map(b"".join))
_names = st.one_of(
    st.sampled_from([b"a", b"b", b"feature", b"a longer name than eight bytes", b"", "zwölf".encode()]),
    st.binary(max_size=3),
)
_usual_entry = st.builds(lambda n, f: field(1, n) + field(2, f), _names, _feature)
_any_entry = st.lists(
    strange(_names.map(lambda n: field(1, n)), _feature.map(lambda f: field(2, f))), max_size=4
).map(b"".join)
_entry = st.one_of(_usual_entry, _usual_entry, _usual_entry, _any_entry).map(lambda e: field(1, e))
_features = st.lists(strange(_entry, _entry), max_size=5).map(b"".join)
_plain = st.lists(_usual_entry.map(lambda e: field(1, e)), max_size=6).map(lambda e: field(1, b"".join(e)))
_any = st.lists(strange(_features.map(lambda f: field(1, f))), max_size=3).map(b"".join)

#: Serialized examples, and bytes that are nearly so.
serialized = st.one_of(_plain, _plain, _any)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A serialized example of which a few bytes are changed, lost or added."""
    data = bytearray(draw(serialized))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(["set", "cut", "add", "end"]))
        if change == "set" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del data[at : at + draw(st.integers(1, 4))]
        elif change == "add":
            data[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif change == "end":
            del data[at:]
    return bytes(data)


def decoded(record: bytes) -> dict[tuple[str, str], list[Any]] | None:
    """What protobuf makes of a record: values by feature and kind; None for what is no example."""
    try:
        example = Example.FromString(record)
    except DecodeError:
        return None
    if may_be_a_sequence(record):
        reject()  # tests of sequences have those
    if not example.features.feature and record not in (b"", b"\n\x00"):
        return None
    result = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        if kind is not None:
            values = list(getattr(feature, kind).value)
            result[name, KINDS[kind]] = [comparable(v) for v in values]
    return result


def may_be_a_sequence(record: bytes) -> bool:
    """Whether protobuf reads steps of a tf.SequenceExample in it."""
    try:
        return bool(SequenceExample.FromString(record).feature_lists.feature_list)
    except DecodeError:
        return False


def comparable(value: Any) -> Any:
    """The value; not-a-numbers as a text, as they do not equal themselves."""
    return "nan" if isinstance(value, float) and np.isnan(value) else value


Array = np.ndarray[Any, Any]


def array(data: bytes) -> Array:
    return np.frombuffer(data, np.uint8)
