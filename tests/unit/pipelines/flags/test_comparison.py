"""What is compared, and by which limits: the values that the flags take, at their bounds."""

from __future__ import annotations

import argparse

import pytest

from trueserve.pipelines.flags import comparison
from trueserve.transforms.core.errors import UsageError


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
