"""Which nodes only save or restore the model's own variables, by the saver that every SavedModel carries.

The loader runs `restore_op_name` with the file of the model's variables; nobody runs what saves. A node that
anything else needs, or a function that anything else mentions, is no part of either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trueserve.transforms.serving.lint.graphs import Graphs, NodeId
from trueserve.transforms.serving.lint.provenance import called_functions, named_by_objects

SAVES = frozenset({"SaveV2", "Save", "SaveSlices", "MergeV2Checkpoints"})
RESTORES = frozenset({"RestoreV2", "Restore", "RestoreSlice"})


class Saver:
    """The parts of a MetaGraph that its saver alone uses."""

    def __init__(self, graphs: Graphs) -> None:
        graph = graphs.scopes[None]
        saver = graphs.meta_graph.saver_def
        roots = {
            "save": graph.ref(saver.save_tensor_name).name,
            "restore": graph.ref(saver.restore_op_name).name,
        }
        needed = {node_id.name for node_id in graphs.served | graphs.initialised if node_id.function is None}
        restore = _needed_nodes(graphs, [roots["restore"]]) - needed
        save = _needed_nodes(graphs, [roots["save"]]) - needed - restore
        self._nodes = {"save": save, "restore": restore}
        self._functions = {kind: _only_of(graphs, nodes) for kind, nodes in self._nodes.items()}

    def saves(self, node_id: NodeId) -> bool:
        """Whether this node is only there for saving."""
        return self._belongs_to("save", node_id)

    def restores(self, node_id: NodeId) -> bool:
        """Whether this node is only there for restoring."""
        return self._belongs_to("restore", node_id)

    def _belongs_to(self, kind: str, node_id: NodeId) -> bool:
        known = self._nodes[kind] if node_id.function is None else self._functions[kind]
        return (node_id.name if node_id.function is None else node_id.function) in known


def _needed_nodes(graphs: Graphs, names: Iterable[str]) -> set[str]:
    """Nodes of the graph itself that these need."""
    graph, queue = graphs.scopes[None], list(names)
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        node = None if name in seen else graph.nodes.get(name)
        if node is not None:
            seen.add(name)
            queue.extend(graph.ref(input_name).name for input_name in node.input)
    return seen


def _only_of(graphs: Graphs, nodes: set[str]) -> set[str]:
    """Functions that are mentioned by these nodes, and by nothing else but such functions."""
    mentions: dict[str, set[tuple[str | None, str]]] = {}
    for node_id in graphs.node_ids():
        for name in _functions(graphs, graphs.node(node_id)):
            mentions.setdefault(name, set()).add((node_id.function, node_id.name))
    only = set(mentions) - named_by_objects(graphs)
    reached = _reached(mentions, nodes)
    while True:
        kept = {name for name in only if all(_is_in(user, nodes, only) for user in mentions[name])}
        if kept == only:
            return only & reached
        only = kept


def _is_in(user: tuple[str | None, str], nodes: set[str], functions: set[str]) -> bool:
    function, node = user
    return node in nodes if function is None else function in functions


def _functions(graphs: Graphs, node: Any) -> set[str]:
    return {name for name in called_functions(node) if name in graphs.scopes and name is not None}


def _reached(mentions: dict[str, set[tuple[str | None, str]]], nodes: set[str]) -> set[str]:
    """Functions that these nodes lead to; those that only call each other are nobody's."""
    functions: set[str] = set()
    while True:
        more = {name for name, users in mentions.items() if any(_is_in(u, nodes, functions) for u in users)}
        if more <= functions:
            return functions
        functions |= more
