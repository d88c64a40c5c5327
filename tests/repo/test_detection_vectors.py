"""The benchmark of vectors: every fault is planted, and what is promised of it is counted apart."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import detection_vectors as vectors
from benchmarks.detection_rates import Share
from benchmarks.detection_vectors import FAULTS, KINDS, Plan, Trial


def test_clean_windows_have_all_kinds_and_sizes_and_faults_all_kinds() -> None:
    trials = vectors.trials(Plan(8, 1), 1)
    assert {(trial.kind, trial.rows) for trial in trials if not trial.fault} == {
        (kind, rows) for kind in KINDS for rows in vectors.SIZES
    }
    assert {trial.fault for trial in trials} == {"", *FAULTS}
    assert len(set(trials)) == len(trials)


def test_what_is_promised_is_counted_by_fault() -> None:
    clean, dead = Trial("embedding", 500, 0, 1), Trial("embedding", 1000, 0, 1, "dead")
    judged = [(clean, False), (clean, True), (dead, True), (dead, False), (dead, True)]
    shares = {promise.text: promise.share for promise in vectors.promises(judged)}
    assert shares["at most one clean window of vectors in 200 raises an error"] == Share(1, 2)
    assert shares["at least 95% of vectors with one dead position are found in 1,000 rows"] == Share(2, 3)
    assert len(shares) == 1 + len(FAULTS)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_faults_leave_the_values_of_a_row_what_they_are(fault: str) -> None:
    """But for rotations, which keep its length, and dead positions."""
    plant, kinds = FAULTS[fault]
    rows = KINDS[kinds[0]](1)(50, np.random.default_rng(1))
    planted = plant(rows, np.random.default_rng(2))
    assert planted.shape == rows.shape
    assert not np.array_equal(planted, rows)
    if fault == "rotated":
        np.testing.assert_allclose(np.linalg.norm(planted, axis=1), np.linalg.norm(rows, axis=1), rtol=1e-4)
    elif fault == "dead":
        assert ((planted == rows) | (planted == 0)).all()
    else:
        np.testing.assert_array_equal(np.sort(planted), np.sort(rows))
