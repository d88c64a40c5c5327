"""Windows of one vector, compared as `validate` does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from benchmarks import in_memory
from benchmarks.detection_vectors import FEATURE, column
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import Finding, Severity

Array = np.ndarray[Any, Any]


def statistics(rows: Array, reference: Reference | None = None) -> Statistics:
    """Of a feature whose lists are these rows; with a schema's types, if there is a baseline."""
    return in_memory.statistics(in_memory.batch({FEATURE: column(rows)}), reference)


def view(rows: Array) -> View:
    return views_by_feature(statistics(rows))[FEATURE]


def errors(reference: Reference, rows: Array, policy: Policy | None = None) -> list[Finding]:
    """The errors of a window."""
    return errors_of(reference, statistics(rows, reference), policy)


def errors_of(reference: Reference, served: Statistics, policy: Policy | None = None) -> list[Finding]:
    """The errors of a window's statistics."""
    every = compare(reference, served, policy or Policy(), Counter()).findings
    return [finding for finding in every if finding.severity is Severity.ERROR]
