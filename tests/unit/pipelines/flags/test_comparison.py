"""What is compared, and by which limits: the values that the flags take, at their bounds."""

from __future__ import annotations

import argparse
import math

import pytest

from pipelines.flags import comparison, flag, reading
from transforms.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "spaces"),
    [
        ("raw", ("raw",)),
        ("transformed", ("transformed",)),
        ("transformed, raw", ("raw", "transformed")),
        ("raw,raw", ("raw",)),
    ],
)
def test_spaces_are_in_their_own_order(text: str, spaces: tuple[str, ...]) -> None:
    assert comparison.parse_spaces(text) == spaces


@pytest.mark.parametrize("text", ["", ",", "raws", "raw,set"])
def test_what_is_no_space_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        comparison.parse_spaces(text)
    assert str(caught.value) == f"expected one or both of raw,transformed, got {text!r}"


def test_a_feature_is_named_once() -> None:
    comparison.check_selection(("a", "b"), ("c",))
    comparison.check_selection((), ())
    with pytest.raises(UsageError) as caught:
        comparison.check_selection(("c", "b", "a"), ("b", "d", "c"))
    assert str(caught.value) == "--only and --ignore both name b, c; name it in one of them"


@pytest.mark.parametrize(
    ("check", "values", "message"),
    [
        (flag.check_distance, (1e-9, 1), "expected a distance above 0 and at most 1"),
        (flag.check_fraction, (0, 1), "expected a fraction from 0 to 1"),
        (flag.check_not_negative, (0, 1e300), "expected a number of 0 or more"),
        (reading.check_sample, (1e-9, 1), "expected a fraction above 0 and at most 1"),
    ],
)
def test_the_bounds_of_a_number(check: flag.Check, values: tuple[float, ...], message: str) -> None:
    for value in values:
        check("--flag", value)
    outside = [-1e-9, math.nan, math.inf]
    outside += [0] if "above 0" in message else []
    outside += [] if "or more" in message else [1 + 1e-9]
    for value in outside:
        with pytest.raises(UsageError) as caught:
            check("--flag", value)
        assert str(caught.value) == f"--flag: {message}, got {value}"
