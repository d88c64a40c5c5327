"""Values that are NaN or infinite: they count for no rows of a distribution, and are told where they grew."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from support import faults

from trueserve.transforms.logs.features import lists
from trueserve.transforms.verdict import thresholds
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence import two_sample
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space

Array = np.ndarray[Any, Any]


def numbers(rows: int, seed: int, share: float, odd: float = np.nan) -> Array:
    random = np.random.default_rng(seed)
    return np.where(random.random(rows) < share, odd, random.normal(size=rows)).astype("float32")


def statistics(values: Array) -> Statistics:
    column = lists(pa.array(values, from_pandas=False), np.ones(len(values), np.int64))
    return faults.statistics(pa.RecordBatch.from_pydict({"x": column}))


def view(values: Array) -> View:
    return views_by_feature(statistics(values))["x"]


def compared(training: Array, serving: Array, policy: Policy | None = None) -> ComparisonResult:
    before = statistics(training)
    against = Reference(tfdv.infer_schema(before, infer_feature_shape=False), before, Space.RAW)
    return compare(against, statistics(serving), policy or Policy(), Counter())


def not_finite_findings(comparison: ComparisonResult) -> list[Finding]:
    return [finding for finding in comparison.findings if finding.metric == "not_finite"]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("share", [0.5, 0.97])
def test_they_are_no_rows_of_a_distribution(share: float, odd: float) -> None:
    training, draws = view(numbers(20_000, 1, share, odd)), 60
    assert training.not_finite == pytest.approx(20_000 * share, rel=0.02)
    assert training.worth_finite == pytest.approx(20_000 * (1 - share), rel=0.1)
    p_values = []
    for seed in range(2, 2 + draws):
        difference = two_sample.of_number(training, view(numbers(1000, seed, share, odd)))
        assert difference is not None
        p_values.append(difference.p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * (0.05 / draws) ** 0.5
    assert min(p_values) > 0.05 / draws / 20


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("before", [0.0, 0.1])
def test_a_raw_feature_that_turns_into_them_is_an_error(before: float, odd: float) -> None:
    [finding] = not_finite_findings(compared(numbers(20_000, 1, before, odd), numbers(1000, 2, 0.6, odd)))
    assert (finding.kind, finding.severity) == (FindingKind.VALUES, Severity.ERROR)
    assert finding.distance == pytest.approx(0.6 - before, abs=0.05)
    assert "are NaN or infinite" in finding.message


def test_as_many_as_training_had_are_no_finding_and_few_more_a_warning() -> None:
    training = numbers(20_000, 1, 0.1)
    assert not not_finite_findings(compared(training, numbers(1000, 2, 0.1)))
    few = numbers(20_000, 3, 0.0)
    few[:60] = np.nan
    [finding] = not_finite_findings(compared(numbers(20_000, 1, 0.0), few))
    assert finding.severity is Severity.WARNING


def test_the_user_may_say_how_many_matter() -> None:
    file = b"format = 1\n[raw.x]\nnot_finite = 0.7\n[prediction.y]\nnot_finite = 0.1\nzero_variance = 0.5\n"
    policy = Policy(thresholds=thresholds.parse(file, "thresholds.toml"))
    [finding] = not_finite_findings(compared(numbers(20_000, 1, 0.0), numbers(1000, 2, 0.6), policy))
    assert (finding.severity, finding.threshold) == (Severity.WARNING, 0.7)
