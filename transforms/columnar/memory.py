"""Whole words from and to byte arrays at any position, and copies between them, for compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from trueserve.transforms.compiling.compiled import CHECKED, Int, helper


def _address(context: Any, builder: Any, array_type: Any, array: Any, position: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [position])


def _make_load(bits: int, result: Any) -> Any:
    def load(_typing: Any, array: Any, _position: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, signature.args[0], *arguments)
            return builder.load(builder.bitcast(address, ir.IntType(bits).as_pointer()), align=1)

        return result(array, types.int64), generate

    return intrinsic(load)


def _store(_typing: Any, array: Any, _position: Any, _value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


def _copy(_typing: Any, target: Any, _at: Any, source: Any, _start: Any, _length: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target_address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        source_address = _address(context, builder, signature.args[2], arguments[2], arguments[3])
        cgutils.raw_memcpy(builder, target_address, source_address, arguments[4], 1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64, types.int64), generate


def _make_array_at(dtype: Any) -> Any:
    def array_at(_typing: Any, _address: Any, _count: Any) -> Any:
        result = types.Array(dtype, 1, "C")

        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            array = context.make_array(result)(context, builder)
            item = context.get_constant(types.intp, dtype.bitwidth // 8)
            shape = cgutils.pack_array(builder, [arguments[1]])
            data = builder.inttoptr(arguments[0], array.data.type)
            populate_array(array, data, shape, cgutils.pack_array(builder, [item]), item, meminfo=None)
            return array._getvalue()

        return result(types.int64, types.int64), generate

    return intrinsic(array_at)


#: The array of so many items at an address, of which the caller knows that they are there and stay there.
bytes_at, longs_at = _make_array_at(types.uint8), _make_array_at(types.int64)
floats_at, doubles_at, uint32s_at, uint64s_at = map(
    _make_array_at, (types.float32, types.float64, types.uint32, types.uint64)
)

_load32 = _make_load(32, types.uint32)
_load64 = _make_load(64, types.uint64)
_store64 = intrinsic(_store)
_memcpy = intrinsic(_copy)


@helper
def _touch(array: Any, position: Int, length: Int) -> Any:
    # For the check of bounds alone; a position below zero would count from the end.
    if position < 0:
        raise IndexError("a word before the start of an array")
    return array[position] | array[position + length - 1]


@helper
def load32(array: Any, position: Int) -> Any:
    """The little-endian uint32 at `position`; the caller has checked that four bytes are there."""
    if CHECKED:
        _touch(array, position, 4)
    return _load32(array, position)


@helper
def load64(array: Any, position: Int) -> Any:
    """The little-endian uint64 at `position`; the caller has checked that eight bytes are there."""
    if CHECKED:
        _touch(array, position, 8)
    return _load64(array, position)


@helper
def store64(array: Any, position: Int, value: Any) -> None:
    """Writes a uint64, little-endian; the caller has checked that there is room for eight bytes."""
    if CHECKED:
        _touch(array, position, 8)
    _store64(array, position, value)


@helper
def copy_bytes(target: Any, at: Int, source: Any, start: Int, length: Int) -> None:
    """Copies `length` bytes; the caller has checked that they are there and have room. No overlap."""
    if CHECKED and length > 0:
        _touch(target, at, length)
        _touch(source, start, length)
    _memcpy(target, at, source, start, length)


@helper
def tail_word(array: Any, position: Int, length: Int) -> Any:
    """The next `length` (1 to 7) bytes as the low bytes of a word, the rest of it zero."""
    if array.size - position >= 8:
        return load64(array, position) & (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
    word = np.uint64(0)
    for i in range(length):
        word |= np.uint64(array[position + i]) << np.uint64(8 * i)
    return word


@helper
def same_bytes(left: Any, at: Int, right: Any, start: Int, length: Int) -> Any:
    """Whether `length` bytes of both arrays are the same."""
    done = 0
    while length - done >= 8:
        if load64(left, at + done) != load64(right, start + done):
            return False
        done += 8
    rest = length - done
    return rest == 0 or tail_word(left, at + done, rest) == tail_word(right, start + done, rest)
