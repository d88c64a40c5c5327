"""Numbers as people read them."""

from __future__ import annotations

import pytest

from transforms.publish import formatting


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0123, "0.0123"), (0.1, "0.1"), (1234.0, "1,234"), (1.5e7, "15M"), (2.5e-7, "2.5e-07"), (0, "0")],
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert formatting.number(value) == expected
