"""Bad rows of a batch are found by halving, and the work of it is bounded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from trueserve.transforms.graph.row_bisection import MAX_CALLS, MAX_IN_VAIN, SAMPLE, apply_in_parts


class _Refuses:
    """Doubles numbers, and refuses a batch with a number of `bad` in it."""

    def __init__(self, bad: set[int]) -> None:
        self.calls = 0
        self._bad = bad

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.calls += 1
        numbers = batch.column(0).to_pylist()
        if self._bad.intersection(numbers):
            raise ValueError("not mine")
        return pa.RecordBatch.from_arrays([pa.array([2 * n for n in numbers], pa.int64())], names=["n"])


def numbers(count: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(range(count), pa.int64())], names=["n"])


@pytest.mark.parametrize(
    ("count", "bad", "most_calls"),
    [
        (1, {0}, 0),
        (2, {1}, 2),
        (8192, {8191}, 26),
        (8191, {0, 4000}, 52),
        (8192, set(range(0, 8192, 820)), 300),
        (100, set(range(0, 100, 2)), 198 + SAMPLE),
    ],
)
def test_just_the_bad_rows_are_refused(count: int, bad: set[int], most_calls: int) -> None:
    function = _Refuses(bad)
    rows, taken = apply_in_parts(function, numbers(count), (ValueError,))
    assert set(np.flatnonzero(~taken)) == bad
    values = [] if rows is None else rows.column("n").to_pylist()
    assert values == [2 * n for n in range(count) if n not in bad]
    assert function.calls <= most_calls


@pytest.mark.parametrize("every", [1, 2, 10, 100])
def test_many_bad_rows_cost_a_bounded_number_of_calls(every: int) -> None:
    function = _Refuses(set(range(0, 8192, every)))
    rows, taken = apply_in_parts(function, numbers(8192), (ValueError,))
    assert not taken[::every].any()
    assert (0 if rows is None else rows.num_rows) == taken.sum()
    assert function.calls <= MAX_CALLS + SAMPLE
    assert every != 1 or function.calls <= MAX_IN_VAIN + SAMPLE
    assert every != 100 or taken.mean() > 0.9


def test_what_is_no_refusal_is_raised() -> None:
    with pytest.raises(ValueError, match="not mine"):
        apply_in_parts(_Refuses({0}), numbers(2), (KeyError,))
