"""Where the name of a file comes from: an asset of the model, the loader's own checkpoint, or anything else.

It is a proof, unlike the lint's other walks: a tensor is only what every way to it says, and every way has to
be known. So an argument of a function is what all its callers give, those in Python (by the object graph)
among them; and what comes by a way that is not understood can be anything, which is None.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from trueserve.transforms.serving.lint.graphs import Graphs, NodeId, Ref, Scope, asset_files

_PLAIN_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_STRING = 7  # DT_STRING
_VARIABLE_OPS = frozenset({"AssignVariableOp", "ReadVariableOp", "VarIsInitializedOp"})
# How decision forests get the folder of their model from the file `...done` in it.
_DONE = re.compile(r"\w*done")


class Source(NamedTuple):
    """`asset` with its file's name, `text` with a constant's value, or `checkpoint`: the loader gives it."""

    kind: str
    value: str


Sources = frozenset[Source]
_CHECKPOINT: Sources = frozenset({Source("checkpoint", "")})


class Provenance:
    """The sources of a MetaGraph's tensors of text."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        graph = graphs.scopes[None]
        assets = asset_files(graphs.meta_graph)
        self._files = [asset.filename for asset in assets]
        self._assets = {graph.ref(asset.tensor_info.name).name: asset.filename for asset in assets}
        self._saver = graph.ref(graphs.meta_graph.saver_def.filename_tensor_name).name
        self._users = _users(graphs)
        self._variables = _variables(graphs)
        objects = graphs.meta_graph.object_graph_def
        self._from_python = named_by_objects(graphs)
        self._objects = objects

    def of_input(self, scope: Scope, node: Any, position: int) -> Sources | None:
        """All that this input can be; None if that is not known."""
        inputs = scope.inputs(node)
        return self._sources(scope, inputs[position], frozenset()) if position < len(inputs) else None

    def _sources(self, scope: Scope, ref: Ref, above: frozenset[tuple[str | None, str]]) -> Sources | None:
        key = (scope.name, ref.name)
        if key in above:
            return None
        above = above | {key}
        node = scope.nodes.get(ref.name)
        if node is None:
            return self._argument_sources(scope, ref.name, above)
        if scope.name is None and ref.name in {*self._assets, self._saver}:
            return self._loader_sources(node)
        return self._node_sources(scope, node, above)

    def _loader_sources(self, node: Any) -> Sources | None:
        """A placeholder has no value but the loader's; a constant has its own where the loader gives none."""
        if node.name not in self._assets:
            return _CHECKPOINT
        fed = node.op == "Placeholder" or NodeId(None, node.name) not in self._graphs.served
        return _asset(self._assets[node.name]) if fed else None

    def _node_sources(
        self, scope: Scope, node: Any, above: frozenset[tuple[str | None, str]]
    ) -> Sources | None:
        inputs = scope.inputs(node)
        if node.op == "Const":
            return _text(node)
        if node.op == "Identity" and inputs:
            return self._sources(scope, inputs[0], above)
        if node.op == "ReadVariableOp" and inputs and scope.name is None:
            return self._variable_sources(inputs[0].name, above)
        if node.op in ("RegexReplace", "StaticRegexReplace") and inputs:
            return self._without_done(scope, node, above)
        return None

    def _variable_sources(self, name: str, above: frozenset[tuple[str | None, str]]) -> Sources | None:
        graph = self._graphs.scopes[None]
        node = graph.nodes.get(name)
        aliases = self._variables.get(_shared_name(node), []) if node is not None else []
        if not aliases or any(node_id.function is not None for node_id in aliases):
            return None
        users = [user for node_id in aliases for user in graph.consumers.get(node_id.name, [])]
        if any(user.op not in _VARIABLE_OPS for user, _, _ in users):
            return None
        written = [
            graph.inputs(user)[1] for user, at, _ in users if user.op == "AssignVariableOp" and at == 0
        ]
        return _union(self._sources(graph, ref, above) for ref in written)

    def _argument_sources(
        self, scope: Scope, argument: str, above: frozenset[tuple[str | None, str]]
    ) -> Sources | None:
        if scope.name is None or argument not in scope.arguments:
            return None
        index = scope.arguments.index(argument)
        sources: list[Sources | None] = []
        for caller, node in self._users.get(scope.name, []):
            inputs = caller.inputs(node)
            plain = node.op in _PLAIN_CALLS or node.op == scope.name
            known = plain and len(inputs) == len(scope.arguments)
            sources.append(self._sources(caller, inputs[index], above) if known else None)
        if scope.name in self._from_python:
            sources.append(self._captured(scope, index))
        return _union(sources)

    def _captured(self, scope: Scope, index: int) -> Sources | None:
        """What Python gives for an argument: the last ones are what the function captured."""
        concrete = self._objects.concrete_functions.get(scope.name)
        if concrete is None:
            return None
        index -= len(scope.arguments) - len(concrete.bound_inputs)
        if index < 0 or concrete.bound_inputs[index] >= len(self._objects.nodes):
            return None
        node = self._objects.nodes[concrete.bound_inputs[index]]
        kind = node.WhichOneof("kind")
        if kind == "asset" and node.asset.asset_file_def_index < len(self._files):
            return _asset(self._files[node.asset.asset_file_def_index])
        constant = (
            self._graphs.scopes[None].nodes.get(node.constant.operation) if kind == "constant" else None
        )
        return _text(constant) if constant is not None and constant.op == "Const" else None

    def _without_done(
        self, scope: Scope, node: Any, above: frozenset[tuple[str | None, str]]
    ) -> Sources | None:
        inputs = scope.inputs(node)
        if node.op == "StaticRegexReplace":
            pattern, rewrite = (node.attr[key].s.decode("utf-8", "replace") for key in ("pattern", "rewrite"))
        else:
            texts = [_only_text(self._sources(scope, ref, above)) for ref in inputs[1:3]]
            pattern, rewrite = texts if None not in texts else ("", "x")
        sources = self._sources(scope, inputs[0], above)
        if rewrite or not _DONE.fullmatch(pattern) or sources is None:
            return None
        fitting = all(source.kind == "asset" and source.value.endswith(pattern) for source in sources)
        return sources if fitting else None


def named_by_objects(graphs: Graphs) -> set[str]:
    """The functions that Python may call, by any mention in the object graph."""
    objects = graphs.meta_graph.object_graph_def
    names = set(objects.concrete_functions)
    for node in objects.nodes:
        names |= {*node.function.concrete_functions, node.bare_concrete_function.concrete_function_name}
        names.add(node.captured_tensor.concrete_function)
    return names


def called_functions(node: Any) -> Iterator[str]:
    """Names of the functions that a node mentions, as its op or in an attribute, and in those of theirs."""
    yield node.op
    queue = list(node.attr.values())
    while queue:
        value = queue.pop()
        for function in ([value.func] if value.HasField("func") else []) + list(value.list.func):
            yield function.name
            queue.extend(function.attr.values())


def _users(graphs: Graphs) -> dict[str, list[tuple[Scope, Any]]]:
    users = collections.defaultdict(list)
    for scope in graphs.scopes.values():
        for node in scope.nodes.values():
            for name in set(called_functions(node)):
                users[name].append((scope, node))
    return users


def _variables(graphs: Graphs) -> dict[str, list[NodeId]]:
    """Handles by the name that makes them the same variable, in whatever container."""
    handles = collections.defaultdict(list)
    for node_id in graphs.node_ids():
        node = graphs.node(node_id)
        if node.op in ("VarHandleOp", "_VarHandlesOp"):
            handles[_shared_name(node)].append(node_id)
    return handles


def _shared_name(node: Any) -> str:
    name = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    return name.decode("utf-8", "replace") or str(node.name)


def _asset(name: str) -> Sources:
    return frozenset({Source("asset", name)})


def _text(node: Any) -> Sources | None:
    proto = node.attr["value"].tensor
    if proto.dtype != _STRING or len(proto.string_val) != 1:
        return None
    return frozenset({Source("text", proto.string_val[0].decode("utf-8", "surrogateescape"))})


def _only_text(sources: Sources | None) -> str | None:
    [source] = sources if sources is not None and len(sources) == 1 else [None]
    return source.value if source is not None and source.kind == "text" else None


def _union(parts: Iterable[Sources | None]) -> Sources | None:
    """All of them; None if one is not known, or if there is none at all."""
    known: set[Source] = set()
    for part in parts:
        if part is None:
            return None
        known |= part
    return frozenset(known) or None
