"""Faulty predictions, scored against the labels that rows without the fault make likely; and true labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.performance import estimate, mended_rows, record

ROWS = 20_000


def sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


def binary(seed: int) -> tuple[Any, Any, Any]:
    """What the model says of rows, what it says with a fault, and the labels: of the rows as they are."""
    random = np.random.default_rng(seed)
    z = random.normal(-0.5, 1.4, ROWS)
    faulty = 0.4 * z + random.normal(0, 1, ROWS) + 0.8
    return sigmoid(z)[:, None], sigmoid(faulty)[:, None], (random.random(ROWS) < sigmoid(z)).astype(float)


def plain(scores: Any, labels: Any) -> dict[str, float]:
    order = np.argsort(scores)
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    ones = labels.sum()
    auc = (ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones))
    log_loss = -np.mean(labels * np.log(scores) + (1 - labels) * np.log(1 - scores))
    brier, accuracy = np.mean((scores - labels) ** 2), np.mean((scores >= 0.5) == labels)
    return {"auc": auc, "log_loss": log_loss, "brier": brier, "accuracy": accuracy}


def test_a_fault_that_the_estimate_cannot_see_is_seen() -> None:
    right, _, labels = binary(1)
    known = record.record("p", "label", right, labels.tolist(), None)
    mended, faulty, truth = binary(2)

    values = mended_rows.metrics(known, faulty, mended)

    expected = plain(faulty[:, 0], truth)
    assert values == pytest.approx(expected, abs=0.015)
    blind = estimate.expected(known.calibration, record.scores_of(known, faulty))
    assert (blind["auc"] or 0) - expected["auc"] > 0.03


def test_without_a_fault_it_is_the_estimate() -> None:
    right, _, labels = binary(1)
    known = record.record("p", "label", right, labels.tolist(), None)
    served, _, _ = binary(3)
    blind = estimate.expected(known.calibration, record.scores_of(known, served))
    assert mended_rows.metrics(known, served, served) == pytest.approx(blind, abs=0.003)


def test_ties_count_half_and_one_class_has_no_auc() -> None:
    right, _, labels = binary(1)
    known = record.record("p", "label", right, labels.tolist(), None)
    same = np.full((100, 1), 0.7)
    assert mended_rows.metrics(known, same, right[:100])["auc"] == pytest.approx(0.5)
    certain = record.record("p", "label", right, [0.0] * (ROWS - 1) + [1.0], None)
    positives = mended_rows.metrics(certain, same, np.full((100, 1), 1e-6))
    assert positives["auc"] is None or 0 <= positives["auc"] <= 1


def test_the_errors_of_a_regression_grow_with_what_the_fault_adds() -> None:
    random = np.random.default_rng(4)

    def world(size: int) -> tuple[Any, Any]:
        x = random.uniform(10, 50, size)
        return x, x + random.normal(0, 3, size)

    x, labels = world(ROWS)
    known = record.record("y", "label", x[:, None], labels.tolist(), None)
    x, labels = world(ROWS)
    for factor in (1.0, 1.02, 1.6):
        served = factor * x

        values = mended_rows.metrics(known, served[:, None], x[:, None])

        errors = np.abs(served - labels)
        assert values["mae"] == pytest.approx(errors.mean(), rel=0.03)
        assert values["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=0.03)


def test_of_several_classes_it_is_the_estimate_of_the_predictions() -> None:
    random = np.random.default_rng(5)
    values = random.dirichlet((2, 1, 1), 5000)
    labels = [float(random.choice(3, p=row)) for row in values]
    known = record.record("p", "label", values, labels, None)
    expected = estimate.expected(known.calibration, record.scores_of(known, values[:900]))
    assert mended_rows.metrics(known, values[:900], values[900:1800]) == expected
