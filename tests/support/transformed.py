"""Requests through a baseline's graph, and the transformed space compared: no Beam, no files in between."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence

from support import e2e
from transforms.compute_statistics import _Summarise
from transforms.graph.transform_graph import TransformGraph
from transforms.reference.training_side import TrainingSide
from transforms.verdict.compare import Policy, compare
from transforms.verdict.feature_stats import Statistics
from transforms.verdict.model import ComparisonResult, Finding, Severity, Space
from transforms.verdict.reference import Reference


def reference(baseline: str) -> Reference:
    """The transformed space, as `validate` loads it."""
    references = TrainingSide(baseline, None, None, None, ("transformed",)).references()
    return next(reference for reference in references if reference.space is Space.TRANSFORMED)


@functools.cache
def graph(baseline: str) -> TransformGraph:
    return TransformGraph(f"{baseline}/transform_output")


def served(baseline: str, rows: Sequence[e2e.Row]) -> Statistics:
    """Statistics of what the graph makes of requests."""
    computing = _Summarise(reference(baseline).schema)
    transformed = graph(baseline).apply(e2e.batch(e2e.requests(rows)))
    return computing.extract_output(computing.add_input(computing.create_accumulator(), transformed))


def compared(baseline: str, rows: Sequence[e2e.Row], policy: Policy | None = None) -> ComparisonResult:
    return compare(reference(baseline), served(baseline, rows), policy or Policy(), Counter())


def of(comparison: ComparisonResult, feature: str) -> list[Finding]:
    """What is told of one feature, but for infos."""
    return [
        finding
        for finding in comparison.findings
        if finding.feature == feature and finding.severity is not Severity.INFO
    ]
