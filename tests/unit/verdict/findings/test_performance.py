"""What is said of limits of the estimated performance, checked or not."""

from __future__ import annotations

import numpy as np
import pytest

from trueserve.transforms.performance import bins, estimate, record
from trueserve.transforms.performance.estimate import Estimate
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.verdict.findings.performance import NOT_ESTIMATED, compare
from trueserve.transforms.verdict.model import Severity
from trueserve.transforms.verdict.thresholds import Thresholds

LIMITS = Thresholds(file="limits.toml", performance={"mae_rise": 0.01, "auc_drop": 0.02})


def _record() -> PerformanceRecord:
    scores = np.linspace(0, 1, 2000)
    return record.record("late", "late", scores[:, None], (scores + 0.1).tolist(), None)


def _estimates(model: PerformanceRecord) -> dict[str, Estimate]:
    scores = bins.score_bins(bins.Task.REGRESSION, model.calibration.edges, np.full(500, 0.5))
    return dict(estimate.estimate(model.calibration, scores, 1.0))


@pytest.mark.parametrize(
    ("model", "severity", "why"),
    [
        (None, Severity.INFO, "--predictions was not given"),
        ("the model was exported without labels", Severity.WARNING, "exported without labels"),
        (_record(), Severity.WARNING, "no logged answer of the window has a prediction"),
    ],
)
def test_limits_that_nothing_was_held_against_are_named(
    model: PerformanceRecord | str | None, severity: Severity, why: str
) -> None:
    (finding,) = compare(model, {}, LIMITS).findings
    assert (finding.metric, finding.severity) == (NOT_ESTIMATED, severity)
    assert finding.message.startswith("limits.toml: [performance] auc_drop, mae_rise was not checked: ")
    assert why in finding.message


def test_a_limit_of_another_task_is_named_and_the_others_are_checked() -> None:
    model = _record()
    (finding,) = compare(model, _estimates(model), LIMITS).findings
    assert "auc_drop was not checked: the model has no such metric" in finding.message


def test_without_limits_nothing_is_said() -> None:
    assert compare(None, {}, Thresholds()).findings == ()
    assert compare("why", {}, Thresholds()).findings == ()
