"""Steps at the precision of the log: the same values with fewer digits are no difference, others are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.evidence.precision import at_precision_of_log

THIRDS = (1 / 3, 2 / 3, 0.1, 1 / 7)


def steps(*values: float) -> Cdf:
    """A number of these values, each as often as the others, as float32."""
    x = np.repeat(np.sort(np.array(values, np.float32).astype(float)), 2)
    share = np.linspace(0, 1, len(values) + 1)
    return Cdf(x, np.repeat(share, 2)[1:-1])


def written(values: tuple[float, ...], form: str) -> tuple[float, ...]:
    return tuple(float(form % np.float32(value)) for value in values)


@pytest.mark.parametrize("form", ["%.4g", "%.6g", "%.7g", "%.8g", "%.9g", "%.8f"])
@pytest.mark.parametrize("values", [THIRDS, (12345.678, 76543.21, 3.14159265), (15.2,), (-1 / 3, 1 / 7e4)])
def test_fewer_digits_are_the_same_values(form: str, values: tuple[float, ...]) -> None:
    training, serving = steps(*values), steps(*written(values, form))
    np.testing.assert_array_equal(at_precision_of_log(training, serving).x, training.x)
    # Or training was written so, and the log has all digits.
    np.testing.assert_array_equal(at_precision_of_log(serving, training).x, serving.x)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (THIRDS, (0.334, 2 / 3, 0.1, 1 / 7)),
        ((10000.0, 20000.0), (10001.0, 20000.0)),
        ((1720933200.0, 1720936832.0), (1720936704.0, 1720940416.0)),
        ((0.001, 0.5), (0.002, 0.5)),
        ((94107.0, 20000.0), (94110.0, 20000.0)),
        ((60310.25, 60311.25, 60312.25), (60310.5, 60311.5, 60312.5)),
        ((1.5, 2.5), (1.6, 2.5)),
    ],
)
def test_other_values_stay_others(before: tuple[float, ...], after: tuple[float, ...]) -> None:
    serving = steps(*after)
    np.testing.assert_array_equal(at_precision_of_log(steps(*before), serving).x, serving.x)


def test_what_was_computed_from_rounded_values_is_the_same() -> None:
    def scores(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((value - 0.332) / 0.2 for value in values)

    training, serving = steps(*scores(THIRDS)), steps(*scores(written(THIRDS, "%.6g")))
    assert not np.array_equal(training.x, serving.x)
    np.testing.assert_array_equal(at_precision_of_log(training, serving).x, training.x)


def test_a_step_beside_values_far_away_is_no_rounding() -> None:
    """Most rows lie around 60,000; what is half a unit of six digits there is all of 0.5."""
    x = np.array([0.5, 0.5, *np.linspace(10_000, 200_000, 60)])
    share = np.array([0.0, 0.4, *np.linspace(0.4, 1, 60)])
    moved = np.array([0.1, 0.1, *x[2:]])
    assert at_precision_of_log(Cdf(x, share), Cdf(moved, share)).x.tolist() == moved.tolist()


def test_a_number_without_steps_stays_as_it_is() -> None:
    smooth = Cdf(np.linspace(0, 1, 50), np.linspace(0, 1, 50))
    assert at_precision_of_log(smooth, steps(0.5)).x.tolist() == [0.5, 0.5]
    assert at_precision_of_log(steps(0.5), smooth) is smooth


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=9, unique=True), st.integers(3, 9))
def test_a_function_stays_one(values: list[float], digits: int) -> None:
    serving = steps(*written(tuple(values), f"%.{digits}g"))
    moved = at_precision_of_log(steps(*values), serving)
    assert (np.diff(moved.x) >= 0).all()
    np.testing.assert_array_equal(moved.share, serving.share)
