"""CRC-32C (RFC 3720, appendix B.4) of parts of a byte array, for compiled code.

Where the processor has an instruction for it, that is used; else eight bytes a step through tables
(Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from trueserve.transforms.columnar.memory import load64
from trueserve.transforms.compiling.compiled import Int, helper

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_ALL = np.uint32(0xFFFFFFFF)
_MASK_DELTA = np.uint32(0xA282EAD8)


def _make_tables() -> np.ndarray[Any, np.dtype[np.uint32]]:
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        tables[0, byte] = crc
    for step in range(1, 8):
        tables[step] = tables[step - 1] >> np.uint32(8) ^ tables[0][tables[step - 1] & np.uint32(0xFF)]
    return tables


_TABLES = _make_tables()


@helper
def tabled_byte(crc: Any, byte: Any) -> Any:
    """The register after one more byte, by table."""
    return np.uint32(crc >> np.uint32(8)) ^ _TABLES[0, (crc ^ byte) & np.uint32(0xFF)]


@helper
def tabled_word(crc: Any, word: Any) -> Any:
    """The register after eight more bytes, by tables."""
    low, high = np.uint32(word) ^ crc, np.uint32(word >> np.uint64(32))
    result = np.uint32(0)
    for i in range(4):
        shift = np.uint32(8 * i)
        result ^= _TABLES[7 - i, (low >> shift) & np.uint32(0xFF)]
        result ^= _TABLES[3 - i, (high >> shift) & np.uint32(0xFF)]
    return result


def _instruction(name: str, register: int, data: int) -> Callable[[Any, Any], Any]:
    """The processor's instruction `name`, of `register` and `data` bits: (crc, value) to crc."""
    kind = ir.FunctionType(ir.IntType(register), [ir.IntType(register), ir.IntType(data)])

    def call(_typing: Any, _crc: Any, value: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            function = builder.module.declare_intrinsic(name, (), kind)
            operands = [
                builder.zext(argument, wanted) if argument.type.width < wanted.width else argument
                for argument, wanted in zip(arguments, kind.args, strict=True)
            ]
            result = builder.call(function, operands)
            return builder.trunc(result, ir.IntType(32)) if register > 32 else result

        return types.uint32(types.uint32, value), generate

    return intrinsic(call)  # type: ignore[no-any-return]


def _steps() -> tuple[Any, Any]:
    # Code for another processor than this one (NUMBA_CPU_NAME) may not have this one's instructions.
    features = {} if numba.config.CPU_NAME else binding.get_host_cpu_features()
    if features.get("sse4.2"):
        byte = _instruction("llvm.x86.sse42.crc32.32.8", 32, 8)
        return byte, _instruction("llvm.x86.sse42.crc32.64.64", 64, 64)
    if features.get("crc"):
        return _instruction("llvm.aarch64.crc32cb", 32, 32), _instruction("llvm.aarch64.crc32cx", 32, 64)
    return tabled_byte, tabled_word


_byte_step, _word_step = _steps()


@helper
def crc32c(data: Any, start: Int, end: Int) -> Any:
    """The CRC-32C of `data[start:end]`."""
    crc, position = _ALL, start
    while end - position >= 8:
        crc = _word_step(crc, load64(data, position))
        position += 8
    while position < end:
        crc = _byte_step(crc, data[position])
        position += 1
    return crc ^ _ALL


@helper
def masked_crc32c(data: Any, start: Int, end: Int) -> Any:
    """The CRC-32C of `data[start:end]`, rotated and offset as TFRecords store it."""
    crc = crc32c(data, start, end)
    return np.uint32(np.uint32(crc >> np.uint32(15) | crc << np.uint32(17)) + _MASK_DELTA)
