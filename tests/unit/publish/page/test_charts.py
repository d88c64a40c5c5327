"""Histograms and bars: one scale for both, few ticks, rare values still seen."""

from __future__ import annotations

import random
import re

import pytest
from support.page import make_categories, make_verdict

from trueserve.transforms.publish.page import charts as page_charts
from trueserve.transforms.publish.page import page


def test_histogram_draws_both_sides_to_one_scale() -> None:
    svg = page_charts.histogram([0, 1, 2], [0.5, 0.5], [0.25, 0.75], "f")
    served, trained = _tops(svg, "s"), _tops(svg, "t")
    base = 84
    assert [base - y for y in served] == [24, 72, 0]
    assert [base - y for y in trained] == [48, 0]


def test_rare_is_not_never() -> None:
    svg = page_charts.bars(["often", "rare", "never"], [0.9999, 0.0001, 0], [1, 0, 0], "f")
    assert [length for _, _, length, _, _ in drawn_bars(svg, "t")] == [282, 1]
    assert [length for _, _, length, _, _ in drawn_bars(svg, "s")] == [282]


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


def drawn_bars(svg: str, side: str) -> list[tuple[int, ...]]:
    """Left end, top, length, height and length back of each bar."""
    [path] = re.findall(rf'class="{side}" d="([^"]*)"', svg)
    bars = re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)", path)
    return [tuple(map(int, bar)) for bar in bars]


def _tops(svg: str, side: str) -> list[int]:
    path = re.search(rf'class="{side}" d="([^"]*)"', svg)
    assert path is not None
    return [int(y) for y in re.findall(r"V(\d+)", path[1])]


def texts(svg: str, y: int) -> list[tuple[str, str, str]]:
    """Class, x and text of the labels at a height."""
    return re.findall(rf'<text class="(\w)" x="(\d+)" y="{y}">([^<]*)</text>', svg)


def test_ticks_are_at_round_values_between_the_ends() -> None:
    svg = page_charts.histogram([0, 5, 10], [0.5, 0.5], [1, 0], "f")
    assert texts(svg, 96) == [
        *(("m", "44", "0"), ("m", "122", "2"), ("m", "199", "4"), ("m", "277", "6")),
        *(("m", "354", "8"), ("e", "432", "10")),
    ]
    assert [label for _, _, label in texts(page_charts.histogram([1, 2, 11], [1, 0], [1, 0], "f"), 96)] == [
        *("2", "4", "6", "8", "10"),
    ]
    below = page_charts.histogram([-3, 1, 2], [1, 0], [1, 0], "f")
    assert [label for _, _, label in texts(below, 96)] == ["-3", "-2", "-1", "0", "1", "2"]
    assert texts(page_charts.histogram([3, 3], [1], [1], "f"), 96) == [("m", "238", "3")]


@pytest.mark.parametrize(
    ("rough", "step"), [(1.0, 1), (1.001, 1), (1.01, 2), (2.1, 5), (5.1, 10), (9.9, 10), (0.02, 0.02)]
)
def test_steps_are_one_two_or_five(rough: float, step: float) -> None:
    assert page_charts._round_step(rough) == pytest.approx(step)


def test_labels_have_as_many_digits_as_tell_them_apart() -> None:
    assert page_charts._tick_labels([100_000.0, 100_020.0]) == ["100000", "100020"]
    assert page_charts._tick_labels([1_000_000.0, 1_000_001.0]) == ["1000000", "1000001"]
    assert page_charts._tick_labels([0.1 * 3, 0.4]) == ["0.3", "0.4"]


@pytest.mark.parametrize(
    ("top", "label"), [(0.5, "50 %"), (0.1, "10 %"), (0.099, "9.90 %"), (1.0, "100 %"), (0.0, "&lt;0.01 %")]
)
def test_the_frame_says_how_high_the_highest_is(top: float, label: str) -> None:
    svg = page_charts.histogram([0, 1, 2], [top, 0], [0, 0], "f")
    assert texts(svg, 16) == [("e", "40", label)]
    assert texts(svg, 84) == [("e", "40", "0")]
    assert '<path class="a" d="M44 12V84H432"/>' in svg
    assert '<svg class="hist" viewBox="0 0 440 100"' in svg


def test_the_outline_moves_where_the_height_changes() -> None:
    svg = page_charts.histogram([0, 1, 2, 4], [0.5, 0.5, 0], [0, 0.0001, 0.5], "f")
    assert '<path class="t" d="M44 84V12H141H238V84H432V84"/>' in svg
    # Above zero is a hair high at least.
    assert '<path class="s" d="M44 84H141V83H238V12H432V84Z"/>' in svg
    # Beside 1e30 floats cannot tell 1 and 2 apart: bins are spread evenly.
    even = page_charts.histogram([1e30, 1e30, 1e30], [1, 0], [1, 0], "f")
    assert '<path class="t" d="M44 84V12H238V84H432V84"/>' in even


def test_bars_stand_in_rows_beside_their_labels() -> None:
    svg = page_charts.bars(["a", "", "c"], [0.25, 0.5, 0], [0.5, 0, 0.1], "f")
    assert re.findall(r'<text x="145" y="(\d+)">([^<]*)<', svg) == [
        ("13", "a"),
        ("29", "(empty)"),
        ("45", "c"),
    ]
    assert drawn_bars(svg, "s") == [(150, 4, 282, 11, 282), (150, 36, 56, 11, 56)]
    assert drawn_bars(svg, "t") == [(150, 4, 141, 11, 141), (150, 20, 282, 11, 282)]
    assert '<path class="a" d="M150 2V52"/><text x="150" y="64">0</text>' in svg
    assert '<text class="e" x="432" y="64">50.0 % of values</text>' in svg
    assert (
        '<svg class="cats" viewBox="0 0 440 68" role="img" aria-label="values of f, training and serving"'
        in svg
    )


def test_values_are_at_hand_for_whoever_points_at_them() -> None:
    svg = page_charts.histogram([0, 1, 2.5], [0.5, 0.5], [0.001234, 0.75], "f")
    assert ' data-n="2" data-x="44 432" data-e="0 2.5" data-s=".12 75" data-t="50 50"' in svg
    svg = page_charts.bars(["a", "b", "c"], [0.25, 0.5, 0], [0.5, 0, 0.1], "f")
    assert ' data-n="3" data-y="3 51" data-s="50 0 10" data-t="25 50 0"' in svg


def test_a_log_axis_gives_each_power_of_ten_the_same_room() -> None:
    svg = page_charts.histogram([1, 10, 100, 1000], [0.5, 0.25, 0.25], [1, 0, 0], "f", log=True)
    assert '<path class="t" d="M44 84V48H173V66H303H432V84"/>' in svg
    assert [(x, label) for _, x, label in texts(svg, 96)] == [
        *(("44", "1"), ("173", "10"), ("303", "100"), ("432", "1,000")),
    ]
    assert ' data-log=""' in svg
    # Of many powers every second or third is said; an axis that reaches 0 has none.
    wide = page_charts.histogram([1e-6, 1.0, 1e6], [0.5, 0.5], [1, 0], "f", log=True)
    assert [label for _, _, label in texts(wide, 96)] == ["1e-06", "0.001", "1", "1,000", "1M"]
    assert "data-log" not in page_charts.histogram([0, 1, 2], [1, 0], [1, 0], "f", log=True)


def test_labels_too_long_to_stand_before_their_bars_stand_over_them_uncut() -> None:
    label = "a value of forty characters and a few..."
    svg = page_charts.bars([label, "b"], [0.25, 0.5], [0.5, 0], "f")
    assert re.findall(r'<text x="2" y="(\d+)">([^<]*)<', svg) == [("14", label), ("46", "b")]
    assert drawn_bars(svg, "s") == [(2, 18, 430, 9, 430)]
    assert drawn_bars(svg, "t") == [(2, 18, 215, 9, 215), (2, 50, 430, 9, 430)]
    assert ' data-y="3 67"' in svg


def test_a_small_picture_fits_its_width_and_says_what_its_axis_is() -> None:
    svg = page_charts.histogram([0, 50, 100], [0.5, 0.5], [1, 0], "f", area=page_charts.SMALL)
    assert '<svg class="hist" viewBox="0 0 240 82"' in svg
    ticks = re.findall(r'<text class="([bem])" x="(\d+)" y="78">([^<]*)<', svg)
    assert (ticks[0], ticks[-1]) == (("b", "8", "0"), ("e", "232", "100"))
    assert 2 <= len(ticks) <= 6
