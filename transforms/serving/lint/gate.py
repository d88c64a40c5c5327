"""What speaks against loading a SavedModel at all: it is a program, and its loading runs a part of it.

Every node of every graph and function is looked at, reached or not: an initializer, a restore function, a
capture or a name in the object graph may run it. Nothing is loaded, and what is not understood is refused.
"""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import Any

from trueserve.transforms.serving.lint import folder
from trueserve.transforms.serving.lint.effects import ASSET_INPUTS, EMPTY_INPUTS, OpEffect, effect_of
from trueserve.transforms.serving.lint.finding import LintFinding
from trueserve.transforms.serving.lint.graphs import Graphs, NodeId, Scope, asset_files
from trueserve.transforms.serving.lint.provenance import Provenance
from trueserve.transforms.serving.lint.saved_model import SavedModel
from trueserve.transforms.serving.lint.saver import RESTORES, SAVES, Saver

#: The rules whose findings `--allow_ops` lifts.
RULES = frozenset({"file-access", "network-access", "python-op", "opaque-op", "custom-op", "unknown-effect"})


def refusals(path: str, allow_ops: Collection[str] = ()) -> list[LintFinding]:
    """Why the SavedModel in this folder must not be loaded; empty if nothing speaks against it.

    Args:
      path: as `lint_saved_model` takes it.
      allow_ops: names of ops that may stand in it, whatever they do.

    Raises UsageError if there is no SavedModel in the folder, or one that cannot be read.
    """
    if findings := list(folder.findings(path)):
        return findings
    model = SavedModel(path)
    for meta_graph in model.proto.meta_graphs:
        findings += [*_duplicates(meta_graph.graph_def), *_bad_assets(meta_graph)]
        findings += [] if findings else _op_findings(Graphs(meta_graph), model, allow_ops)
    return list(dict.fromkeys(findings))


def _op_findings(graphs: Graphs, model: SavedModel, allow_ops: Collection[str]) -> Iterator[LintFinding]:
    saver, provenance = Saver(graphs), Provenance(graphs)
    for node_id in graphs.node_ids():
        node = graphs.node(node_id)
        if node.op in graphs.scopes or node.op in allow_ops:
            continue
        effect = effect_of(node)
        if effect is None or _is_harmless(saver, provenance, graphs.scopes[node_id.function], node):
            continue
        yield _finding(model, node_id, node.op, effect)


def _is_harmless(saver: Saver, provenance: Provenance, scope: Scope, node: Any) -> bool:
    """Whether what this node touches is provably the model's own."""
    node_id = NodeId(scope.name, node.name)
    if node.op in SAVES:
        return saver.saves(node_id)
    if node.op in RESTORES:
        return saver.restores(node_id) and _kinds(provenance, scope, node, 0) == {"checkpoint"}
    if node.op in ASSET_INPUTS:
        return _kinds(provenance, scope, node, ASSET_INPUTS[node.op]) == {"asset"}
    if node.op in EMPTY_INPUTS:
        sources = provenance.of_input(scope, node, EMPTY_INPUTS[node.op])
        return sources is not None and all(tuple(source) == ("text", "") for source in sources)
    return False


def _kinds(provenance: Provenance, scope: Scope, node: Any, position: int) -> set[str]:
    return {source.kind for source in provenance.of_input(scope, node, position) or ()}


def _finding(model: SavedModel, node_id: NodeId, op: str, effect: OpEffect) -> LintFinding:
    where = f"in the function {node_id.function}" if node_id.function else "in the graph"
    message = (
        f"{op} {effect.description} ({where}); the model was not loaded: take the op out, or allow it with"
        f" --allow_ops={op}"
    )
    source = model.source(node_id.function, node_id.name)
    return LintFinding(effect.rule, "error", message, node_id.name, node_id.function, source, op)


def _duplicates(graph: Any) -> Iterator[LintFinding]:
    """Names that stand for two things: what is looked at here might not be what runs."""
    functions = graph.library.function
    lists = [(None, graph.node), *((f.signature.name, f.node_def) for f in functions)]
    for function, nodes in lists:
        for name, count in collections.Counter(node.name for node in nodes).items():
            if count > 1:
                yield _malformed(f"{count} nodes have the name {name}", name, function)
    for name, count in collections.Counter(f.signature.name for f in functions).items():
        if count > 1:
            yield _malformed(f"{count} functions have the name {name}", name)


def _bad_assets(meta_graph: Any) -> Iterator[LintFinding]:
    for asset in asset_files(meta_graph):
        path = PurePosixPath(asset.filename)
        if not asset.filename or path.is_absolute() or ".." in path.parts or "\0" in asset.filename:
            yield _malformed("an asset's file is not in the folder assets/", asset.filename)


def _malformed(problem: str, name: str, function: str | None = None) -> LintFinding:
    message = f"{problem}; the model was not loaded: export it again"
    return LintFinding("malformed", "error", message, name, function)
