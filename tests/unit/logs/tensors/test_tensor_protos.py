"""TensorProtos by hand: each dtype in both of its forms, and every shape and length at its limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.logs import tensor

from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.tensors import tensor_protos
from trueserve.transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES, TensorError, decode_tensor

FLOAT, DOUBLE, INT32, UINT8, INT16, INT8, STRING, INT64, BOOL, BFLOAT16 = 1, 2, 3, 4, 5, 6, 7, 9, 10, 14
UINT16, HALF, UINT32, UINT64 = 17, 19, 22, 23


def values(proto: Any, **more: bool) -> list[Any]:
    decoded = decode_tensor("x", proto, **more).values
    return decoded if isinstance(decoded, list) else decoded.tolist()


def error(proto: Any, name: str = "x") -> tuple[str, str]:
    with pytest.raises(TensorError) as raised:
        decode_tensor(name, proto)
    return raised.value.reason, raised.value.detail


@pytest.mark.parametrize(
    ("dtype", "field", "listed", "content", "expected"),
    [
        (FLOAT, "float_val", [0.5, -2.0], np.array([0.5, -2], "<f4"), [0.5, -2.0]),
        (DOUBLE, "double_val", [0.5, -2.0], np.array([0.5, -2], "<f8"), [0.5, -2.0]),
        (INT32, "int_val", [5, -2], np.array([5, -2], "<i4"), [5, -2]),
        (UINT8, "int_val", [5, 250], np.array([5, 250], "u1"), [5, 250]),
        (INT16, "int_val", [5, -300], np.array([5, -300], "<i2"), [5, -300]),
        (INT8, "int_val", [5, -100], np.array([5, -100], "i1"), [5, -100]),
        (INT64, "int64_val", [5, -(2**63)], np.array([5, -(2**63)], "<i8"), [5, -(2**63)]),
        (BOOL, "bool_val", [True, False], np.array([True, False]), [1, 0]),
        (BFLOAT16, "half_val", [0x3F80, 0xC000], np.array([0x3F80, 0xC000], "<u2"), [1.0, -2.0]),
        (UINT16, "int_val", [5, 60000], np.array([5, 60000], "<u2"), [5, 60000]),
        (HALF, "half_val", [0x3C00, 0xC000], np.array([1, -2], "<f2"), [1.0, -2.0]),
        (UINT32, "uint32_val", [5, 2**32 - 1], np.array([5, 2**32 - 1], "<u4"), [5, 2**32 - 1]),
        (UINT64, "uint64_val", [5, 2**63 - 1], np.array([5, 2**63 - 1], "<u8"), [5, 2**63 - 1]),
    ],
)
def test_both_forms_of_a_dtype_have_the_same_values(
    dtype: int, field: str, listed: Any, content: Any, expected: Sequence[Any]
) -> None:
    for proto in (tensor(dtype, [2], **{field: listed}), tensor(dtype, [2], content.tobytes())):
        assert values(proto) == expected
        decoded = decode_tensor("x", proto)
        is_float = isinstance(expected[0], float)
        assert decoded.kind is (FeatureType.FLOAT if is_float else FeatureType.INT)
        assert decoded.values.dtype == (np.float32 if is_float else np.int64)


@pytest.mark.parametrize(
    ("shape", "rows", "width"),
    [([], None, 6), ([6], 6, 1), ([2, 3], 2, 3), ([1, 6], 1, 6), ([3, 1, 2], 3, 2), ([6, 1], 6, 1)],
)
def test_rows_are_the_first_dimension(shape: list[int], rows: int | None, width: int) -> None:
    count = 6 if shape else 1
    decoded = decode_tensor("x", tensor(INT64, shape, int64_val=range(count)))
    assert (decoded.rows, decoded.width) == (rows, width if shape else 1)


def test_a_tensor_without_rows_is_no_wider_than_it_can_be() -> None:
    decoded = decode_tensor("x", tensor(INT64, [0, 2**40]))
    assert (decoded.rows, decoded.width, len(decoded.values)) == (0, 0, 0)


def test_one_value_fills_a_shape() -> None:
    assert values(tensor(INT64, [2, 2], int64_val=[7])) == [7] * 4
    assert values(tensor(STRING, [3], string_val=[b"a"])) == [b"a"] * 3
    assert values(tensor(INT64, [3, 4], int64_val=[7]), narrow=True) == [7] * 3
    assert values(tensor(INT64, [3, 0], int64_val=[7]), narrow=True) == []
    assert values(tensor(INT64, [2, 2], int64_val=[1, 2, 3, 4]), narrow=True) == [1, 2, 3, 4]
    assert len(values(tensor(INT64, [MAX_FILLED_VALUES], int64_val=[7]))) == MAX_FILLED_VALUES
    assert error(tensor(INT64, [MAX_FILLED_VALUES + 1], int64_val=[7])) == (
        "bad_tensor_shape",
        "input 'x' has one value; its shape claims 1048577",
    )


def test_the_only_value_of_a_tensor() -> None:
    assert list(tensor_protos.only_value(tensor(INT64, [3], int64_val=[7]))) == [7]
    assert tensor_protos.only_value(tensor(INT64, [3], int64_val=[7, 8])) is None
    assert tensor_protos.only_value(tensor(INT64, [1], b"\0" * 8)) is None
    assert tensor_protos.only_value(tensor(8, [1])) is None
    assert tensor_protos.narrowed([5, 3, 0, 1]) == [5, 1, 0, 1]
    assert tensor_protos.narrowed([]) == []


def test_shapes_that_are_none_are_refused() -> None:
    assert error(tensor(INT64, [3], int64_val=[1, 2])) == (
        "bad_tensor_shape",
        "input 'x' has 2 values; its shape claims 3",
    )
    assert error(tensor(INT64, [-1], int64_val=[1]))[1] == (
        "input 'x' has an unknown or negative dimension: [-1]"
    )
    unknown = tensor(INT64, [], int64_val=[1])
    unknown.tensor_shape.unknown_rank = True
    assert error(unknown)[0] == "bad_tensor_shape"
    assert values(tensor(INT64, [1] * 254, int64_val=[1])) == [1]
    assert error(tensor(INT64, [1] * 255, int64_val=[1]))[1] == "input 'x' has 255 dimensions"
    assert error(tensor(8, [1])) == ("unsupported_dtype", "input 'x' has dtype 8, which is no feature's")


def test_numbers_that_a_dtype_or_an_integer_cannot_have_are_refused() -> None:
    assert error(tensor(UINT64, [1], uint64_val=[2**63])) == (
        "bad_tensor",
        "input 'x' holds a number above 2^63",
    )
    assert error(tensor(INT64, [1], b"\0" * 9))[1] == "input 'x' has 9 bytes: no whole number of values"
    long = error(tensor(INT64, [1], b"\0" * 9), "y" * 200)[1]
    assert long.startswith("input '" + "y" * 100 + "' has")


def strings(*texts: bytes, lengths: bytes = b"", count: int | None = None) -> Any:
    content = (lengths or bytes(len(text) for text in texts)) + b"".join(texts)
    return tensor(STRING, [len(texts) if count is None else count], content)


def test_strings_are_their_lengths_and_then_their_bytes() -> None:
    assert values(strings(b"a", b"", b"ccc")) == [b"a", b"", b"ccc"]
    long = b"x" * 300
    assert values(strings(long, b"y", lengths=b"\xac\x02\x01")) == [long, b"y"]
    # Two strings of nothing take two bytes.
    assert values(strings(b"", b"")) == [b"", b""]
    assert error(strings(b"", count=2))[1] == "input 'x' has too few bytes for 2 strings"
    for wrong in (strings(b"a", lengths=b"\x02"), strings(b"ab", lengths=b"\x01")):
        assert error(wrong)[1] == "input 'x' has strings of other lengths than it says"


@pytest.mark.parametrize("lengths", [b"\x80", b"\xff" * 10, b"\x80" * 10 + b"\x00"])
def test_lengths_that_never_end_are_none(lengths: bytes) -> None:
    assert error(strings(b"", lengths=lengths))[1] == "input 'x' has a string length that is none"


@pytest.mark.parametrize("size", [1, 9, 10])
def test_a_length_of_nought_may_take_ten_bytes(size: int) -> None:
    assert values(strings(b"", lengths=b"\x80" * (size - 1) + b"\x00")) == [b""]
