"""Histograms and bars: one scale for both, few ticks, rare values still seen."""

from __future__ import annotations

import random
import re

import pytest
from support.page import make_categories, make_verdict

from transforms.publish.page import charts as page_charts
from transforms.publish.page import page


def test_histogram_draws_both_sides_to_one_scale() -> None:
    svg = page_charts.histogram([0, 1, 2], [0.5, 0.5], [0.25, 0.75], "f")
    served, trained = _tops(svg, "s"), _tops(svg, "t")
    base = 84
    assert [base - y for y in served] == [24, 72, 0]
    assert [base - y for y in trained] == [48, 0]


def test_rare_is_not_never() -> None:
    svg = page_charts.bars(["often", "rare", "never"], [0.9999, 0.0001, 0], [1, 0, 0], "f")
    assert re.findall(r'class="t" d="M150 \d+h(\d+)', svg) == ["282", "1"]
    assert re.findall(r'class="s" d="M150 \d+h(\d+)', svg) == ["282"]


@pytest.mark.parametrize("seed", range(200))
def test_ticks_are_few_and_lie_on_the_axis(seed: int) -> None:
    draw = random.Random(seed)
    left = draw.choice([0, 1, -1]) * 10 ** draw.uniform(-12, 12)
    width = 10 ** draw.uniform(-12, 12) + abs(left) * 1e-6
    svg = page_charts.histogram([left, left + width / 2, left + width], [1, 0], [0, 1], "f")
    ticks = re.findall(r'<text class="[em]" x="(\d+)" y="96">([^<]*)<', svg)
    assert 2 <= len(ticks) <= 6
    assert all(44 <= int(x) <= 432 for x, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks)


@pytest.mark.parametrize(
    "edges", [(3.0, 3.0), (0.0, 0.0), (1e300, 1e300), (-1e308, 1e308), (1.0, 1.0 + 1e-15)]
)
def test_constant_has_a_picture(edges: tuple[float, float]) -> None:
    assert 'role="img"' in page_charts.histogram(edges, [1], [1], "f")


def test_many_categories_are_folded_and_still_sum_to_all() -> None:
    picture = make_categories("f", [f"v{i}" for i in range(13)])
    html = page.render(make_verdict("ok"), [picture]).decode()
    assert "(other)" in html
    assert ">v7<" in html
    assert ">v8<" not in html


def _tops(svg: str, side: str) -> list[int]:
    path = re.search(rf'class="{side}" d="([^"]*)"', svg)
    assert path is not None
    return [int(y) for y in re.findall(r"V(\d+)", path[1])]
