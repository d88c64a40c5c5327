"""Two distributions drawn over one another, as small inline SVG.

Coordinates are whole units of the view box, so that a picture is a kilobyte or so: a page holds thousands.
Colours come from the page's style sheet, through the classes `s` (serving, filled), `t` (training,
outlined), `a` (axis) and `e` (text at its end). What is under the pointer is read from `data-` attributes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page.escaping import LONGEST_NAME, NOTHING, Template, joined, text


class Area(NamedTuple):
    """Where a picture lies in its view box, in its units: its axis, and the base and the top of its bars."""

    width: int
    left: int
    right: int
    top: int
    base: int


WIDE = Area(440, 44, 432, 12, 84)
SMALL = Area(240, 8, 232, 6, 66)
_LABEL_END, _UNDER_LABEL, _ROW = 150, 2, 16
_LABEL_LIMIT = 22

_SVG = Template('<svg class="%s" viewBox="0 0 %d %d" role="img" aria-label="%s"%s>%s</svg>')
_OVER = Template(' data-n="%d" data-x="%d %d" data-e="%s"%s data-s="%s" data-t="%s"')
_DOWN = Template(' data-n="%d" data-y="%d %d" data-s="%s" data-t="%s"')
_SERVING = Template('<path class="s" d="%s"/>')
_TRAINING = Template('<path class="t" d="%s"/>')
_BAR_AXIS = Template(
    '<path class="a" d="M%d 2V%d"/><text x="%d" y="%d">0</text>'
    '<text class="e" x="%d" y="%d">%s of values</text>'
)
_UP_TO = Template('<text class="e" x="%d" y="%d">up to %s of values</text>')
_LABELS = Template("<g%s>%s</g>")
_AT_END = Markup(' class="e"')
_BAR_LABEL = Template('<text x="%d" y="%d">%s</text>')
_AXIS = Template('<path class="a" d="M%d %dV%dH%d"/>')
_LABEL = Template('<text class="%s" x="%d" y="%d">%s</text>')
_LOG = Markup(' data-log=""')


def histogram(
    edges: Sequence[float],
    training: Sequence[float],
    serving: Sequence[float],
    name: str,
    *,
    area: Area = WIDE,
    log: bool = False,
) -> Markup:
    """A numeric feature: share of values (y) by value (x).

    Args:
      edges: n + 1 ascending bounds of the bins; finite.
      training, serving: n shares in [0, 1] each.
      name: the feature, for those who listen to the page.
      log: the axis is of powers of ten; all edges are above 0.
    """
    log = log and edges[0] > 0 and _is_wide(edges[0], edges[-1])
    xs = [_x(share, area) for share in _axis_shares(edges, log=log)]
    top = max([*training, *serving, 1e-9])
    parts = [
        _SERVING(_steps(xs, _heights(serving, top, area), area.base)),
        _TRAINING(_outline(xs, _heights(training, top, area), area.base)),
        _frame(top, area),
        *_x_ticks(edges[0], edges[-1], area, log=log),
    ]
    values = _OVER(
        *(len(training), area.left, area.right, f"{edges[0]:.9g} {edges[-1]:.9g}"),
        *(_LOG if log else NOTHING, _percents(serving), _percents(training)),
    )
    label = f"distribution of {name}, training and serving{', logarithmic axis' if log else ''}"
    return _svg("hist", (area.width, area.base + 16), label, values, parts)


def bars(
    labels: Sequence[str],
    training: Sequence[float],
    serving: Sequence[float],
    name: str,
    *,
    area: Area = WIDE,
) -> Markup:
    """A categorical feature: a bar for each value, as long as its share of all values.

    Labels stand before their bars, or over them where one is too long for that: none is cut.

    Args:
      labels: n values, as they are; strangers' text.
      training, serving: n shares in [0, 1] each.
      name: the feature, for those who listen to the page.
    """
    top = max([*training, *serving, 1e-9])
    below = area is not WIDE or any(len(label) > _LABEL_LIMIT for label in labels)
    step = 2 * _ROW if below else _ROW
    left = _UNDER_LABEL if below else _LABEL_END
    base = 4 + step * len(labels)
    drawing = joined([_labels(labels, left, step), *_both(training, serving, (left, area.right, step))])
    end = (area.right, base + 12, formatting.percent(top))
    axis = _UP_TO(*end) if below else _BAR_AXIS(left, base, left, base + 12, *end)
    values = _DOWN(len(labels), 3, 3 + step * len(labels), _percents(serving), _percents(training))
    return _svg(
        "cats", (area.width, base + 16), f"values of {name}, training and serving", values, [drawing, axis]
    )


def _percents(shares: Sequence[float]) -> str:
    """Shares as percentages of two or three digits, for the script that shows them."""
    return " ".join(map(_percent, shares))


def _percent(share: float) -> str:
    value = 100 * share
    return f"{value:.3g}" if value >= 1 or value <= 0 else f"{max(value, 0.001):.2g}".removeprefix("0")


def _svg(kind: str, size: tuple[int, int], label: str, values: Markup, parts: Sequence[Markup]) -> Markup:
    return _SVG(kind, *size, text(label, LONGEST_NAME), values, joined(parts))


def _is_wide(left: float, right: float) -> bool:
    """Whether floats can tell points between the ends apart: not so for a constant, or beside 1e30."""
    return math.isfinite(right - left) and right - left > 1e-9 * max(abs(left), abs(right))


def _axis_shares(edges: Sequence[float], *, log: bool) -> list[float]:
    """Where the edges stand on the axis, from 0 to 1; evenly where their values do not tell."""
    left, right = edges[0], edges[-1]
    if not _is_wide(left, right):
        return [i / (len(edges) - 1) for i in range(len(edges))]
    if log:
        return [math.log(edge / left) / math.log(right / left) for edge in edges]
    return [(edge - left) / (right - left) for edge in edges]


def _x(share: float, area: Area = WIDE) -> int:
    return round(area.left + share * (area.right - area.left))


def _heights(shares: Sequence[float], top: float, area: Area) -> list[int]:
    # A share above zero is at least a hair high: "rare" must not look like "never".
    return [0 if share <= 0 else max(1, round(share / top * (area.base - area.top))) for share in shares]


def _steps(xs: Sequence[int], heights: Sequence[int], base: int) -> str:
    return _outline(xs, heights, base) + "Z"


def _outline(xs: Sequence[int], heights: Sequence[int], base: int) -> str:
    moves = [f"M{xs[0]} {base}"]
    level = 0
    for right, height in zip(xs[1:], heights, strict=True):
        moves.append(f"V{base - height}" * (height != level) + f"H{right}")
        level = height
    return "".join([*moves, f"V{base}"])


def _frame(top: float, area: Area) -> Markup:
    axis = _AXIS(area.left, area.top, area.base, area.right)
    if area is not WIDE:
        return axis
    labels = ((area.top + 4, _tick_percent(top)), (area.base, "0"))
    return joined([axis, *(_LABEL("e", area.left - 4, y, label) for y, label in labels)])


def _tick_percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else formatting.percent(share)


def _x_ticks(left: float, right: float, area: Area, *, log: bool) -> list[Markup]:
    """A few round values; the ends are left to them, since round numbers are what people can read."""
    if not _is_wide(left, right):
        return [_x_tick(formatting.number(left), 0.5, area)]
    count = 5 if area is WIDE else 4
    shown = _powers(left, right, count) if log else _round_values(left, right, count)
    shares = _axis_shares([left, *shown, right], log=log)[1:-1]
    return [_x_tick(label, share, area) for label, share in zip(_tick_labels(shown), shares, strict=True)]


def _round_values(left: float, right: float, count: int) -> list[float]:
    step = _round_step((right - left) / count)
    first = math.ceil(left / step)
    values = [(first + i) * step for i in range(count + 2)]
    return [value for value in values if value <= right + step / 1e9]


def _powers(left: float, right: float, count: int) -> list[float]:
    """Powers of ten, or of these every so many that there are about `count`."""
    first, last = math.ceil(math.log10(left) - 1e-9), math.floor(math.log10(right) + 1e-9)
    return [10.0**power for power in range(first, last + 1, max(1, math.ceil((last - first) / count)))]


def _tick_labels(values: Sequence[float]) -> list[str]:
    # The product of step and count is not quite round: hence never all seventeen digits.
    labels: list[str] = []
    for write in (formatting.number, "{:.6g}".format, "{:.9g}".format):
        labels = [write(float(f"{value:.12g}")) for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


def _x_tick(label: str, share: float, area: Area) -> Markup:
    # A label at an end must not be cut off.
    anchor = "e" if share > 0.95 else "b" if area is not WIDE and share < 0.05 else "m"
    return _LABEL(anchor, _x(share, area), area.base + 12, label)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _labels(labels: Sequence[str], left: int, step: int) -> Markup:
    """The labels of bars that begin at `left`: before them, or over them where rows are two steps high."""
    below = left == _UNDER_LABEL
    x, dy, limit = (left, 11, 3 * _LABEL_LIMIT) if below else (left - 5, 10, _LABEL_LIMIT)
    drawn = (
        _BAR_LABEL(x, 3 + step * i + dy, text(label, limit) or "(empty)") for i, label in enumerate(labels)
    )
    return _LABELS(NOTHING if below else _AT_END, joined(drawn))


def _both(
    training: Sequence[float], serving: Sequence[float], span: tuple[int, int, int]
) -> Iterator[Markup]:
    """The bars of both sides, served ones filled, training's outlined over them."""
    left, right, step = span
    top = max([*training, *serving, 1e-9])
    y, height = (4, 11) if step == _ROW else (18, 9)
    for template, shares, end in ((_SERVING, serving, "z"), (_TRAINING, training, "")):
        lengths = [_bar_length(share / top, right - left) for share in shares]
        moves = (
            f"M{left} {y + step * i}h{length}v{height}h-{length}{end}"
            for i, length in enumerate(lengths)
            if length
        )
        yield template("".join(moves))


def _bar_length(share: float, longest: int) -> int:
    return 0 if share <= 0 else max(1, round(share * longest))
