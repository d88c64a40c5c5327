"""How functions are compiled: one way for all.

A function compiled here holds no interpreter lock while it runs, and neither makes nor counts references to
objects: it works on arrays that it is handed. Its types are given, so that it is compiled for these and no
others, when its module is imported; the machine code is kept (see `code_cache`), so that this is slow once a
machine and not once a process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types

from trueserve.transforms.compiling.code_cache import CodeCache

#: A whole number in compiled code: int64, whether of Python or of numpy for a type checker.
Int = Any
Function = TypeVar("Function", bound=Callable[..., object])

# Compiled code reads from arrays that others own (Arrow's buffers, bytes) and that may not be written to.
BYTES = types.Array(types.uint8, 1, "C", readonly=True)
FLOATS = types.Array(types.float32, 1, "C", readonly=True)
DOUBLES = types.Array(types.float64, 1, "C", readonly=True)
LONGS = types.Array(types.int64, 1, "C", readonly=True)
UINT32S = types.Array(types.uint32, 1, "C", readonly=True)
UINT64S = types.Array(types.uint64, 1, "C", readonly=True)

#: Whether accesses of arrays are checked (NUMBA_BOUNDSCHECK=1); those of whole words then check theirs too.
CHECKED = bool(numba.config.BOUNDSCHECK)

_OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False, "no_cfunc_wrapper": True}


def compiled(*signatures: Any) -> Callable[[Function], Function]:
    """Compiles a function for `signatures`, to be called from Python or other compiled functions."""

    def decorate(function: Function) -> Function:
        dispatcher = numba.njit(**_OPTIONS)(function)
        if not CHECKED:
            dispatcher._cache = CodeCache(function)
        for signature in signatures:
            dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher  # type: ignore[no-any-return]

    return decorate


def helper(function: Function) -> Function:
    """Compiles a function into the compiled functions that call it."""
    return _inlined(function)


def outlined(function: Function) -> Function:
    """Compiles a function that others call: what is rare, so that the usual has more registers."""
    return numba.njit(no_cpython_wrapper=True, **_OPTIONS)(function)  # type: ignore[no-any-return]


def helper_of_finite(function: Function) -> Function:
    """As `helper`, of floats that are finite: they may be added in any order, and so several at once."""
    return _inlined(function, fastmath={"nnan", "ninf", "nsz", "reassoc"})


def _inlined(function: Function, **options: Any) -> Function:
    inlined = numba.njit(forceinline=True, no_cpython_wrapper=True, **_OPTIONS, **options)
    return inlined(function)  # type: ignore[no-any-return]
