"""Two distributions drawn over one another, as small inline SVG.

Coordinates are whole units of the view box, so that a picture is a kilobyte or so: a page holds thousands.
Colours come from the page's style sheet, through the classes `s` (serving, filled), `t` (training,
outlined), `a` (axis) and `e` (text at its end).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page.escaping import Template, joined, text

WIDTH = 440
_LEFT, _RIGHT, _TOP, _BASE = 44, 432, 12, 84
_LABEL_END, _ROW = 150, 16
_LABEL_LIMIT = 22

_SVG = Template('<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>')
_SERVING = Template('<path class="s" d="%s"/>')
_TRAINING = Template('<path class="t" d="%s"/>')
_BARS = Template(
    '<g class="e">%s</g><path class="a" d="M%d 2V%d"/><text x="%d" y="%d">0</text>'
    '<text class="e" x="%d" y="%d">%s of values</text>'
)
_BAR_LABEL = Template('<text x="%d" y="%d">%s</text>')
_SERVING_BAR = Template('<path class="s" d="M%d %dh%dv11h-%dz"/>')
_TRAINING_BAR = Template('<path class="t" d="M%d %dh%dv11h-%d"/>')
_AXIS = Template('<path class="a" d="M%d %dV%dH%d"/>')
_LABEL = Template('<text class="%s" x="%d" y="%d">%s</text>')


def histogram(
    edges: Sequence[float], training: Sequence[float], serving: Sequence[float], name: str
) -> Markup:
    """A numeric feature: share of values (y) by value (x).

    Args:
      edges: n + 1 ascending bounds of the bins; finite.
      training, serving: n shares in [0, 1] each.
      name: the feature, for those who listen to the page.
    """
    xs = [_x(share) for share in _axis_shares(edges)]
    top = max([*training, *serving, 1e-9])
    parts = [
        _SERVING(_steps(xs, _heights(serving, top))),
        _TRAINING(_outline(xs, _heights(training, top))),
        _frame(top),
        *_x_ticks(edges[0], edges[-1]),
    ]
    return _svg(_BASE + 16, f"distribution of {name}, training and serving", parts)


def bars(labels: Sequence[str], training: Sequence[float], serving: Sequence[float], name: str) -> Markup:
    """A categorical feature: a bar for each value, as long as its share of all values.

    Args:
      labels: n values, as they are; strangers' text.
      training, serving: n shares in [0, 1] each.
      name: the feature, for those who listen to the page.
    """
    top = max([*training, *serving, 1e-9])
    rows = zip(labels, training, serving, strict=True)
    drawn = (_bar(i, label, was / top, now / top) for i, (label, was, now) in enumerate(rows))
    base = 4 + _ROW * len(labels)
    drawing = _BARS(
        joined(drawn),
        *(_LABEL_END, base),
        *(_LABEL_END, base + 12),
        *(_RIGHT, base + 12, formatting.percent(top)),
    )
    return _svg(base + 16, f"values of {name}, training and serving", [drawing])


def _svg(height: int, label: str, parts: Sequence[Markup]) -> Markup:
    return _SVG(WIDTH, height, text(label), joined(parts))


def _is_wide(left: float, right: float) -> bool:
    """Whether floats can tell points between the ends apart: not so for a constant, or beside 1e30."""
    return math.isfinite(right - left) and right - left > 1e-9 * max(abs(left), abs(right))


def _axis_shares(edges: Sequence[float]) -> list[float]:
    """Where the edges stand on the axis, from 0 to 1; evenly where their values do not tell."""
    left, right = edges[0], edges[-1]
    if not _is_wide(left, right):
        return [i / (len(edges) - 1) for i in range(len(edges))]
    return [(edge - left) / (right - left) for edge in edges]


def _x(share: float) -> int:
    return round(_LEFT + share * (_RIGHT - _LEFT))


def _heights(shares: Sequence[float], top: float) -> list[int]:
    # A share above zero is at least a hair high: "rare" must not look like "never".
    return [0 if share <= 0 else max(1, round(share / top * (_BASE - _TOP))) for share in shares]


def _steps(xs: Sequence[int], heights: Sequence[int]) -> str:
    return _outline(xs, heights) + "Z"


def _outline(xs: Sequence[int], heights: Sequence[int]) -> str:
    moves = [f"M{xs[0]} {_BASE}"]
    level = 0
    for right, height in zip(xs[1:], heights, strict=True):
        moves.append(f"V{_BASE - height}" * (height != level) + f"H{right}")
        level = height
    return "".join([*moves, f"V{_BASE}"])


def _frame(top: float) -> Markup:
    labels = ((_TOP + 4, _tick_percent(top)), (_BASE, "0"), (_BASE // 2 + 10, "values"))
    axis = _AXIS(_LEFT, _TOP, _BASE, _RIGHT)
    return joined([axis, *(_LABEL("e", _LEFT - 4, y, label) for y, label in labels)])


def _tick_percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else formatting.percent(share)


def _x_ticks(left: float, right: float) -> list[Markup]:
    """A few round values; the ends are left to them, since round numbers are what people can read."""
    if not _is_wide(left, right):
        return [_x_tick(formatting.number(left), 0.5)]
    step = _round_step((right - left) / 5)
    first = math.ceil(left / step)
    values = [(first + i) * step for i in range(7)]
    shown = [value for value in values if value <= right + step / 1e9]
    return [
        _x_tick(label, (value - left) / (right - left))
        for label, value in zip(_tick_labels(shown), shown, strict=True)
    ]


def _tick_labels(values: Sequence[float]) -> list[str]:
    # The product of step and count is not quite round: hence never all seventeen digits.
    for write in (formatting.number, "{:.6g}".format, "{:.9g}".format):
        labels = [write(float(f"{value:.12g}")) for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


def _x_tick(label: str, share: float) -> Markup:
    # A label at the right end must not be cut off.
    anchor = "e" if share > 0.95 else "m"
    return _LABEL(anchor, _x(share), _BASE + 12, label)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _bar(index: int, label: str, training: float, serving: float) -> Markup:
    y = 3 + _ROW * index
    now, was = (_bar_length(share) for share in (serving, training))
    parts = [_BAR_LABEL(_LABEL_END - 5, y + 10, text(label, _LABEL_LIMIT) or "(empty)")]
    if now:
        parts.append(_SERVING_BAR(_LABEL_END, y + 1, now, now))
    if was:
        parts.append(_TRAINING_BAR(_LABEL_END, y + 1, was, was))
    return joined(parts)


def _bar_length(share: float) -> int:
    return 0 if share <= 0 else max(1, round(share * (_RIGHT - _LABEL_END)))
