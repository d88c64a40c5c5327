"""How many slices were compared, as the verdict's lines have it."""

from __future__ import annotations

from typing import Any

import pytest

from trueserve.pipelines.display import verdict_table

OK, SKEW = {"verdict": "ok"}, {"verdict": "skew"}


@pytest.mark.parametrize(
    ("slices", "left_out", "line"),
    [
        ([], 0, ""),
        ([OK], 0, "1 compared separately, 0 with skew"),
        ([OK, SKEW, SKEW], 0, "3 compared separately, 2 with skew"),
        (
            [SKEW] * 1000,
            2000,
            "1,000 compared separately, 1,000 with skew; 2,000 not compared (too few rows, or not among the"
            " largest)",
        ),
        (
            [],
            1,
            "0 compared separately, 0 with skew; 1 not compared (too few rows, or not among the largest)",
        ),
    ],
)
def test_slices_are_counted(slices: list[dict[str, Any]], left_out: int, line: str) -> None:
    assert verdict_table._slices({"slices": slices, "slices_left_out": left_out}) == line
