"""The rules on inputs: what the graphs take against what the schema says that there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.serving.lint.constants import constant
from trueserve.transforms.serving.lint.finding import Severity
from trueserve.transforms.serving.lint.graphs import Graphs, NodeId, signatures
from trueserve.transforms.serving.lint.ops import Remark
from trueserve.transforms.serving.lint.saved_model import SavedModel, dtype_of

# tf.DType enums by the kind of feature: the type that training used, and others that can hold such values.
_FLOAT, _DOUBLE, _INT32, _STRING, _INT64, _HALF, _BFLOAT16 = 1, 2, 3, 7, 9, 19, 14
_TYPES = {
    schema_pb2.INT: (_INT64, {_INT32, 4, 5, 6, 17, 22, 23, 10}),
    schema_pb2.FLOAT: (_FLOAT, {_DOUBLE, _HALF, _BFLOAT16}),
    schema_pb2.BYTES: (_STRING, set()),
}
# A feature of several tensors has inputs of these names; see docs/served-model.md.
_PARTS = ("present", "indices", "shape", "row_splits")
_VALUES = "values"
_PARSERS = frozenset({"ParseExampleV2", "ParseExample", "ParseSingleExample"})


class _Input(NamedTuple):
    """An input by the name of its feature: its tf.DType's number, and whether a request may lack it."""

    name: str
    dtype: int
    optional: bool


def remarks(graphs: Graphs, model: SavedModel, schema: schema_pb2.Schema) -> Iterator[tuple[str, Remark]]:
    """Inputs, by name, that are at odds with the schema."""
    features = {feature.name: feature for feature in schema.feature if schemas.is_used(feature)}
    if model.is_transform:
        model_inputs = _transform_fn_inputs(graphs)
        yield from (
            _feature_remarks(model_inputs, features, "the transform graph", set(features))
            if model_inputs
            else ()
        )
        return
    serving = set(schemas.serving_features(schema))
    for name, signature in signatures(graphs.meta_graph).items():
        yield from _signature_remarks(graphs, name, signature, features, serving)


def _signature_remarks(
    graphs: Graphs, name: str, signature: Any, features: Mapping[str, Any], serving: set[str]
) -> Iterator[tuple[str, Remark]]:
    where = f"signature {name}"
    parsed = list(_parsed(graphs, signature))
    model_inputs = parsed or _tensors(signature)
    if any(model_input.name in features for model_input in model_inputs):
        yield from _feature_remarks(model_inputs, features, where, serving)
    elif parsed or not _takes_only_text(signature):
        problem = f"no input of {where} is a raw feature of the schema"
        advice = "export the model with its preprocessing, or name the baseline that it belongs to"
        yield name, Remark("inputs-not-raw", "warning", f"{problem}; {advice}")
    for key, info in signature.inputs.items() if parsed else ():
        if dtype_of(info) != _STRING and len(signature.inputs) == 1:
            problem = (
                f"input {key} of {where} is {_name(dtype_of(info))}; expected string: serialized tf.Examples"
            )
            yield key, Remark("input-type", "error", f"{problem}; export the model again")


def _takes_only_text(signature: Any) -> bool:
    """One string tensor, which something else than TensorFlow's parsers may take apart."""
    return [dtype_of(info) for info in signature.inputs.values()] == [_STRING]


def _feature_remarks(
    model_inputs: list[_Input], features: Mapping[str, Any], where: str, expected: set[str]
) -> Iterator[tuple[str, Remark]]:
    for model_input in model_inputs:
        feature = features.get(model_input.name)
        if feature is None:
            problem = f"{where} takes {model_input.name}, which is no feature of the schema"
            yield (
                model_input.name,
                Remark("input-unknown", "warning", f"{problem}; training never saw it: {_AGAIN}"),
            )
            continue
        yield from _type_remarks(model_input, feature, where)
        if model_input.name not in expected:
            problem = f"{where} takes {model_input.name}, which requests do not have by the schema"
            severity: Severity = "info" if model_input.optional else "warning"
            yield (
                model_input.name,
                Remark("input-not-served", severity, f"{problem}; leave it out of the serving signature"),
            )
    for name in sorted(expected - {model_input.name for model_input in model_inputs}):
        problem = f"{where} does not take {name}, a feature of the schema"
        yield name, Remark("input-lacking", "warning", f"{problem}; its values are ignored: {_AGAIN}")


_AGAIN = "build the model with the schema that it was trained with"


def _type_remarks(model_input: _Input, feature: Any, where: str) -> Iterator[tuple[str, Remark]]:
    if feature.type not in _TYPES:
        return
    expected, others = _TYPES[feature.type]
    if model_input.dtype != expected:
        problem = (
            f"{where} takes {model_input.name} as {_name(model_input.dtype)};"
            f" the schema says {_name(expected)}"
        )
        severity: Severity = "warning" if model_input.dtype in others else "error"
        yield model_input.name, Remark("input-type", severity, f"{problem}; {_AGAIN}")


def _name(dtype: int) -> str:
    import tensorflow as tf

    return str(tf.as_dtype(dtype).name) if dtype else "of no type"


def _tensors(signature: Any) -> list[_Input]:
    """The features that a signature takes as tensors."""
    model_inputs = []
    for name, info in sorted(signature.inputs.items()):
        base, _, part = name.rpartition("/")
        if not base or part not in (*_PARTS, _VALUES):
            base = name
        if base == name or part == _VALUES:
            model_inputs.append(_Input(base, dtype_of(info), optional=False))
    return model_inputs


def _parsed(graphs: Graphs, signature: Any) -> Iterator[_Input]:
    """The features that the parsers of tf.Examples which this signature runs look for."""
    outputs = [name for info in signature.outputs.values() for name in [info.name] if name]
    for node_id in sorted(graphs.reached(outputs), key=str):
        node = graphs.node(node_id)
        if node.op in _PARSERS:
            yield from _keys(graphs, node_id, node)


def _keys(graphs: Graphs, node_id: NodeId, node: Any) -> Iterator[_Input]:
    types = {kind: list(node.attr[attr].list.type) for kind, attr in _TYPE_ATTRIBUTES.items()}
    names = _names_by_kind(graphs, node_id, node, types)
    for kind, keys in names.items():
        for name, dtype in zip(keys, types[kind], strict=False):
            yield _Input(str(name), dtype, optional=kind != "dense")


_TYPE_ATTRIBUTES = {"sparse": "sparse_types", "dense": "Tdense", "ragged": "ragged_value_types"}


def _names_by_kind(
    graphs: Graphs, node_id: NodeId, node: Any, types: Mapping[str, list[int]]
) -> dict[str, list[Any]]:
    """Keys of a parser: vectors (V2), one scalar each, or attributes, by the op."""
    if node.op == "ParseSingleExample":
        parts = {kind: node.attr[f"{kind}_keys"].list.s for kind in ("sparse", "dense")}
        return {kind: [key.decode("utf-8", "replace") for key in keys] for kind, keys in parts.items()}
    inputs = graphs.scopes[node_id.function].inputs(node)[2:]
    values = [_value(graphs, node_id, ref) for ref in inputs]
    if node.op == "ParseExampleV2":
        return dict(zip(("sparse", "dense", "ragged"), values[:3], strict=False))
    count = len(types["sparse"])
    flat = [value[0] if value else "" for value in values[: count + len(types["dense"])]]
    return {"sparse": flat[:count], "dense": flat[count:]}


def _value(graphs: Graphs, node_id: NodeId, ref: Any) -> list[Any]:
    constants = [constant(graphs, origin) for origin in graphs.origins(node_id.function, ref)]
    return next((values for values in constants if values is not None), [])


def _transform_fn_inputs(graphs: Graphs) -> list[_Input]:
    """The raw features of tf.Transform's graph, from what its function was traced with."""
    objects = graphs.meta_graph.object_graph_def
    children = {child.local_name: objects.nodes[child.node_id] for child in objects.nodes[0].children}
    name = children["transform_fn"].bare_concrete_function.concrete_function_name
    function = objects.concrete_functions.get(name)
    if function is None:
        return []
    return sorted(
        _Input(key, _dtype(value) or 0, optional=True)
        for fields in _dicts(function.canonicalized_input_signature)
        for key, value in fields.items()
    )


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    """The dicts among the arguments of a structured signature, not those in them."""
    if value.HasField("dict_value"):
        yield value.dict_value.fields
    for item in value.tuple_value.values if value.HasField("tuple_value") else ():
        yield from _dicts(item)


def _dtype(value: Any) -> int | None:
    """The tf.DType's number of a tensor's, sparse tensor's or ragged tensor's spec."""
    kind = value.WhichOneof("kind")
    if kind == "tensor_spec_value":
        return int(value.tensor_spec_value.dtype)
    if kind == "tensor_dtype_value":
        return int(value.tensor_dtype_value)
    inner = [value.type_spec_value.type_state] if kind == "type_spec_value" else []
    inner += value.tuple_value.values if kind == "tuple_value" else []
    return next((dtype for dtype in map(_dtype, inner) if dtype is not None), None)
