"""True metrics of late labels, and what they say of an estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.performance import bins
from trueserve.transforms.performance.bins import Task, calibrate
from trueserve.transforms.performance.estimate import Estimate
from trueserve.transforms.performance.truth import check_estimate, true_metrics


def _rows(rows: int, seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    scores = random.beta(2, 3, rows)
    return scores, (random.random(rows) < scores).astype(np.float64)


def _of(task: Task, calibration: Any, scores: Any, labels: Any, effect: float = 1.0) -> Any:
    binned = bins.score_bins(task, calibration.edges, scores)
    return true_metrics(calibration, binned, bins.label_bins(task, calibration.edges, scores, labels), effect)


def test_the_interval_is_that_of_other_rows_like_these() -> None:
    """The deviation of a metric over 300 windows is the one that each of them says."""
    calibration = calibrate(Task.BINARY, *_rows(20_000, 1))
    windows = [_of(Task.BINARY, calibration, *_rows(1_500, 100 + seed)) for seed in range(60)]
    for name in ("auc", "log_loss", "brier", "accuracy"):
        spread = np.std([window[name].value for window in windows])
        width = np.mean([window[name].high - window[name].low for window in windows]) / 3.92
        assert width == pytest.approx(spread, rel=0.3), name


def test_a_regression_has_its_errors_and_few_independent_rows_a_wider_interval() -> None:
    random = np.random.default_rng(3)
    scores = random.uniform(0, 10, 8_000)
    labels = scores + random.normal(0, 1, 8_000)
    calibration = calibrate(Task.REGRESSION, scores[:4000], labels[:4000])

    alone, grouped = (_of(Task.REGRESSION, calibration, scores[4000:], labels[4000:], e) for e in (1.0, 16.0))

    assert alone["mae"].value == pytest.approx(np.abs(scores - labels)[4000:].mean(), rel=1e-9)
    assert alone["rmse"].value == pytest.approx(np.sqrt(((scores - labels)[4000:] ** 2).mean()), rel=1e-9)
    widths = [window["mae"].high - window["mae"].low for window in (alone, grouped)]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.1)


def test_no_row_is_an_error() -> None:
    calibration = calibrate(Task.BINARY, *_rows(100, 1))

    with pytest.raises(ValueError, match="no row has a label"):
        _of(Task.BINARY, calibration, np.empty(0), np.empty(0))


def _true(value: float | None, low: float = 0.0, high: float = 1.0) -> Estimate:
    return Estimate(value, low, high, 0.7, 0.0, 0.0)


ESTIMATE = {"estimate": 0.7, "low": 0.65, "high": 0.75}


@pytest.mark.parametrize(
    ("metric", "truth", "estimate", "covered", "result"),
    [
        ("auc", _true(0.66), ESTIMATE, 1.0, "within"),
        ("auc", _true(0.6), ESTIMATE, 1.0, "worse"),
        ("auc", _true(0.8), ESTIMATE, 1.0, "better"),
        ("log_loss", _true(0.8), ESTIMATE, 1.0, "worse"),
        ("log_loss", _true(0.6), ESTIMATE, 1.0, "better"),
        ("auc", _true(0.6, 0.5, 0.7), ESTIMATE, 0.3, "unsure"),
        ("auc", _true(0.6, 0.58, 0.62), ESTIMATE, 0.3, "worse"),
        ("auc", _true(None), ESTIMATE, 1.0, None),
        ("auc", _true(0.6), None, 1.0, None),
        ("auc", _true(0.6), {"low": "x", "high": 1}, 1.0, None),
    ],
)
def test_the_truth_judges_the_interval(
    metric: str, truth: Estimate, estimate: Any, covered: float, result: str | None
) -> None:
    checked = check_estimate(metric, truth, estimate, covered)

    assert checked.truth_is == result
    assert checked.sentence
