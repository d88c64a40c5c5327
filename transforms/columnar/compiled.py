"""How functions are compiled: one way for all, with the machine code kept between processes.

A function compiled here holds no interpreter lock while it runs. Its signatures are given, so that it is
compiled for these types and no others, once a machine and not once a process: numba keeps the code beside
the source or, where that is read-only, in the user's cache folder; where neither can be written it is
compiled again in every process, which is slow but not wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba
from numba import types

Function = TypeVar("Function", bound=Callable[..., object])

# Compiled code reads from arrays it was handed (Arrow buffers, bytes) and must not need to own them.
BYTES = types.Array(types.uint8, 1, "C", readonly=True)
FLOATS = types.Array(types.float32, 1, "C", readonly=True)
DOUBLES = types.Array(types.float64, 1, "C", readonly=True)
LONGS = types.Array(types.int64, 1, "C", readonly=True)

#: Whether array accesses are checked (NUMBA_BOUNDSCHECK=1); loads of whole words then check theirs too.
CHECKED = bool(numba.config.BOUNDSCHECK)


def compiled(*signatures: object) -> Callable[[Function], Function]:
    """Compiles for `signatures`, when the module is imported or, with none, where first called from."""

    def decorate(function: Function) -> Function:
        chosen = list(signatures) or None
        try:
            return numba.njit(chosen, nogil=True, _nrt=False, cache=not CHECKED)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            return numba.njit(chosen, nogil=True, _nrt=False)(function)

    return decorate


def helper(function: Function) -> Function:
    """Compiles a small function into those compiled functions that call it."""
    return numba.njit(nogil=True, _nrt=False, forceinline=True)(function)


