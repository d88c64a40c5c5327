"""tf.Transform's commonest mistakes, named before a job is run: the output, its shape, the feature, the line.

tf.Transform itself finds them when the analysis is done, or a worker does, and names no feature and no line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph import traced as tracing
from trueserve.transforms.graph.absent_imports import is_absent
from trueserve.transforms.graph.module_errors import one_line
from trueserve.transforms.graph.preprocessing import PreprocessingFn
from trueserve.transforms.graph.traced import Traced, TraceError, listed

#: What a row may hold once it is transformed.
_DTYPES = (tf.string, tf.int64, tf.float32)
_MOST_NAMED = 5
_LONGEST = 500
# Their integer inputs are values like any others; those of other ops may say what shape the result has.
_ELEMENTWISE = frozenset(
    [
        *("Identity", "Cast", "Add", "AddV2", "Sub", "Mul", "RealDiv", "FloorDiv", "FloorMod", "Mod", "Neg"),
        *("Maximum", "Minimum", "Abs", "Select", "SelectV2", "LogicalAnd", "LogicalOr", "LookupTableFindV2"),
        *("Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"),
    ]
)
_ONE_EACH = "tf.sparse.to_dense(tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1]), default)"
_GRAPH_ONLY = (
    "preprocessing_fn is traced once, as a graph, and sees no values: use TensorFlow's ops in it"
    " (tf.math for numpy, tf.where for if)"
)


@dataclasses.dataclass(frozen=True)
class _Problem:
    """What is wrong with an output, or with a step: `key` is the same for those that one change mends."""

    key: str
    output: str
    line: str
    message: str


def check(
    preprocessing_fn: PreprocessingFn, schema: schema_pb2.Schema, most_values: Mapping[str, int] | None = None
) -> None:
    """Traces the function on the schema's features and looks at what it gives.

    Args:
      most_values: the most values that a row of the examples has, by feature, where that is known.

    Raises UsageError where it cannot be traced, or tf.Transform could not write what it gives.
    """
    try:
        traced = tracing.trace(preprocessing_fn, schema)
    except TraceError as failed:
        raise UsageError(explained(failed.error, preprocessing_fn, failed.inputs)) from failed.error
    problems = [*_no_outputs(traced), *_of_outputs(traced), *_narrow(traced, most_values or {})]
    problems += _made_outside(traced)
    if problems:
        raise UsageError(_message(problems))


def explained(
    error: BaseException, preprocessing_fn: PreprocessingFn, inputs: Mapping[str, str] | None = None
) -> str:
    """What is said of an error that the function raised while it was traced, in one line."""
    if isinstance(error, UsageError):
        return str(error)
    inputs = inputs or {}
    features = tracing.features_on_line(error, preprocessing_fn, inputs) if inputs else []
    file = tracing.file_and_name(preprocessing_fn)[0]
    line = tracing.line_of_error(error, preprocessing_fn) or file or "the preprocessing function"
    text = " ".join(str(error).split())[:_LONGEST]
    works_on = f" (the line works on {_first(features)})" if features else ""
    if is_absent(error):
        return f"{line}: {text}"
    return f"{line}: cannot be traced: {type(error).__name__}: {text}{works_on}{_hint(error, inputs)}"


def _hint(error: BaseException, inputs: Mapping[str, str]) -> str:
    """What to write instead, where the error is of a kind that many make."""
    text, names = one_line(error), sorted({*inputs.values()})
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"; install {error.name}, or do without it"
    if isinstance(error, KeyError) and error.args and error.args[0] not in names and names:
        no_value = "a column without a value in any row is none, unless --schema says its type"
        return f"; the features are {listed(names[:20])}; {no_value}"
    if "SparseTensor" in text:
        return f"; a feature that rows may lack is a tf.SparseTensor; make it dense first: {_ONE_EACH}"
    if "RaggedTensor" in text:
        return "; give it a width first: x.to_tensor(shape=[None, WIDTH]), or use tf.ragged's ops"
    graph_only = ("symbolic", "'numpy'", "out of scope", "EagerTensor", "Python bool", "Python `bool`")
    if any(word in text for word in graph_only) or "OperatorNotAllowed" in type(error).__name__:
        return f"; {_GRAPH_ONLY}"
    return ""


def _message(problems: list[_Problem]) -> str:
    first, *others = problems
    message = f"{first.line}: {first.message}" if first.line else first.message
    same = [problem.output for problem in others if problem.output and problem.key == first.key]
    different = [problem.output for problem in others if problem.output and problem.key != first.key]
    likewise = f". Likewise {_first(same)}" if same else ""
    return message + likewise + (f". Something else is wrong with {_first(different)}" if different else "")


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return listed(names[:_MOST_NAMED]) + more


def _no_outputs(traced: Traced) -> Iterator[_Problem]:
    if not isinstance(traced.outputs, Mapping):
        kind = type(traced.outputs).__name__
        yield _Problem("", "", traced.file, f"{traced.function} returns a {kind}; return a dict of tensors")
    elif not traced.outputs:
        message = f"{traced.function} returns no output; return a dict of tensors by name"
        yield _Problem("", "", traced.file, message)


def _of_outputs(traced: Traced) -> Iterator[_Problem]:
    outputs = traced.outputs if isinstance(traced.outputs, Mapping) else {}
    for name, value in sorted(outputs.items()):
        if value is None or not hasattr(value, "dtype"):
            kind = type(value).__name__
            yield _Problem("", name, traced.file, f"the output {name!r} is a {kind}; give a tensor")
            continue
        if value.dtype not in _DTYPES:
            yield _of_dtype(traced, name, value)
        elif isinstance(value, tf.Tensor):
            yield from _of_shape(traced, name, value)


def _of_dtype(traced: Traced, name: str, value: Any) -> _Problem:
    ragged = isinstance(value, tf.RaggedTensor)
    op = (value.flat_values if ragged else getattr(value, "values", value)).op
    wanted = "tf.float32" if value.dtype.is_floating else "tf.int64"
    message = (
        f"the output {name!r}, of shape {_shape(value)}{_made_of(traced, op)}, is of type {value.dtype.name};"
        f" tf.Transform writes float32, int64 and string: return tf.cast(..., {wanted})"
    )
    return _Problem("dtype", name, traced.line_of(op), message)


def _of_shape(traced: Traced, name: str, value: Any) -> Iterator[_Problem]:
    rank = value.shape.rank
    described = f"the output {name!r} has shape {_shape(value)}{_made_of(traced, value.op)}"
    if rank == 0:
        message = (
            f"{described}: one value for all rows; give each row its own, as in"
            " tf.fill([tf.shape(x)[0], 1], value)"
        )
        yield _Problem("scalar", name, traced.line_of(value.op), message)
    elif rank is not None and value.shape[0] is not None:
        message = f"{described}: so many rows whatever the batch; the first dimension must be the batch's"
        yield _Problem("rows", name, traced.line_of(value.op), message)
    elif rank is None or None in value.shape.as_list()[1:]:
        origin = _origin(traced, value)
        if origin is not None:
            message = f"{described}: {_cause(origin)}"
            yield _Problem(origin.type, name, traced.line_of(origin) or traced.line_of(value.op), message)


def _origin(traced: Traced, tensor: Any) -> Any | None:
    """The op that made a size unknown; None where the analysis may make it known."""
    waiting, seen, origin = [tensor.op], set(), None
    while waiting:
        op = waiting.pop()
        if op.name in seen:
            continue
        seen.add(op.name)
        if _has_analyzed_shape(traced, op):
            return None
        if unknown := [each.op for each in op.inputs if op.name not in traced.inputs and _is_unknown(each)]:
            waiting.extend(unknown)
        else:
            origin = op
    return origin


def _has_analyzed_shape(traced: Traced, op: Any) -> bool:
    """Whether the analysis may give the shape: vocabulary sizes, quantiles, what the op takes as a size."""
    if op.name in traced.analyzed and not [each for each in op.inputs if each.op.name in traced.analyzed]:
        return True
    sizes = [each for each in op.inputs if each.dtype.is_integer and (each.shape.rank or 0) <= 1]
    return op.type not in _ELEMENTWISE and any(each.op.name in traced.analyzed for each in sizes)


def _is_unknown(tensor: Any) -> bool:
    return tensor.shape.rank is None or None in tensor.shape.as_list()[1:]


def _cause(origin: Any) -> str:
    if origin.type == "SparseToDense":
        return (
            "tf.sparse.to_dense makes it as wide as the widest row of each batch, which is not known; where a"
            f" row has at most one value, write {_ONE_EACH}; else return it sparse"
        )
    if origin.type == "RaggedTensorToTensor":
        return (
            "to_tensor makes it as wide as the widest row of each batch, which is not known; write"
            " to_tensor(shape=[None, WIDTH]), or return it ragged"
        )
    return (
        f"{origin.type} leaves a size unknown, and each but the batch's must be known; write"
        " tf.reshape(x, [-1, WIDTH]) or tf.ensure_shape(x, [None, WIDTH]), or return it sparse or ragged"
    )


def _narrow(traced: Traced, most_values: Mapping[str, int]) -> Iterator[_Problem]:
    """Steps that make a feature dense with fewer columns than rows of the examples have values."""
    for op in traced.graph.get_operations():
        if op.type != "SparseToDense":
            continue
        feature = _fed_with(traced, op.inputs[0].op)
        width = _width(op.inputs[1])
        most = most_values.get(feature or "", 0)
        if width is not None and most > width and _is_used(traced, op):
            message = (
                f"{feature!r} is made dense with the width {width}, and a row of the examples has {most:,}"
                f" values; make it {most:,} wide, or leave it sparse"
            )
            yield _Problem("width", "", traced.line_of(op), message)


def _is_used(traced: Traced, op: Any) -> bool:
    """Whether anything needs what an op gives: else TensorFlow leaves it out."""
    outputs = tf.nest.flatten(dict(traced.outputs), expand_composites=True)
    return bool(op.outputs[0].consumers()) or any(tensor.op.name == op.name for tensor in outputs)


def _made_outside(traced: Traced) -> Iterator[_Problem]:
    """Tables and variables that the function did not make: tf.Transform does not save them."""
    for name, op in traced.made_outside():
        message = (
            f"{name} is made outside of {traced.function}, and tf.Transform cannot save it with the graph;"
            f" make it inside, by tft.make_and_track_object(lambda: ..., name={name!r})"
        )
        yield _Problem("outside", "", traced.line_of(op), message)


def _fed_with(traced: Traced, op: Any) -> str | None:
    """The feature that reaches an op as it is."""
    while op.type == "Identity" and op.name not in traced.inputs:
        op = op.inputs[0].op
    feature: str | None = traced.inputs.get(op.name)
    return feature


def _width(shape: Any) -> int | None:
    from tensorflow.python.framework import tensor_util

    known = tensor_util.constant_value_as_shape(shape)
    return known[1] if known.rank == 2 else None


def _made_of(traced: Traced, op: Any) -> str:
    features = traced.features_of(op)
    return f" (made of {_first(features)})" if features else ""


def _shape(value: Any) -> str:
    shape = value.shape
    if shape.rank is None:
        return "unknown"
    sizes = ["?" if size is None else str(size) for size in shape.as_list()]
    return f"[{', '.join(['batch', *sizes[1:]] if sizes[:1] == ['?'] else sizes)}]"
