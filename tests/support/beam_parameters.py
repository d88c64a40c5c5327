"""Beam reads the parameters of every method of every DoFn anew for each bundle: a fifth of a small pipeline.

The processes that run tests read them once for a function. Those that tests start have Beam as it is.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

from apache_beam.transforms import core

Parameters = tuple[list[str], list[Any]]


def remember() -> None:
    """From now on in this process."""
    core.get_function_args_defaults = remembering(core.get_function_args_defaults)


def remembering(read: Callable[[Any], Parameters]) -> Callable[[Any], Parameters]:
    """Gives what `read` gives, and calls it once for each function that is bound as a method."""
    known: weakref.WeakKeyDictionary[types.FunctionType, Parameters] = weakref.WeakKeyDictionary()

    @functools.wraps(read)
    def parameters(method: Any) -> Parameters:
        function = method.__func__ if type(method) is types.MethodType else None
        if not isinstance(function, types.FunctionType):
            return read(method)
        if function not in known:
            known[function] = read(method)
        names, defaults = known[function]
        return [*names], [*defaults]

    return parameters
