"""Names and types of a model's inputs, from protos written out here, and each of them beside a schema."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support import hand_made
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_object_graph_pb2, struct_pb2
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.serving.lint import inputs
from trueserve.transforms.serving.lint.inputs import _Input

FLOAT, DOUBLE, INT32, STRING, INT64 = 1, 2, 3, 7, 9


def signature(**dtypes: int) -> Any:
    made = meta_graph_pb2.SignatureDef()
    for name, dtype in dtypes.items():
        made.inputs[name.replace("__", "/")].dtype = dtype
    return made


def test_parts_of_a_sparse_or_ragged_tensor_are_one_feature() -> None:
    given = signature(
        a=FLOAT,
        a__present=10,
        s__indices=INT64,
        s__values=STRING,
        s__shape=INT64,
        r__values=FLOAT,
        r__row_splits=INT64,
        n__other=INT64,
    )
    assert inputs._tensors(given) == [
        _Input("a", FLOAT, False),
        _Input("n/other", INT64, False),
        _Input("r", FLOAT, False),
        _Input("s", STRING, False),
    ]


def test_one_text_alone_may_be_taken_apart_by_something_else() -> None:
    assert inputs._takes_only_text(signature(a=STRING))
    assert not inputs._takes_only_text(signature(a=STRING, b=STRING))
    assert not inputs._takes_only_text(signature(a=FLOAT))


def test_the_keys_of_a_parser_of_one_example_are_attributes() -> None:
    node = node_def_pb2.NodeDef(op="ParseSingleExample")
    node.attr["sparse_keys"].list.s.extend([b"a", b"\xff"])
    node.attr["dense_keys"].list.s.append(b"b")
    node.attr["sparse_types"].list.type.extend([STRING, FLOAT])
    node.attr["Tdense"].list.type.append(INT64)
    graphs: Any = None
    node_id: Any = None
    assert list(inputs._keys(graphs, node_id, node)) == [
        _Input("a", STRING, True),
        _Input("\ufffd", FLOAT, True),
        _Input("b", INT64, False),
    ]


SCHEMA = {
    feature.name: feature
    for feature in (
        schema_pb2.Feature(name="x", type=schema_pb2.FLOAT),
        schema_pb2.Feature(name="n", type=schema_pb2.INT),
        schema_pb2.Feature(name="label", type=schema_pb2.INT),
        schema_pb2.Feature(name="any"),
    )
}


@pytest.mark.parametrize(
    ("model_input", "expected"),
    [
        (_Input("x", FLOAT, True), None),
        (_Input("x", DOUBLE, True), ("input-type", "warning")),
        (_Input("x", STRING, True), ("input-type", "error")),
        (_Input("n", INT64, True), None),
        (_Input("n", INT32, True), ("input-type", "warning")),
        (_Input("any", STRING, True), None),
        (_Input("new", FLOAT, True), ("input-unknown", "warning")),
        (_Input("label", INT64, True), ("input-not-served", "info")),
        (_Input("label", INT64, False), ("input-not-served", "warning")),
    ],
)
def test_each_input_beside_the_schema(model_input: _Input, expected: tuple[str, str] | None) -> None:
    made = list(inputs._feature_remarks([model_input], SCHEMA, "signature s", {model_input.name} - {"label"}))
    assert [(name, remark.rule, remark.severity) for name, remark in made] == (
        [] if expected is None else [(model_input.name, *expected)]
    )


def test_features_that_no_input_takes_are_named_in_order() -> None:
    made = list(inputs._feature_remarks([_Input("x", FLOAT, True)], SCHEMA, "signature s", {"x", "n", "any"}))
    assert [(name, remark.rule) for name, remark in made] == [
        ("any", "input-lacking"),
        ("n", "input-lacking"),
    ]
    assert made[0][1].message.startswith("signature s does not take any, a feature of the schema; ")


def spec(kind: str, dtype: int) -> struct_pb2.StructuredValue:
    value = struct_pb2.StructuredValue()
    if kind == "tensor":
        value.tensor_spec_value.dtype = dtype
    elif kind == "dtype":
        value.tensor_dtype_value = dtype
    elif kind == "type":
        value.type_spec_value.type_state.CopyFrom(spec("tuple", dtype))
    elif kind == "tuple":
        value.tuple_value.values.add().int64_value = 3
        value.tuple_value.values.add().tensor_dtype_value = dtype
    return value


@pytest.mark.parametrize("kind", ["tensor", "dtype", "type", "tuple"])
def test_the_type_is_found_in_every_spec(kind: str) -> None:
    assert inputs._dtype(spec(kind, INT64)) == INT64
    assert inputs._dtype(struct_pb2.StructuredValue(int64_value=7)) is None


def transform(*, traced: bool = True) -> Any:
    """The graphs of a tf.Transform graph that takes x and n."""
    objects = saved_object_graph_pb2.SavedObjectGraph()
    objects.nodes.add().children.add(node_id=1, local_name="transform_fn")
    objects.nodes.add().bare_concrete_function.concrete_function_name = "f"
    if traced:
        arguments = objects.concrete_functions["f"].canonicalized_input_signature
        fields = arguments.tuple_value.values.add().tuple_value.values.add().dict_value.fields
        fields["x"].CopyFrom(spec("type", FLOAT))
        fields["n"].CopyFrom(spec("tensor", STRING))
    return SimpleNamespace(meta_graph=SimpleNamespace(object_graph_def=objects))


def test_the_transform_graph_takes_what_its_function_was_traced_with() -> None:
    assert inputs._transform_fn_inputs(transform()) == [_Input("n", STRING, True), _Input("x", FLOAT, True)]
    schema = hand_made.schema(*SCHEMA.values())
    model: Any = SimpleNamespace(is_transform=True)
    made = [(name, remark.rule) for name, remark in inputs.remarks(transform(), model, schema)]
    assert made == [("n", "input-type"), ("any", "input-lacking"), ("label", "input-lacking")]
    # Where nothing says what it takes, nothing is lacking.
    assert list(inputs.remarks(transform(traced=False), model, schema)) == []
