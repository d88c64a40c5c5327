"""The population stability index, beside the same computed from the values."""

from __future__ import annotations

import numpy as np
import pytest
from support.evidence import Array, view

from trueserve.transforms.verdict.evidence import stability_index

RANDOM = np.random.default_rng(5)
TRAINING = RANDOM.normal(size=20_000)


def by_hand(training: Array, serving: Array) -> float:
    """Over training's deciles, from the values themselves."""
    edges = np.concatenate([[-np.inf], np.quantile(training, np.arange(1, 10) / 10), [np.inf]])
    p, q = (np.histogram(side, edges)[0] / len(side) for side in (training, serving))
    p, q = np.maximum(p, 0.5 / len(training)), np.maximum(q, 0.5 / len(serving))
    return float(((q - p) * np.log(q / p)).sum())


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 8.0])
def test_numbers_over_the_deciles_of_training(shift: float) -> None:
    serving = RANDOM.normal(shift, size=10_000)
    index = stability_index.of_values(view(TRAINING), view(serving))
    assert index == pytest.approx(by_hand(TRAINING, serving), rel=0.05, abs=0.002)


def test_categories_and_what_training_did_not_have() -> None:
    training, serving = ["a"] * 600 + ["b"] * 400, ["a"] * 300 + ["b"] * 500 + ["new"] * 200
    p, q = np.array([0.6, 0.4, 0.0005]), np.array([0.3, 0.5, 0.2])
    expected = ((q - p) * np.log(q / p)).sum()
    assert stability_index.of_values(view(training), view(serving)) == pytest.approx(expected)


def test_sides_of_other_kinds_have_none() -> None:
    assert stability_index.of_values(view(TRAINING), view(["a", "b"])) is None
