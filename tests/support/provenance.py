"""Graphs that are put together by hand, in which the lint looks for where a name comes from."""

from __future__ import annotations

from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from trueserve.transforms.serving.lint.graphs import Graphs
from trueserve.transforms.serving.lint.provenance import Provenance, Source

STRING, INT = 7, 3
#: The asset that `Model.asset` makes.
ASSET = Source("asset", "words")


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


def called(*callers: str) -> Model:
    """`f` reads the file that its second argument names."""
    model = Model()
    model.asset("path")
    model.const("text", "a")
    model.function("f", "other", "file").node_def.add(name="read", op="ReadFile", input=["file"])
    for caller in callers:
        model.call("f", "text", caller)
    return model
