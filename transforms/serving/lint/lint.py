"""The lint of a SavedModel: every rule on every graph and function in it, without loading it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trueserve.transforms.serving.lint import assets, inputs, ops, vocabulary
from trueserve.transforms.serving.lint.finding import LintFinding
from trueserve.transforms.serving.lint.graphs import Graphs, NodeId
from trueserve.transforms.serving.lint.saved_model import SavedModel

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from trueserve.transforms.baseline.contract import Contract

_ORDER = {"error": 0, "warning": 1, "info": 2}


def lint_saved_model(
    path: str, schema: schema_pb2.Schema | None = None, contract: Contract | None = None
) -> list[LintFinding]:
    """What would make this SavedModel serve other values than training saw, or not serve; worst first.

    Args:
      path: a SavedModel's folder (a served model, `transform_fn`) or a `transform_output` folder, on any
        file system.
      schema: of the raw features, with its environments; without it inputs are not looked at.
      contract: the baseline's; without it the content of assets is not compared.

    Raises UsageError if there is no SavedModel in the folder, or one that cannot be read.
    """
    model = SavedModel(path)
    findings: dict[LintFinding, None] = {}
    for meta_graph in model.proto.meta_graphs:
        graphs = Graphs(meta_graph)
        findings.update(dict.fromkeys(_node_findings(graphs, model)))
        findings.update(dict.fromkeys(_asset_findings(graphs, model, contract)))
        if schema is not None:
            findings.update(dict.fromkeys(_findings_by_name(inputs.remarks(graphs, model, schema))))
    return sorted(
        findings,
        key=lambda finding: (_ORDER[finding.severity], finding.rule, finding.function or "", finding.node),
    )


def _node_findings(graphs: Graphs, model: SavedModel) -> Iterator[LintFinding]:
    facts = ops.facts(graphs.meta_graph)
    for node_id in graphs.node_ids():
        for rule in _rules(graphs, node_id):
            remark = rule(graphs.node(node_id), facts)
            if remark is not None:
                yield _finding(model, graphs, node_id, _by_reach(graphs, node_id, remark))
    for node_id, remark in vocabulary.remarks(graphs, model):
        yield _finding(model, graphs, node_id, remark)


_Rule = Callable[[Any, ops.Facts], ops.Remark | None]


def _rules(graphs: Graphs, node_id: NodeId) -> list[_Rule]:
    """State is a matter of what requests run: loading fills tables, and saving writes files."""
    everywhere: list[_Rule] = [ops.draws, ops.cannot_be_run, ops.depends_on_host]
    return [*everywhere, ops.keeps_state] if node_id in graphs.served else everywhere


def _by_reach(graphs: Graphs, node_id: NodeId, remark: ops.Remark) -> ops.Remark:
    """What neither a request nor loading runs (a model's training step, say) is only to be known."""
    if remark.rule == "state-written" and graphs.is_written_in_vain(node_id):
        effect = "a variable is changed while a request is served, but no answer depends on it"
        return remark._replace(severity="info", message=f"{effect}; nothing needs to be done")
    if remark.rule == "state-written" and _imports_constants(graphs, node_id):
        # tf.Transform's graph does, for a table that the preprocessing_fn makes of lists.
        effect = "a table is filled with the same constants at each request"
        return remark._replace(severity="info", message=f"{effect}; nothing needs to be done")
    if node_id in graphs.served or node_id in graphs.initialised:
        return remark
    return remark._replace(severity="info", message=f"{remark.message} (no signature runs this node)")


def _imports_constants(graphs: Graphs, node_id: NodeId) -> bool:
    node = graphs.node(node_id)
    if node.op not in ("LookupTableImport", "LookupTableImportV2"):
        return False
    keys_and_values = graphs.scopes[node_id.function].inputs(node)[1:]
    origins = [origin for ref in keys_and_values for origin in graphs.origins(node_id.function, ref)]
    return bool(origins) and all(graphs.node(origin).op == "Const" for origin in origins)


def _asset_findings(graphs: Graphs, model: SavedModel, contract: Contract | None) -> Iterator[LintFinding]:
    yield from _findings_by_name(assets.remarks(graphs, model, contract))


def _findings_by_name(remarks: Iterable[tuple[str, ops.Remark]]) -> Iterator[LintFinding]:
    for name, remark in remarks:
        yield LintFinding(remark.rule, remark.severity, remark.message, name)


def _finding(model: SavedModel, graphs: Graphs, node_id: NodeId, remark: ops.Remark) -> LintFinding:
    finding = LintFinding(remark.rule, remark.severity, remark.message, node_id.name, node_id.function)
    source, op = model.source(node_id.function, node_id.name), graphs.node(node_id).op
    return dataclasses.replace(finding, source=source, op=op)
