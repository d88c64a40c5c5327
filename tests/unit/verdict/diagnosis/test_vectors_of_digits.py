"""Handwritten digits as vectors of 64 pixels: parts of the set are alike, and what was done is named."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import vectors

from benchmarks import detection_vectors
from examples.scaled_images import data
from trueserve.transforms.verdict.compare import Reference

Array = np.ndarray[Any, Any]
TRAINING = 1000


@functools.cache
def digits() -> Array:
    split = data.read()
    return np.array([image.pixels for image in (*split[0], *split[1])])


def halves(seed: int) -> tuple[Reference, Array]:
    """A baseline of some digits, and the others."""
    order = np.random.default_rng(seed).permutation(len(digits()))
    rows = digits()[order]
    return detection_vectors.baseline(rows[:TRAINING]), rows[TRAINING:]


def test_parts_of_one_set_are_alike() -> None:
    for seed in range(12):
        reference, rows = halves(seed)
        assert vectors.errors(reference, rows) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.transpose(0, 2, 1), "the image (8 x 8 x 1) has rows for columns"),
        (lambda p: p[:, :, ::-1], "the image (8 x 8 x 1) is mirrored"),
        (lambda p: p[:, ::-1], "the image (8 x 8 x 1) is upside down"),
        (lambda p: np.where(np.arange(64).reshape(8, 8) == 27, 0, p), "position 27 is always 0 in serving"),
        (lambda p: np.roll(p.reshape(-1, 64), 1, 1), "training's moved along by 1"),
        (lambda p: p.reshape(-1, 64)[:, np.random.default_rng(3).permutation(64)], "in another order"),
    ],
)
def test_what_was_done_to_pixels_is_named(change: Callable[[Array], Array], message: str) -> None:
    reference, rows = halves(1)
    planted = np.ascontiguousarray(change(rows.reshape(-1, 8, 8))).reshape(len(rows), -1)
    [error] = vectors.errors(reference, planted)
    assert error.metric == "positions"
    assert message in error.message
