"""The graph of a MetaGraph with its functions, as protos: what is reached, where tensors come from and go.

A `Scope` is the graph itself or one function of its library; a `NodeId` is a node of a scope, or an argument
of a function. The walks follow calls into functions and out of them, without regard to who called: what is
called twice is seen once, so that a walk ends after as many steps as there are tensors.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "RemoteCall", "TPUPartitionedCall"})
# Calls whose first input (the condition, the index of the branch) does not go into the function.
_BRANCHES = frozenset({"If", "StatelessIf", "Case", "StatelessCase", "_If"})
_LOOPS = frozenset({"While", "StatelessWhile", "_While"})
_ASSETS = "saved_model_assets"
INIT_SIGNATURE = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op", "table_initializer")


class NodeId(NamedTuple):
    """A node or an argument, by the function that it stands in (None: the graph itself) and its name."""

    function: str | None
    name: str


class Ref(NamedTuple):
    """An input as a node names it: the place in the same scope and which output; None for all of them."""

    name: str
    output: int | None


@dataclasses.dataclass(frozen=True)
class Scope:
    """The graph or a function: nodes by name, names of arguments, and the tensors that it returns."""

    name: str | None
    nodes: Mapping[str, Any]
    arguments: Sequence[str] = ()
    returns: Sequence[Ref] = ()
    controls: Sequence[str] = ()

    def inputs(self, node: Any) -> list[Ref]:
        """The data inputs of a node, in their order."""
        return [self.ref(name) for name in node.input if not name.startswith("^")]

    def ref(self, name: str) -> Ref:
        """`NODE`, `NODE:INDEX` in a graph, `NODE:OUTPUT:INDEX` in a function: the index is the last part."""
        parts = name.lstrip("^").split(":")
        return Ref(parts[0], int(parts[-1]) if len(parts) > 1 else 0)

    @functools.cached_property
    def consumers(self) -> dict[str, list[tuple[Any, int, Ref]]]:
        """For each node or argument the nodes that it goes into, with the position among their inputs."""
        consumers = collections.defaultdict(list)
        for node in self.nodes.values():
            for position, ref in enumerate(self.inputs(node)):
                consumers[ref.name].append((node, position, ref))
        return consumers


class Graphs:
    """A MetaGraphDef, indexed.

    Attributes:
      meta_graph: the proto.
      scopes: by the function's name, None for the graph itself.
    """

    def __init__(self, meta_graph: Any) -> None:
        self.meta_graph = meta_graph
        graph = meta_graph.graph_def
        self.scopes: dict[str | None, Scope] = {None: Scope(None, {node.name: node for node in graph.node})}
        for function in graph.library.function:
            self.scopes[function.signature.name] = _scope(function)
        self._callers = self._find_callers()

    def node(self, node_id: NodeId) -> Any:
        """The NodeDef; None for an argument and for what is not there."""
        return self.scopes[node_id.function].nodes.get(node_id.name)

    def node_ids(self) -> Iterator[NodeId]:
        """Every node of the graph and of its functions."""
        for scope in self.scopes.values():
            yield from (NodeId(scope.name, name) for name in scope.nodes)

    @functools.cached_property
    def served(self) -> set[NodeId]:
        """What a request runs: all that the outputs of the signatures are computed with."""
        return self.reached(_outputs(self.meta_graph, init=False))

    @functools.cached_property
    def initialised(self) -> set[NodeId]:
        """What loading runs."""
        return self.reached(_outputs(self.meta_graph, init=True))

    def reached(self, tensors: Iterable[str]) -> set[NodeId]:
        """Nodes that run for these tensors of the graph, those of control inputs and functions included."""
        graph = self.scopes[None]
        queue = [NodeId(None, graph.ref(name).name) for name in tensors]
        seen: set[NodeId] = set()
        while queue:
            node_id = queue.pop()
            node = None if node_id in seen else self.node(node_id)
            if node is not None:
                seen.add(node_id)
                queue.extend(self._needed(self.scopes[node_id.function], node))
        return seen

    def _needed(self, scope: Scope, node: Any) -> Iterator[NodeId]:
        yield from (NodeId(scope.name, scope.ref(name).name) for name in node.input)
        for called in self._called(node):
            names = [*(ref.name for ref in called.returns), *called.controls]
            yield from (NodeId(called.name, name) for name in names)

    def origins(self, function: str | None, ref: Ref) -> set[NodeId]:
        """The nodes that a tensor's value comes from, through calls, arguments, identities and variables."""
        node_ids: set[NodeId] = set()
        seen: set[tuple[str | None, Ref]] = set()
        queue = [(function, ref)]
        while queue:
            state = queue.pop()
            if state not in seen:
                seen.add(state)
                before = list(self._predecessors(*state))
                queue.extend(before)
                if not before and self.scopes[state[0]].nodes.get(state[1].name) is not None:
                    node_ids.add(NodeId(state[0], state[1].name))
        return node_ids

    def _predecessors(self, function: str | None, ref: Ref) -> Iterator[tuple[str | None, Ref]]:
        scope = self.scopes[function]
        node = scope.nodes.get(ref.name)
        if node is None:
            yield from self._argument_values(scope, ref.name)
        elif node.op in ("Identity", "EnsureShape", "StopGradient"):
            yield function, scope.inputs(node)[0]
        elif node.op == "ReadVariableOp":
            yield from self._assigned(scope, scope.inputs(node)[0])
        elif node.op in _CALLS | _BRANCHES | _LOOPS:
            for called in self._bodies(node):
                yield from ((called.name, r) for r in called.returns[ref.output or 0 :][:1])

    def _argument_values(self, scope: Scope, argument: str) -> Iterator[tuple[str | None, Ref]]:
        """What the callers give for an argument."""
        if argument not in scope.arguments:
            return
        index = scope.arguments.index(argument)
        for caller, node in self._callers[scope.name]:
            values = caller.inputs(node)[_offset(node) :]
            yield from ((caller.name, ref) for ref in values[index : index + 1])

    def _assigned(self, scope: Scope, handle: Ref) -> Iterator[tuple[str | None, Ref]]:
        """What is written into a variable of the graph itself (assets' paths are kept in such)."""
        for node, position, _ in scope.consumers.get(handle.name, []) if scope.name is None else []:
            if node.op == "AssignVariableOp" and position == 0:
                yield None, scope.inputs(node)[1]

    def steps(self, function: str | None, ref: Ref) -> Iterator[tuple[Scope, Any, int]]:
        """The nodes that this tensor goes into, with the position of the input; not into functions."""
        scope = self.scopes[function]
        for node, position, used in scope.consumers.get(ref.name, []):
            if ref.output is None or used.output == ref.output:
                yield scope, node, position

    def into(self, node: Any, position: int) -> Iterator[tuple[str | None, Ref]]:
        """The arguments of the called functions that the input at this position becomes."""
        index = position - _offset(node)
        for called in self._bodies(node) if index >= 0 else []:
            yield from ((called.name, Ref(name, 0)) for name in called.arguments[index : index + 1])

    def out_of(self, function: str | None, ref: Ref) -> Iterator[tuple[str | None, Ref]]:
        """The outputs of the calls of this function that this tensor of it becomes."""
        for index, returned in enumerate(self.scopes[function].returns):
            if returned.name == ref.name and ref.output in (None, returned.output):
                yield from ((caller.name, Ref(node.name, index)) for caller, node in self._callers[function])

    def is_answered_with(self, variable: set[NodeId]) -> bool:
        """Whether the value of this variable, by the nodes that make it, goes into a signature's output."""
        reads = [p for p in self.served if self.node(p).op == "ReadVariableOp"]
        queue = [(p.function, Ref(p.name, 0)) for p in reads if variable & self._handle(p)]
        outputs = {self.scopes[None].ref(name) for name in _outputs(self.meta_graph, init=False)}
        seen: set[tuple[str | None, Ref]] = set()
        while queue:
            state = queue.pop()
            if state in seen:
                continue
            seen.add(state)
            for scope, node, position in self.steps(*state):
                queue.extend(list(self.into(node, position)) or [(scope.name, Ref(node.name, None))])
            queue.extend(self.out_of(*state))
        reached = {ref for function, ref in seen if function is None}
        return any({ref, Ref(ref.name, None)} & reached for ref in outputs)

    def _handle(self, node_id: NodeId) -> set[NodeId]:
        inputs = self.scopes[node_id.function].inputs(self.node(node_id))
        return self.origins(node_id.function, inputs[0]) if inputs else set()

    def is_written_in_vain(self, node_id: NodeId) -> bool:
        """Whether this node assigns a variable that no answer depends on (Keras counts its seeds so)."""
        assigns = self.node(node_id).op.startswith("Assign")
        return assigns and not self.is_answered_with(self._handle(node_id))

    def _called(self, node: Any) -> Iterator[Scope]:
        """Every function that a node names, as its body, condition or else."""
        for value in node.attr.values():
            named = [value.func] if value.HasField("func") else list(value.list.func)
            yield from (self.scopes[function.name] for function in named if function.name in self.scopes)

    def _bodies(self, node: Any) -> Iterator[Scope]:
        """The functions that take a node's inputs and give its outputs."""
        if node.op in _LOOPS:
            yield from (s for s in [self.scopes.get(node.attr["body"].func.name)] if s is not None)
        elif node.op in _CALLS | _BRANCHES:
            yield from self._called(node)

    def _find_callers(self) -> dict[str | None, list[tuple[Scope, Any]]]:
        callers = collections.defaultdict(list)
        for scope in self.scopes.values():
            for node in scope.nodes.values():
                for called in self._bodies(node):
                    callers[called.name].append((scope, node))
        return callers


def signatures(meta_graph: Any) -> dict[str, Any]:
    """The signatures that can be asked for, by name."""
    return {
        name: signature
        for name, signature in sorted(meta_graph.signature_def.items())
        if name != INIT_SIGNATURE
    }


def asset_files(meta_graph: Any) -> list[Any]:
    """The AssetFileDefs of a MetaGraph, which TensorFlow 1 keeps in a collection."""
    from tensorflow.core.protobuf import meta_graph_pb2

    if meta_graph.asset_file_def or _ASSETS not in meta_graph.collection_def:
        return list(meta_graph.asset_file_def)
    packed = meta_graph.collection_def[_ASSETS].any_list.value
    return [meta_graph_pb2.AssetFileDef.FromString(value.value) for value in packed]


def tensor_names(info: Any) -> list[str]:
    """The tensors of a TensorInfo, of which a sparse one has three."""
    if info.HasField("coo_sparse"):
        sparse = info.coo_sparse
        return [
            sparse.values_tensor_name,
            sparse.indices_tensor_name,
            sparse.dense_shape_tensor_name,
        ]
    parts = info.composite_tensor.components
    return [name for part in parts for name in tensor_names(part)] if parts else [info.name]


def _outputs(meta_graph: Any, *, init: bool) -> list[str]:
    init_signature = (
        {INIT_SIGNATURE: meta_graph.signature_def[INIT_SIGNATURE]} if _has_init(meta_graph) else {}
    )
    chosen = init_signature if init else signatures(meta_graph)
    names = [
        n for signature in chosen.values() for info in signature.outputs.values() for n in tensor_names(info)
    ]
    for key in _INIT_COLLECTIONS if init else ():
        if key in meta_graph.collection_def:
            names.extend(meta_graph.collection_def[key].node_list.value)
    return names


def _has_init(meta_graph: Any) -> bool:
    return INIT_SIGNATURE in meta_graph.signature_def


def _offset(node: Any) -> int:
    return 1 if node.op in _BRANCHES else 0


def _scope(function: Any) -> Scope:
    signature = function.signature
    scope = Scope(signature.name, {node.name: node for node in function.node_def})
    return dataclasses.replace(
        scope,
        arguments=[argument.name for argument in signature.input_arg],
        returns=[scope.ref(function.ret[output.name]) for output in signature.output_arg],
        controls=list(function.control_ret.values()),
    )
