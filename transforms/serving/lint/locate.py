"""The user's line behind a finding, from a new trace of the preprocessing_fn: saved graphs have no lines."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueserve.transforms.core import record_batches
from trueserve.transforms.serving.lint.finding import LintFinding

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from trueserve.transforms.graph.preprocessing import PreprocessingFn

_OURS = str(Path(__file__).parents[2])
_NO_USER_CODE = ("/site-packages/", "/dist-packages/", "<")


def with_sources(
    findings: Iterable[LintFinding], preprocessing_fn: PreprocessingFn, schema: schema_pb2.Schema
) -> list[LintFinding]:
    """Findings of a transform graph, with the lines of its function where they are missing.

    The function is traced, not run over data, which takes about a second; it is not if nothing lacks a line.
    A node is known by its name, so the function has to be the one that the graph was made of. Where it cannot
    be traced, or several lines made nodes of this name, the finding stays as it is. Raises nothing.

    Args:
      schema: of the raw features.
    """
    findings = list(findings)
    if not any(_lacks_line(finding) for finding in findings):
        return findings
    lines: dict[str, set[str]] = {}
    with contextlib.suppress(Exception):  # the user's code may fail in any way; the findings stand without
        lines = _lines(_trace(preprocessing_fn, schema))
    return [_with_line(finding, lines.get(finding.node, set())) for finding in findings]


def _lacks_line(finding: LintFinding) -> bool:
    return finding.source is None and finding.function is not None


def _with_line(finding: LintFinding, lines: set[str]) -> LintFinding:
    if not _lacks_line(finding) or len(lines) != 1:
        return finding
    return dataclasses.replace(finding, source=next(iter(lines)))


def _trace(preprocessing_fn: PreprocessingFn, schema: schema_pb2.Schema) -> Any:
    """The graph as tf.Transform traces it, so that the nodes have the names of the saved one."""
    from tensorflow_transform import impl_helper
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

    specs = TensorAdapter(record_batches.adapter_config(schema)).TypeSpecs()
    with tempfile.TemporaryDirectory() as folder:
        return impl_helper.trace_preprocessing_function(
            preprocessing_fn, specs, use_tf_compat_v1=False, base_temp_dir=folder
        )[0]


def _lines(graph: Any) -> dict[str, set[str]]:
    """Name of a node -> the user's lines that made nodes of this name, in the graph and in its functions."""
    lines = collections.defaultdict(set)
    for subgraph in _graphs(graph, set()):
        for operation in subgraph.get_operations():
            if line := _users_line(operation.traceback):
                lines[operation.name].add(line)
    return lines


def _graphs(graph: Any, seen: set[int]) -> Iterator[Any]:
    if id(graph) in seen:
        return
    seen.add(id(graph))
    yield graph
    for function in getattr(graph, "_functions", {}).values():
        inner = getattr(function, "graph", None)
        if inner is not None:
            yield from _graphs(inner, seen)


def _users_line(traceback: Any) -> str | None:
    """The innermost step that is no package's, None if that is our own: then tf.Transform made the node."""
    steps = [step for step in traceback if not any(part in step.filename for part in _NO_USER_CODE)]
    if not steps or steps[-1].filename.startswith(_OURS):
        return None
    return f"{Path(steps[-1].filename).name}:{steps[-1].lineno}"
