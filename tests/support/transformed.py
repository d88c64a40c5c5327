"""Requests through a baseline's graph, and the transformed space compared: no Beam, no files in between."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence

from support import e2e
from trueserve.transforms.branches.statistics import StatisticsPartial
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.reference.training_side import TrainingSide
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.compare import Policy, compare
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import ComparisonResult, Finding, Severity, Space
from trueserve.transforms.verdict.reference import Reference


def reference(baseline: str) -> Reference:
    """The transformed space, as `validate` loads it."""
    references = TrainingSide(baseline, None, None, None, ("transformed",)).references()
    return next(reference for reference in references if reference.space is Space.TRANSFORMED)


@functools.cache
def graph(baseline: str) -> TransformGraph:
    return TransformGraph(f"{baseline}/transform_output")


def served(baseline: str, rows: Sequence[e2e.Row]) -> Statistics:
    """Statistics of what the graph makes of requests."""
    statistics_of_rows = StatisticsPartial(uses_of(reference(baseline).schema))
    statistics_of_rows.summary.add(graph(baseline).apply(e2e.batch(e2e.requests(rows))), None, Scratch())
    statistics: Statistics = statistics_of_rows.result()
    return statistics


def compared(baseline: str, rows: Sequence[e2e.Row], policy: Policy | None = None) -> ComparisonResult:
    return compare(reference(baseline), served(baseline, rows), policy or Policy(), Counter())


def of(comparison: ComparisonResult, feature: str) -> list[Finding]:
    """What is told of one feature, but for infos."""
    return [
        finding
        for finding in comparison.findings
        if finding.feature == feature and finding.severity is not Severity.INFO
    ]
