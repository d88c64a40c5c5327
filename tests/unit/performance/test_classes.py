"""Several classes by bins, against scikit-learn's formulas computed plainly on the rows."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from trueserve.transforms.performance import calibration_json, record
from trueserve.transforms.performance.bins import Task
from trueserve.transforms.performance.classes import calibrate_classes
from trueserve.transforms.performance.estimate import estimate
from trueserve.transforms.performance.metrics import at_export, observed
from trueserve.transforms.performance.record import PerformanceRecord

CLASSES = 4
SLOPES = np.array([[1.5, -0.5, -1.0, 0.0], [0.0, 1.0, -0.8, -0.2], [0.5, 0.5, 0.5, -1.5]])


def _rows(rows: int, seed: int, shift: float = 0.0, classes: int = CLASSES) -> tuple[Any, Any]:
    """Probabilities of a model that is too sure of itself, and labels; `shift` moves the covariates alone."""
    random = np.random.default_rng(seed)
    logits = random.normal(shift, 1.0, (rows, 3)) @ SLOPES[:, :classes]
    labels = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    sure = np.exp(1.6 * logits)
    return sure / sure.sum(axis=1, keepdims=True), labels.astype(np.float64)


def _plain(values: Any, labels: Any) -> dict[str, float]:
    """`roc_auc_score(multi_class="ovr")`, `log_loss`, the sum of squares, `accuracy_score`."""
    truth = np.eye(values.shape[1])[labels.astype(int)]
    areas = []
    for number in range(values.shape[1]):
        positive, negative = values[labels == number, number], np.sort(values[labels != number, number])
        wins = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
        areas.append(wins.sum() / (2 * len(positive) * len(negative)))
    return {
        "auc": float(np.mean(areas)),
        "log_loss": float(-np.log((values * truth).sum(axis=1)).mean()),
        "brier": float(((values - truth) ** 2).sum(axis=1).mean()),
        "accuracy": float((values.argmax(axis=1) == labels).mean()),
    }


def _recorded(values: Any, labels: Any) -> PerformanceRecord:
    return record.record("p", "label", values, labels.tolist(), None)


def test_metrics_of_binned_counts_are_those_of_the_rows() -> None:
    values, labels = _rows(20_000, seed=1)

    metrics, plain = at_export(calibrate_classes(values, labels)), _plain(values, labels)

    assert metrics["auc"] == pytest.approx(plain.pop("auc"), abs=5e-4)
    assert {name: metrics[name] for name in plain} == pytest.approx(plain, rel=1e-9)


def test_bins_of_parts_add_up_to_those_of_a_window() -> None:
    recorded, (values, labels) = _recorded(*_rows(5_000, seed=2)), _rows(3_000, seed=3, shift=0.4)
    parts = [slice(0, 700), slice(700, None)]
    first, second = (record.scores_of(recorded, values[part]) for part in parts)
    left, right = (record.labels_of(recorded, values[part], labels[part]) for part in parts)

    metrics = observed(recorded.calibration, first.plus(second), left.plus(right))

    assert metrics == pytest.approx(_plain(values, labels), abs=2e-3)


@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.5])
def test_where_covariates_moved_alone_the_estimate_is_near_the_truth(shift: float) -> None:
    recorded = _recorded(*_rows(60_000, seed=4))
    values, labels = _rows(60_000, seed=5, shift=shift)

    estimates = estimate(recorded.calibration, record.scores_of(recorded, values))

    truth = _plain(values, labels)
    # Given one probability a label depends on the others, too: that is what log loss shows.
    assert {name: value.value for name, value in estimates.items()} == pytest.approx(truth, abs=0.03)


def test_intervals_are_as_wide_as_the_truth_varies() -> None:
    """Of 50 windows: were each class drawn by itself, those of AUC and Brier would be too narrow."""
    distances: dict[str, list[float]] = {}
    for seed in range(50):
        recorded = _recorded(*_rows(6_000, 1_000 + seed, classes=3))
        values, labels = _rows(2_000, 5_000 + seed, classes=3)
        estimates = estimate(recorded.calibration, record.scores_of(recorded, values))
        for name, true in _plain(values, labels).items():
            value, low, high = estimates[name].value, estimates[name].low, estimates[name].high
            assert value is not None
            assert low is not None
            assert high is not None
            distances.setdefault(name, []).append((true - value) / ((high - low) / 3.92))

    spreads = {name: float(np.std(values)) for name, values in distances.items()}
    assert all(0.75 <= spread <= 1.3 for spread in spreads.values()), spreads


def test_errors_of_classes_do_not_add_up_as_if_each_were_drawn_by_itself() -> None:
    """One label that is not as expected is an error of two classes: of two alike ones, it is one error."""
    random = np.random.default_rng(12)
    p = random.uniform(0.05, 0.95, 20_000)
    labels = (random.random(20_000) < p).astype(np.float64)

    joint, apart = calibrate_classes(np.column_stack([1 - p, p]), labels).together["auc"]

    assert joint == pytest.approx(2 * apart, rel=0.02)  # both classes' AUCs are the same one
    log_joint, log_apart = calibrate_classes(np.column_stack([1 - p, p]), labels).together["log_loss"]
    assert log_joint < 0.6 * log_apart


def test_a_class_that_no_evaluation_row_has_is_not_in_the_average() -> None:
    values, labels = _rows(4_000, seed=6)
    wide = np.hstack([values, np.full((len(values), 1), 1e-6)])

    metrics = at_export(calibrate_classes(wide, labels))

    assert metrics["auc"] == pytest.approx(_plain(values, labels)["auc"], abs=1e-3)


def test_a_window_without_a_class_has_no_true_auc() -> None:
    recorded, (values, labels) = _recorded(*_rows(4_000, seed=7)), _rows(500, seed=8)
    kept = labels != 2

    scores, of_rows = record.scores_of(recorded, values[kept]), (values[kept], labels[kept])
    metrics = observed(recorded.calibration, scores, record.labels_of(recorded, *of_rows))

    assert metrics["auc"] is None
    assert metrics["accuracy"] == pytest.approx((values[kept].argmax(axis=1) == labels[kept]).mean())


def test_a_record_of_classes_survives_json_and_nothing_else_does() -> None:
    recorded = _recorded(*_rows(500, seed=9))
    data = recorded.to_bytes()

    assert record.of_bytes(data).to_bytes() == data
    written = calibration_json.to_json(recorded.calibration)
    for damage in ({"class_edges": [[1, 2]]}, {"together": {"auc": [1, -1]}}, {"together": {"auc": 1}}):
        with pytest.raises(ValueError, match="calibration"):
            calibration_json.of_json(json.loads(json.dumps(written | damage)))
    with pytest.raises(ValueError, match="record"):
        record.of_bytes(dataclasses.replace(recorded, width=5).to_bytes())


def test_format_1_is_read_and_has_the_accuracy_alone() -> None:
    recorded = _recorded(*_rows(3_000, seed=10))
    values = json.loads(recorded.to_bytes())
    values["format"] = 1
    calibration = values["calibration"]
    del values["positive"], calibration["class_edges"], calibration["together"]
    del calibration["scores"]["classes"], calibration["labels"]["classes"]
    del calibration["labels"]["log_positives"], calibration["labels"]["log_negatives"]

    read = record.of_bytes(json.dumps(values).encode())
    window = record.scores_of(read, _rows(900, seed=11)[0])

    assert read.calibration.task is Task.MULTICLASS
    assert at_export(read.calibration) == {"accuracy": at_export(recorded.calibration)["accuracy"]}
    assert estimate(read.calibration, window).keys() == {"accuracy"}
