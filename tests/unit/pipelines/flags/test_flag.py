"""The checks that flags share: names, files, and numbers at their bounds."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pytest

from trueserve.pipelines.flags import flag, reading
from trueserve.transforms.core.errors import UsageError


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


def test_a_range_has_both_its_ends() -> None:
    check = flag.check_range(2, 5)
    for value in (None, 2, 5):
        check("--flag", value)
    for value in (1, 6):
        with pytest.raises(UsageError) as caught:
            check("--flag", value)
        assert str(caught.value) == f"--flag: expected a number from 2 to 5, got {value}"


def test_a_file_on_this_machine_is_there(tmp_path: Path) -> None:
    (tmp_path / "schema").touch()
    for path in (None, str(tmp_path / "schema"), "gs://bucket/none"):
        flag.check_local_file("--schema", path)
    for path in (str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(UsageError) as caught:
            flag.check_local_file("--schema", path)
        assert str(caught.value) == f"--schema: there is no file {path!r}"


def test_names_are_separated_by_commas() -> None:
    assert flag.parse_names(" a, b,,c ") == ("a", "b", "c")
    assert flag.parse_names("") == ()
    assert flag.parse_some_names("a,b,a") == ("a", "b")
    for text in ("", " , "):
        with pytest.raises(argparse.ArgumentTypeError, match="expected one or more"):
            flag.parse_some_names(text)
