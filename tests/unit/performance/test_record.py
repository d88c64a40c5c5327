"""What export keeps of labels, and what a window's estimate says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.performance import record
from trueserve.transforms.performance.bins import Task
from trueserve.transforms.performance.estimate import Estimate
from trueserve.transforms.performance.record import NoPerformanceError
from trueserve.transforms.verdict import thresholds
from trueserve.transforms.verdict.findings import performance
from trueserve.transforms.verdict.model import FindingKind, Severity
from trueserve.transforms.verdict.thresholds import Thresholds

P = np.array([[0.2], [0.9], [0.4], [0.7]])
WIDE = np.array([[0.2, 0.5, 0.3], [0.8, 0.1, 0.1]])


@pytest.mark.parametrize(
    ("values", "labels", "positive", "task", "sum_of_labels"),
    [
        (P, [0, 1, 0, 1], None, Task.BINARY, 2),
        (P, ["no", "yes", None, "yes"], "yes", Task.BINARY, 2),
        (P, [2, 1, 2, 1], "2", Task.BINARY, 2),
        (np.hstack([1 - P, P]), [0, 1, 0, 0], None, Task.BINARY, 1),
        (WIDE, [1, 2], None, Task.MULTICLASS, 1),
        (P, [3.5, 1, 0, 1], None, Task.REGRESSION, 5.5),
    ],
)
def test_the_task_follows_from_output_and_labels(
    values: Any, labels: Any, positive: Any, task: Any, sum_of_labels: Any
) -> None:
    recorded = record.record("p", "label", values, labels, positive)

    assert recorded.calibration.task is task
    assert recorded.calibration.labels.positives.sum() == sum_of_labels
    assert record.of_bytes(recorded.to_bytes()).to_bytes() == recorded.to_bytes()


@pytest.mark.parametrize(
    ("values", "labels", "positive", "message"),
    [
        (P, ["no", "yes", "no", "yes"], None, "--positive=TEXT"),
        (P, [None] * 4, None, "no evaluation row"),
        (WIDE * 9, [1, 2], None, "probabilities"),
        (WIDE, [1, 3], None, "number of a class"),
    ],
)
def test_labels_that_the_output_cannot_answer_are_refused(
    values: Any, labels: Any, positive: Any, message: Any
) -> None:
    with pytest.raises(NoPerformanceError, match=message):
        record.record("p", "label", values, labels, positive)


def test_an_output_is_chosen_only_where_there_is_no_doubt() -> None:
    assert record.choose_output({"p": 1, "text": None}, None, "y") == "p"
    assert record.choose_output({"p": 1, "q": 1}, "q", "y") == "q"
    assert record.choose_output({"y": 1, "q": 1}, None, "y") == "y"
    with pytest.raises(NoPerformanceError, match=r"says which output answers the label.*p, q"):
        record.choose_output({"p": 1, "q": 1}, None, "y")
    with pytest.raises(NoPerformanceError, match="is no such output"):
        record.choose_output({"p": 1}, "q", "y")


@pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b'{"format": 1}', b"\xff"])
def test_a_damaged_record_is_a_value_error(data: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own among them
        record.of_bytes(data)


@pytest.mark.parametrize(
    ("harm", "harm_low", "severity"),
    [(0.05, 0.03, Severity.ERROR), (0.05, 0.01, Severity.WARNING), (0.01, 0.005, None)],
)
def test_only_a_harm_beyond_the_limit_for_sure_is_an_error(harm: Any, harm_low: Any, severity: Any) -> None:
    recorded = record.record("p", "label", P, [0, 1, 0, 1], None)
    estimates = {"auc": Estimate(0.7, 0.68, 0.72, 0.7 + harm, harm, harm_low)}

    limits = Thresholds(performance={"auc_drop": 0.02})
    findings = performance.compare(recorded, estimates, limits).findings

    assert [f.severity for f in findings] == ([severity] if severity else [])
    assert all(f.kind is FindingKind.PERFORMANCE and f.metric == "auc_drop" for f in findings)
    assert not performance.compare(recorded, estimates, Thresholds()).findings


def test_limits_of_performance_are_read_and_checked() -> None:
    text = b"format = 1\n[performance]\nauc_drop = 0.02\nmae_rise = 3\n"
    assert thresholds.parse(text, "t.toml").performance == {"auc_drop": 0.02, "mae_rise": 3.0}
    for wrong in (b"auc_dorp = 0.1", b"auc_drop = 0", b"auc_drop = nan", b"auc_drop = true"):
        with pytest.raises(UsageError, match="performance"):
            thresholds.parse(b"format = 1\n[performance]\n" + wrong, "t.toml")
