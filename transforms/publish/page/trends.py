"""What the windows of earlier runs and of this one show: lines of features, spans of incidents, a map."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from trueserve.transforms.publish.page import incidents as page_incidents
from trueserve.transforms.publish.page.escaping import NOTHING, Template, fitting, joined, name, text
from trueserve.transforms.publish.page.rows import Key, Row
from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.publish.page.windows import (
    LEVEL_OF,
    NEAR,
    OVER,
    QUIET,
    UNKNOWN,
    Measure,
    WindowOfRun,
)

# Windows of a line, the latest. Rows of the map that are open, and all; bytes of it.
LINE_WINDOWS = 30
OPEN_ROWS, MOST_ROWS = 24, 120
BUDGET = 200_000

_STRIP = Template(
    '<svg class="strip" viewBox="0 0 %d 1" preserveAspectRatio="none" role="img" aria-label="%s"'
    ' data-n="%d" data-x="0 %d" data-v="%s">%s</svg>'
)
_SPAN = Template('<path class="%s" d="%s"/>')
_LINE = Template(
    '<svg class="line" viewBox="0 0 300 34" role="img" aria-label="%s" data-n="%d" data-x="80 296"'
    ' data-w="%s" data-v="%s">%s<path class="v" d="%s"/>%s<text x="0" y="14">%s</text>'
    '<text x="0" y="27">%s</text></svg>'
)
_LIMIT = Template('<path class="l" d="M80 %dH296"/>')
_DOT = Template('<circle class="d" cx="%d" cy="%d" r="2"/>')
_KEY = Markup(
    '<p class="key soft">'
    '<span><svg viewBox="0 0 1 1" aria-hidden="true"><path class="z" d="M0 .5h1"/></svg>'
    "chance, or under half the limit</span>"
    '<span><svg viewBox="0 0 1 1" aria-hidden="true"><path class="w" d="M0 .5h1"/></svg>'
    "warning, or half the limit or more</span>"
    '<span><svg viewBox="0 0 1 1" aria-hidden="true"><path class="h" d="M0 .5h1"/></svg>error</span>'
    '<span><svg viewBox="0 0 1 1" aria-hidden="true"><path class="x" d="M0 .5h1"/></svg>'
    "not compared or not known</span></p>"
)


def lines(sorted_rows: Sequence[Row], every: Sequence[WindowOfRun]) -> dict[Key, Markup]:
    """What is drawn on the cards: each feature over the windows."""
    latest = every[-LINE_WINDOWS:]
    if len(latest) < 2:
        return {}
    return {row.key: _lines([window.measures.get(row.key) for window in latest]) for row in sorted_rows}


def section(every: Sequence[WindowOfRun], sorted_rows: Sequence[Row] = ()) -> Markup:
    """Incidents' spans and the map of features by windows; empty where there is one window alone."""
    if len(every) < 2:
        return NOTHING
    numbers = {row.key: i for i, row in enumerate(sorted_rows)}
    strips = fitting(itertools.chain(_incident_spans(every), _feature_strips(every, numbers)), BUDGET)
    return Markup(
        "<h2>Over time<small>{:,} windows, the latest on the right</small></h2>"
        '<div class="card"><div class="heat">{}<span></span>{}</div>{}{}{}</div>'
    ).format(
        len(every), joined(strips[:OPEN_ROWS]), _ends(every), _rest(strips[OPEN_ROWS:]), _KEY, _windows(every)
    )


def _rest(strips: Sequence[Markup]) -> Markup:
    if not strips:
        return NOTHING
    return Markup('<details><summary>Show {:,} more</summary><div class="heat">{}</div></details>').format(
        len(strips), joined(strips)
    )


def strip(levels: str, label: str) -> Markup:
    """A row of cells, one a window."""
    spans: dict[str, str] = {}
    start = 0
    for level, cells in itertools.groupby(levels):
        length = len(list(cells))
        spans[level] = spans.get(level, "") + f"M{start} .5h{length}"
        start += length
    drawn = joined(_SPAN(level, path) for level, path in spans.items())
    return _STRIP(len(levels), text(label, 400), len(levels), len(levels), levels, drawn)


def _lines(measures: Sequence[Measure | None]) -> Markup:
    series = {
        "effect": [measure and measure.ratio for measure in measures],
        "missing": [_percent(measure and measure.missing_share) for measure in measures],
        "unseen": [_percent(measure and measure.unseen_share) for measure in measures],
    }
    return joined(_line(what, values) for what, values in series.items() if any(values))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _line(what: str, values: Sequence[float | None]) -> Markup:
    """A line over the windows; a gap where nothing is known."""
    known = [value for value in values if value is not None]
    top = max(1.2, *known) if what == "effect" else max(known) or 1.0
    points = [(round(80 + 216 * (i + 0.5) / len(values)), value) for i, value in enumerate(values)]
    heights = [(x, None if value is None else round(30 - 27 * value / top)) for x, value in points]
    last = [(x, y) for x, y in heights if y is not None][-1]
    limit = _LIMIT(round(30 - 27 / top)) if what == "effect" else NOTHING
    label, unit = {"effect": ("effect", "of its limit")}.get(what, (what, "of rows, %"))
    spoken = f"{what}, the last {known[-1]:.3g} {unit}, the most {max(known):.3g}"
    shown = " ".join("-" if value is None else f"{value:.3g}" for value in values)
    return _LINE(
        *(spoken, len(values), what, shown, limit, _path(heights), _DOT(*last)),
        *(label, f"{known[-1]:.3g}{'' if what == 'effect' else ' %'}"),
    )


def _path(points: Sequence[tuple[int, int | None]]) -> str:
    moves = []
    previous: int | None = None
    for x, y in points:
        if y is not None:
            moves.append(f"M{x} {y}" if previous is None else f"H{x}" if y == previous else f"L{x} {y}")
        previous = y
    return "".join(moves)


def _incident_spans(every: Sequence[WindowOfRun]) -> Iterable[Markup]:
    """A row an incident, those of the latest windows first."""
    latest: dict[str, Json] = {}
    for window in reversed(every):
        for identity, incident in window.incidents.items():
            latest.setdefault(identity, incident)
    for identity, incident in latest.items():
        levels = [_incident_level(window, identity) for window in every]
        title = page_incidents.title_of(incident)
        spoken = f"in {sum(level in {NEAR, OVER} for level in levels)} of {len(levels)} windows"
        yield Markup("<span><b>{}</b></span>{}").format(title, strip("".join(levels), spoken))


def _incident_level(window: WindowOfRun, identity: str) -> str:
    if identity in window.incidents:
        return LEVEL_OF.get(str(window.incidents[identity].get("severity")), NEAR)
    return QUIET if window.is_examined else UNKNOWN


def _feature_strips(every: Sequence[WindowOfRun], numbers: Mapping[Key, int]) -> Iterable[Markup]:
    """A row for each feature that came near its limit, that which did so most often first."""
    keys = dict.fromkeys([*numbers, *(key for window in every for key in window.measures)])
    unknown = Measure(UNKNOWN)
    levels = {key: "".join(window.measures.get(key, unknown).level for window in every) for key in keys}
    loud = [key for key in keys if NEAR in levels[key] or OVER in levels[key]]
    loud.sort(key=lambda key: (-levels[key].count(OVER), -levels[key].count(NEAR)))
    for key in loud[:MOST_ROWS]:
        over = levels[key].count(OVER)
        spoken = f"{key[1]} ({key[0]}): error in {over} of {len(every)} windows"
        yield _strip_label(key, numbers.get(key)) + strip(levels[key], spoken)


def _strip_label(key: Key, number: int | None) -> Markup:
    tag = Markup('<span class="tag">{}</span>').format(text(key[0], 20))
    if number is None:
        return Markup("<span>{} {}</span>").format(name(key[1], 80), tag)
    return Markup('<span><a href="#r{}">{}</a> {}</span>').format(number, name(key[1], 80), tag)


def _ends(every: Sequence[WindowOfRun]) -> Markup:
    return Markup('<div class="ends"><span>{}</span><span>{}</span></div>').format(
        text(every[0].label, 40), text(every[-1].label, 40)
    )


def _windows(every: Sequence[WindowOfRun]) -> Markup:
    """The windows by their start, each a link to its run; the script makes the link, see `SCRIPT`."""
    items = joined(Markup("<li>{}</li>").format(_window(window)) for window in every)
    return Markup(
        '<details><summary>The runs</summary><ul class="runs" id="windows">{}</ul></details>'
    ).format(items)


def _window(window: WindowOfRun) -> Markup:
    label, folder = text(window.label, 40), window.run.folder
    return Markup('<a data-run="{}">{}</a>').format(folder, label) if folder else label
