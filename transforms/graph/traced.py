"""The user's preprocessing_fn, traced once before any job: what its outputs are, and which line made them."""

from __future__ import annotations

import dataclasses
import inspect
import linecache
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import analyzer_nodes, annotators, graph_context, impl_helper
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

from trueserve.transforms.core import record_batches
from trueserve.transforms.graph.module_errors import user_files
from trueserve.transforms.graph.preprocessing import PreprocessingFn

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


@dataclasses.dataclass(frozen=True)
class Traced:
    """A preprocessing_fn as a graph.

    Attributes:
      outputs: by name, as the function gave them.
      inputs: name of a graph's op to the raw feature that it is a part of.
      analyzed: names of the ops whose results an analysis has yet to give, and of all that need them.
      values: what the user's module holds, by name.
      file, function: where the function is, and its name there.
      is_tracking: whether it calls `tft.make_and_track_object`.
    """

    graph: Any
    outputs: Mapping[str, Any]
    inputs: Mapping[str, str]
    analyzed: frozenset[str]
    values: Mapping[str, Any]
    file: str
    function: str
    is_tracking: bool = False

    def features_of(self, op: Any) -> list[str]:
        """The raw features that an op's results are computed from, sorted."""
        return features_of(op, self.inputs)

    def line_of(self, op: Any) -> str:
        """`FILE:LINE` of the user's line that made this op, with the helper's; empty where none did."""
        frames = [(frame.filename, frame.lineno, frame.name) for frame in op.traceback]
        line = _location(frames, self.file, self.function)
        # TensorFlow copies what a function returns.
        return self.line_of(op.inputs[0].op) if not line and op.type == "Identity" else line

    def made_outside(self) -> list[tuple[str, Any]]:
        """Tables and variables of the user's module that the graph uses, by name, with an op that does.

        None where the function lets tf.Transform track objects: these may be among them.
        """
        if self.is_tracking:
            return []
        by_handle = {id(handle): name for name, handle in _handles(self.values)}
        used = [(by_handle.get(id(outer)), inner) for outer, inner in self.graph.captures]
        return [(name, inner.consumers()[0]) for name, inner in used if name and inner.consumers()]


class TraceError(Exception):
    """The function raised `error`; `inputs` are the features that it had been given, by op."""

    def __init__(self, error: Exception, inputs: Mapping[str, str]) -> None:
        super().__init__()
        self.error = error
        self.inputs = inputs


def trace(preprocessing_fn: PreprocessingFn, schema: schema_pb2.Schema) -> Traced:
    """Traces the function as tf.Transform does, on the raw features of the schema.

    Raises TraceError from what it raised.
    """
    specs = TensorAdapter(record_batches.adapter_config(schema)).OriginalTypeSpecs()
    recorder = _Recorder(preprocessing_fn)
    try:
        graph, _, outputs = impl_helper.trace_preprocessing_function(recorder, specs, use_tf_compat_v1=False)
    except Exception as error:
        raise TraceError(error, recorder.inputs) from error
    file, name = file_and_name(preprocessing_fn)
    values = getattr(inspect.unwrap(preprocessing_fn), "__globals__", {})
    parts = (graph, outputs or {}, recorder.inputs, _analyzed(graph), values, file, name)
    return Traced(*parts, is_tracking=recorder.is_tracking)


class _Recorder:
    """The function, which notes what it is given."""

    def __init__(self, preprocessing_fn: PreprocessingFn) -> None:
        self.inputs: dict[str, str] = {}
        self.is_tracking = False
        self._function = preprocessing_fn

    def __call__(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        for name, value in inputs.items():
            for component in tf.nest.flatten(value, expand_composites=True):
                self.inputs[component.op.name] = name
        before = _num_tracked()
        outputs = self._function(inputs)
        self.is_tracking = _num_tracked() > before
        return outputs


def _num_tracked() -> int:
    """How many objects are tracked so far by `tft.make_and_track_object`, and attributes of the module."""
    module = graph_context.TFGraphContext.get_module_to_export()
    tracker = getattr(annotators, "_OBJECT_TRACKER", None)
    # Those with a name become attributes of the module that is exported.
    return len(getattr(tracker, "trackable_objects", ())) + (0 if module is None else len(vars(module)))


def file_and_name(function: Callable[..., Any]) -> tuple[str, str]:
    """The file that a function is written in, and its name."""
    code: types.CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    return ("", "") if code is None else (code.co_filename, code.co_name)


def features_of(op: Any, inputs: Mapping[str, str]) -> list[str]:
    """The raw features that an op's results are computed from, sorted; `inputs` as in `Traced`."""
    names, seen, waiting = set(), set(), [op]
    while waiting:
        op = waiting.pop()
        if op.name in inputs:
            names.add(inputs[op.name])
        elif op.name not in seen:
            seen.add(op.name)
            waiting.extend(tensor.op for tensor in op.inputs)
    return sorted(names)


def line_of_error(error: BaseException, preprocessing_fn: PreprocessingFn) -> str:
    """`FILE:LINE` of the user's line that raised, with the helper's; empty where there is none."""
    frames = [(f.f_code.co_filename, line, f.f_code.co_name) for f, line in _frames(error)]
    return _location(frames, *file_and_name(preprocessing_fn))


def features_on_line(
    error: BaseException, preprocessing_fn: PreprocessingFn, inputs: Mapping[str, str]
) -> list[str]:
    """The raw features that the user's innermost line which names any works on."""
    is_users = user_files(file_and_name(preprocessing_fn)[0])
    frames = [(frame, line) for frame, line in _frames(error) if is_users(frame.f_code.co_filename)]
    for frame, line in reversed(frames):
        names = {*inputs.values()}
        on_line = _IDENTIFIER.findall(linecache.getline(frame.f_code.co_filename, line))
        values = [word if word in names else frame.f_locals.get(word) for word in on_line]
        if features := sorted({name for value in values for name in _features_in(value, names, inputs)}):
            return features
    return []


def _features_in(value: Any, names: set[str], inputs: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, str) and value in names:
        yield value
    elif tf.is_tensor(value) or isinstance(value, tf.SparseTensor | tf.RaggedTensor):
        for component in tf.nest.flatten(value, expand_composites=True):
            if hasattr(component, "op") and not hasattr(component, "numpy"):
                yield from features_of(component.op, inputs)


def _frames(error: BaseException) -> list[tuple[types.FrameType, int]]:
    frames, step = [], error.__traceback__
    while step is not None:
        frames.append((step.tb_frame, step.tb_lineno))
        step = step.tb_next
    return frames


def _location(frames: Sequence[tuple[str, int, str]], file: str, function: str) -> str:
    """The line of the user's function, and where a helper of theirs did the work, that one's too."""
    is_users = user_files(file)
    users = [frame for frame in frames if is_users(frame[0])]
    inside = [frame for frame in users if frame[0] == file and frame[2] == function]
    if not users:
        return ""
    path, line, _ = (inside or users)[-1]
    helper = users[-1]
    by = f" (in {helper[2]}, {Path(helper[0]).name}:{helper[1]})" if inside and helper != inside[-1] else ""
    return f"{path}:{line}{by}"


def _handles(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        yield name, getattr(value, "resource_handle", None)
        yield name, getattr(value, "handle", None)
        if isinstance(value, tf.Module):  # Keras' layers and models too
            yield from (
                (name, variable.handle) for variable in value.variables if hasattr(variable, "handle")
            )


def _analyzed(graph: Any) -> frozenset[str]:
    sinks = graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS)
    names = {sink.tensor.op.name for sink in sinks}
    for op in graph.get_operations():  # in the order in which they were made: inputs first
        if op.name not in names and any(tensor.op.name in names for tensor in op.inputs):
            names.add(op.name)
    return frozenset(names)


def listed(names: Iterable[str]) -> str:
    """Names in quotes."""
    return ", ".join(map(repr, names))
