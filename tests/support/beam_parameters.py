"""What Beam reads, parses and measures anew for each bundle or each transform: a third of a small pipeline.

The processes that run tests do it once. Those that tests start have Beam as it is.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.worker import statecache
from apache_beam.transforms import core, userstate
from apache_beam.typehints import decorators

Parameters = tuple[list[str], list[Any]]
Specs = tuple[set[Any], set[Any]]
Submodules = Callable[[types.CodeType, Iterable[Any]], list[Any]]


def remember() -> None:
    """From now on in this process."""
    core.get_function_args_defaults = remembering(core.get_function_args_defaults)
    userstate.get_dofn_specs = remembering_specs(userstate.get_dofn_specs)
    PipelineOptions.view_as = remembering_views(PipelineOptions.view_as)
    decorators.get_signature = remembering_signatures(decorators.get_signature)
    cloudpickle._find_imported_submodules = remembering_submodules(cloudpickle._find_imported_submodules)
    statecache.get_deep_size = unmeasured


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


def remembering_specs(read: Callable[[Any], Specs]) -> Callable[[Any], Specs]:
    """Gives what `read` gives, and calls it once for each class of DoFn whose methods are all the class's."""
    known: weakref.WeakKeyDictionary[type, Specs] = weakref.WeakKeyDictionary()

    @functools.wraps(read)
    def specs(dofn: Any) -> Specs:
        if any(isinstance(value, types.MethodType) for value in vars(dofn).values()):
            return read(dofn)
        if type(dofn) not in known:
            known[type(dofn)] = read(dofn)
        states, timers = known[type(dofn)]
        return {*states}, {*timers}

    return specs


def remembering_views(view_as: Callable[[Any, type], Any]) -> Callable[[Any, type], Any]:
    """Gives the same view of plain options again; the product's own options do that by themselves."""
    known: weakref.WeakKeyDictionary[Any, dict[type, Any]] = weakref.WeakKeyDictionary()

    @functools.wraps(view_as)
    def view(options: Any, kind: type) -> Any:
        if type(options) is not PipelineOptions:
            return view_as(options, kind)
        by_kind = known.setdefault(options, {})
        if kind not in by_kind or by_kind[kind]._all_options is not options._all_options:
            by_kind[kind] = view_as(options, kind)
        return by_kind[kind]

    return view


def remembering_signatures(read: Callable[[Any], inspect.Signature]) -> Callable[[Any], inspect.Signature]:
    """Gives what `read` gives, and calls it once for each plain function."""
    known: weakref.WeakKeyDictionary[types.FunctionType, inspect.Signature] = weakref.WeakKeyDictionary()

    @functools.wraps(read)
    def signature(function: Any) -> inspect.Signature:
        if type(function) is not types.FunctionType:
            return read(function)
        if function not in known:
            known[function] = read(function)
        return known[function]

    return signature


def remembering_submodules(find: Submodules) -> Submodules:
    """Gives what `find` gives, and calls it once for code with the same modules, until one is imported."""
    known: dict[Any, list[Any]] = {}

    @functools.wraps(find)
    def submodules(code: types.CodeType, dependencies: Iterable[Any]) -> list[Any]:
        modules = [each for each in dependencies if isinstance(each, types.ModuleType)]
        key = (code, tuple(map(id, modules)), len(sys.modules))
        if key not in known:
            known[key] = find(code, modules)
        return [*known[key]]

    return submodules


def unmeasured(*objects: Any) -> int:
    """In place of the size of what Beam keeps of side inputs: no test fills the 100 MB that they may take."""
    return 1
