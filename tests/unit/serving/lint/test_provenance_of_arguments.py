"""What Python gives for an argument of a function, and which functions a node mentions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.provenance import ASSET, Model, called, text

from trueserve.transforms.serving.lint import provenance
from trueserve.transforms.serving.lint.graphs import Graphs
from trueserve.transforms.serving.lint.provenance import Source


def test_the_functions_that_a_node_mentions() -> None:
    node = Model().graph.add(name="deep", op="Case")
    node.attr["f"].func.name = "g"
    node.attr["f"].func.attr["body"].func.name = "h"
    node.attr["l"].list.func.add(name="i")
    assert set(provenance.called_functions(node)) == {"Case", "g", "h", "i"}


def from_python(*kinds: str, bound: Sequence[int] | None = None) -> Model:
    """`f` is called from Python, with objects that it has captured for its last arguments."""
    model = called()
    objects = model.proto.object_graph_def
    for kind in kinds:
        node = objects.nodes.add()
        if kind == "asset":
            node.asset.asset_file_def_index = 0
        elif kind == "absent":
            node.asset.asset_file_def_index = 1
        elif kind == "constant":
            node.constant.operation = "text"
        elif kind == "placeholder":
            node.constant.operation = "path"
        else:
            node.variable.trainable = True
    concrete = objects.concrete_functions["f"]
    concrete.bound_inputs.extend(range(len(kinds)) if bound is None else bound)
    return model


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["asset"], {ASSET}),
        (["variable", "asset"], {ASSET}),
        (["asset", "constant"], {text("a")}),
        (["placeholder"], None),
        (["absent"], None),
        (["variable"], None),
        ([], None),
    ],
)
def test_what_a_function_captured_is_known(kinds: list[str], expected: set[Source] | None) -> None:
    assert from_python(*kinds).sources("read", 0, "f") == expected


def test_an_object_that_is_not_there_is_not_known() -> None:
    assert from_python("asset", bound=[0]).sources("read", 0, "f") == {ASSET}
    assert from_python("asset", bound=[1]).sources("read", 0, "f") is None
    model = from_python("asset")
    model.proto.graph_def.library.function[0].node_def[0].input[0] = "other"
    assert model.sources("read", 0, "f") is None  # not captured: Python may give anything


def test_functions_that_python_may_call_otherwise_are_not_known() -> None:
    for field in ("function", "bare", "captured"):
        model = called("path")
        node = model.proto.object_graph_def.nodes.add()
        if field == "function":
            node.function.concrete_functions.append("f")
        elif field == "bare":
            node.bare_concrete_function.concrete_function_name = "f"
        else:
            node.captured_tensor.concrete_function = "f"
        assert provenance.named_by_objects(Graphs(model.proto)) >= {"f"}
        assert model.sources("read", 0, "f") is None
