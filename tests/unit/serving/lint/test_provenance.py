"""Where a file's name comes from, in graphs put together by hand: every way, and each that is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tensorflow.core.protobuf import meta_graph_pb2

from transforms.serving.lint import provenance
from transforms.serving.lint.graphs import Graphs
from transforms.serving.lint.provenance import Provenance, Source

STRING, INT = 7, 3
ASSET, OTHER_ASSET = Source("asset", "words"), Source("asset", "other")


def text(value: str) -> Source:
    return Source("text", value)


class Model:
    """A MetaGraph in the making."""

    def __init__(self) -> None:
        self.proto = meta_graph_pb2.MetaGraphDef()
        self.proto.saver_def.filename_tensor_name = "saver:0"
        self.graph = self.proto.graph_def.node

    def asset(self, node: str, file: str = "words", op: str = "Placeholder") -> None:
        """A tensor that the loader feeds with an asset's path."""
        self.graph.add(name=node, op=op)
        self.proto.asset_file_def.add(filename=file).tensor_info.name = f"{node}:0"

    def const(self, name: str, value: str, dtype: int = STRING, count: int = 1) -> None:
        node = self.graph.add(name=name, op="Const")
        node.attr["value"].tensor.dtype = dtype
        node.attr["value"].tensor.string_val.extend([value.encode("utf-8", "surrogateescape")] * count)

    def function(self, name: str, *arguments: str) -> Any:
        body = self.proto.graph_def.library.function.add()
        body.signature.name = name
        for argument in arguments:
            body.signature.input_arg.add(name=argument, type=STRING)
        return body

    def call(self, name: str, *inputs: str, op: str = "PartitionedCall") -> None:
        node = self.graph.add(name=f"call_{len(self.graph)}", op=op, input=inputs)
        node.attr["f"].func.name = name

    def serve(self, tensor: str) -> None:
        self.proto.signature_def["serving_default"].outputs["y"].name = tensor

    def sources(self, name: str, position: int = 0, function: str | None = None) -> set[Source] | None:
        graphs = Graphs(self.proto)
        scope = graphs.scopes[function]
        known = Provenance(graphs).of_input(scope, scope.nodes[name], position)
        return None if known is None else set(known)


def reading(*inputs: str) -> Model:
    """A graph that reads a file."""
    model = Model()
    model.graph.add(name="read", op="ReadFile", input=inputs)
    return model


def test_a_fed_placeholder_is_an_asset() -> None:
    model = reading("path")
    model.asset("path")
    assert model.sources("read") == {ASSET}
    assert model.sources("read", 1) is None


def test_a_constant_that_the_loader_replaces_is_an_asset_where_no_request_runs_it() -> None:
    model = reading("path")
    model.asset("path", op="Const")
    assert model.sources("read") == {ASSET}
    model.serve("read:0")
    assert model.sources("read") is None
    fed = reading("path")
    fed.asset("path")
    fed.serve("read:0")
    assert fed.sources("read") == {ASSET}


def test_the_savers_file_is_the_checkpoint() -> None:
    model = reading("saver")
    model.graph.add(name="saver", op="Placeholder")
    assert model.sources("read") == {Source("checkpoint", "")}


def test_a_placeholder_that_nobody_feeds_can_be_anything() -> None:
    model = reading("path")
    model.graph.add(name="path", op="Placeholder")
    assert model.sources("read") is None
    assert reading("nowhere").sources("read") is None


def test_a_constant_is_its_text() -> None:
    model = reading("path")
    model.const("path", "/etc/\udcff")
    assert model.sources("read") == {text("/etc/\udcff")}


@pytest.mark.parametrize(("dtype", "count"), [(INT, 1), (STRING, 0), (STRING, 2)])
def test_a_constant_of_another_kind_is_no_text(dtype: int, count: int) -> None:
    model = reading("path")
    model.const("path", "a", dtype=dtype, count=count)
    assert model.sources("read") is None


@pytest.mark.parametrize(("inputs", "known"), [(("path",), True), (("^path", "path"), True), ((), False)])
def test_identities_pass_a_name_on(inputs: Sequence[str], known: bool) -> None:
    model = reading("same")
    model.const("path", "a")
    model.graph.add(name="same", op="Identity", input=inputs)
    assert model.sources("read") == ({text("a")} if known else None)


def test_other_ops_can_make_anything() -> None:
    model = reading("made")
    model.const("path", "a")
    model.graph.add(name="made", op="StringLower", input=["path"])
    assert model.sources("read") is None


def test_a_circle_is_not_known() -> None:
    model = reading("one")
    model.graph.add(name="one", op="Identity", input=["two"])
    model.graph.add(name="two", op="Identity", input=["one"])
    assert model.sources("read") is None


def variable(written: str = "path", shared: str | None = "v") -> Model:
    model = reading("value")
    model.asset("path")
    handle = model.graph.add(name="handle", op="VarHandleOp")
    if shared is not None:
        handle.attr["shared_name"].s = shared.encode()
    model.graph.add(name="value", op="ReadVariableOp", input=["handle"])
    model.graph.add(name="assign", op="AssignVariableOp", input=["handle", written])
    return model


def test_a_variable_is_all_that_is_written_into_it() -> None:
    assert variable().sources("read") == {ASSET}
    two = variable()
    two.const("text", "a")
    two.graph.add(name="again", op="AssignVariableOp", input=["handle", "text"])
    two.graph.add(name="checked", op="VarIsInitializedOp", input=["handle"])
    assert two.sources("read") == {ASSET, text("a")}
    unknown = variable()
    unknown.graph.add(name="again", op="AssignVariableOp", input=["handle", "request"])
    assert unknown.sources("read") is None


def test_a_variable_that_nothing_is_written_into_is_not_known() -> None:
    model = variable()
    del model.graph[-1]
    assert model.sources("read") is None


def test_a_variable_has_one_name_for_all_its_handles() -> None:
    model = variable()
    alias = model.graph.add(name="alias", op="_VarHandlesOp")
    alias.attr["shared_name"].s = b"v"
    assert model.sources("read") == {ASSET}
    model.graph.add(name="again", op="AssignVariableOp", input=["alias", "request"])
    assert model.sources("read") is None
    other = variable()
    other.graph.add(name="alias", op="VarHandleOp").attr["shared_name"].s = b"w"
    other.graph.add(name="again", op="AssignVariableOp", input=["alias", "request"])
    assert other.sources("read") == {ASSET}


def test_a_handle_without_a_shared_name_goes_by_its_own() -> None:
    model = variable(shared=None)
    assert model.sources("read") == {ASSET}
    model.graph.add(name="alias", op="VarHandleOp").attr["shared_name"].s = b"handle"
    model.graph.add(name="again", op="AssignVariableOp", input=["alias", "request"])
    assert model.sources("read") is None


def test_a_variable_that_goes_elsewhere_or_into_functions_is_not_known() -> None:
    model = variable()
    model.call("f", "handle")
    assert model.sources("read") is None
    inside = variable()
    handle = inside.function("f").node_def.add(name="handle", op="VarHandleOp")
    handle.attr["shared_name"].s = b"v"
    assert inside.sources("read") is None
    swapped = variable()
    swapped.graph.add(name="again", op="AssignVariableOp", input=["other", "handle"])
    assert swapped.sources("read") == {ASSET}


def test_a_value_that_no_handle_gives_is_not_known() -> None:
    model = reading("value")
    model.graph.add(name="value", op="ReadVariableOp", input=["nowhere"])
    assert model.sources("read") is None
    in_function = variable()
    body = in_function.function("f")
    body.node_def.add(name="value", op="ReadVariableOp", input=["handle"])
    body.node_def.add(name="read", op="ReadFile", input=["value:value:0"])
    assert in_function.sources("read", 0, "f") is None


def called(*callers: str) -> Model:
    """`f` reads the file that its second argument names."""
    model = Model()
    model.asset("path")
    model.const("text", "a")
    model.function("f", "other", "file").node_def.add(name="read", op="ReadFile", input=["file"])
    for caller in callers:
        model.call("f", "text", caller)
    return model


def test_an_argument_is_what_all_callers_give() -> None:
    assert called("path").sources("read", 0, "f") == {ASSET}
    assert called("path", "text").sources("read", 0, "f") == {ASSET, text("a")}
    assert called("path", "request").sources("read", 0, "f") is None
    assert called().sources("read", 0, "f") is None


def test_an_argument_of_a_call_that_is_not_plain_is_not_known() -> None:
    for op, known in (
        ("StatefulPartitionedCall", True),
        ("f", True),
        ("RemoteCall", False),
        ("While", False),
    ):
        model = called()
        model.call("f", "text", "path", op=op)
        assert model.sources("read", 0, "f") == ({ASSET} if known else None), op
    short = called()
    short.call("f", "path")
    assert short.sources("read", 0, "f") is None
    listed = called("path")
    node = listed.graph.add(name="case", op="Case", input=["text", "path"])
    node.attr["branches"].list.func.add(name="f")
    assert listed.sources("read", 0, "f") is None
    deep = called("path")
    node = deep.graph.add(name="deep", op="Case", input=["text", "path"])
    node.attr["f"].func.name = "g"
    node.attr["f"].func.attr["body"].func.name = "f"
    assert deep.sources("read", 0, "f") is None


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


def sources_of_folder(
    pattern: str, rewrite: str = "", file: str = "a_done", static: bool = True
) -> set[Source] | None:
    model = reading("folder")
    model.asset("path", file)
    if static:
        node = model.graph.add(name="folder", op="StaticRegexReplace", input=["path"])
        node.attr["pattern"].s, node.attr["rewrite"].s = pattern.encode(), rewrite.encode()
    else:
        model.const("pattern", pattern)
        model.const("rewrite", rewrite)
        model.graph.add(name="folder", op="RegexReplace", input=["path", "pattern", "rewrite"])
    return model.sources("read")


@pytest.mark.parametrize("static", [True, False])
def test_the_folder_of_an_asset_that_ends_in_done_is_the_models(static: bool) -> None:
    assert sources_of_folder("done", static=static) == {Source("asset", "a_done")}
    assert sources_of_folder("a_done", static=static) == {Source("asset", "a_done")}
    assert sources_of_folder("done", "x", static=static) is None
    assert sources_of_folder("done", file="a", static=static) is None
    assert sources_of_folder(".*done", static=static) is None
    assert sources_of_folder("one", static=static) is None


def test_a_pattern_that_is_not_known_may_be_anything() -> None:
    model = reading("folder")
    model.asset("path", "done")
    model.const("rewrite", "")
    model.graph.add(name="folder", op="RegexReplace", input=["path", "request", "rewrite"])
    assert model.sources("read") is None
    text_alone = reading("folder")
    text_alone.const("path", "done")
    node = text_alone.graph.add(name="folder", op="StaticRegexReplace", input=["path"])
    node.attr["pattern"].s = b"done"
    assert text_alone.sources("read") is None
    nothing = reading("folder")
    nothing.graph.add(name="folder", op="StaticRegexReplace").attr["pattern"].s = b"done"
    assert nothing.sources("read") is None
    unknown = reading("folder")
    unknown.graph.add(name="folder", op="StaticRegexReplace", input=["request"]).attr["pattern"].s = b"done"
    assert unknown.sources("read") is None
    of_asset = reading("folder")
    of_asset.asset("path", "done")
    of_asset.const("rewrite", "")
    of_asset.graph.add(name="folder", op="RegexReplace", input=["path", "path", "rewrite"])
    assert of_asset.sources("read") is None
