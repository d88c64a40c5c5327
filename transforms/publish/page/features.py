"""The page's cards: a feature each, worst first, with both distributions drawn over one another.

What is computed from a raw feature stands on its card.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import charts as page_charts
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, Template, fitting, joined, name, text
from trueserve.transforms.publish.page.rows import Key, Row

# Cards past these are folded away; past the budgets (bytes) they are drawn no more, then shown no more, so
# that the page stays below 5 MB.
OPEN_CARDS = 40
OPEN_FOUND_CARDS = 300
CHART_BUDGET = 3_150_000
CARDS_BUDGET = 3_300_000
CELLS_BUDGET = 200_000
CATEGORIES = 8
# Characters of a finding's sentence.
LONGEST_MESSAGE = 1_500

_METRICS = {
    "jensen_shannon_divergence": "Jensen–Shannon divergence",
    "kolmogorov_smirnov": "Kolmogorov–Smirnov distance",
    "l_infinity_norm": "L-infinity norm",
    "missing_share_difference": "difference of the missing shares",
    "positions": "least total variation at a position",
    "total_variation": "total variation",
    "unseen_share": "share of new values",
}

_OVERVIEW = Template(
    '<div class="card overview%s"><div class="cells">%s</div><p class="soft">'
    "One cell per feature, worst first. Cells without a finding are paler the farther they are below the"
    " limit.</p></div>"
)
_CELL = Template('<a class="%s" href="#r%d" title="%s" aria-label="%s: %s"></a>')
_SECTION = Template("<h2>%s<small>%s, worst first</small></h2>%s%s%s")
_FOLDED = Template('<details class="fold"><summary>Show %s%s</summary>%s%s</details>')
_NOT_SHOWN = Template('<p class="soft">%s not shown.</p>')
LEGEND = Markup(
    '<div class="legend">'
    '<span><svg viewBox="0 0 26 14" aria-hidden="true"><path class="s" d="M0 14V4H26V14Z"/></svg>'
    "served</span>"
    '<span><svg viewBox="0 0 26 14" aria-hidden="true"><path class="t" d="M1 14V3H25V14"/></svg>'
    "training</span>"
    "<span>share of values</span></div>"
)
_CARD = Template('<div class="g">%s</div>')
_ROW = Template(
    '<article class="row %s" id="r%d"%s><div><span class="n">%s</span><span class="tag">%s</span>'
    "%s</div><div>%s</div><div>%s%s%s</div></article>"
)
_DATA = Template(' data-%s="%s"')
_NOT_DRAWN = Markup('<span class="soft">Not drawn: see stats.binpb.</span>')
_NO_VALUES = Markup('<span class="soft">No values to draw.</span>')
_MESSAGES = Template("<ul>%s</ul>")
_MESSAGE = Template('<li class="%s">%s</li>')
_MORE_MESSAGES = Template('<li class="info">%s.</li>')
_ORIGIN = Template("<small>%s</small>")
# The limit stands at half the meter, so that rows can be compared with one another.
_DISTANCE = Template(
    '<span class="big">%s</span> <span class="soft">limit %s</span>'
    '<svg class="meter" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">'
    '<path d="M0 6h%d"/></svg><p class="soft">%s</p>'
)
_NO_DISTANCE = Markup('<p class="soft">no distance</p>')
_SHARES = Template("<dl><dt>rows</dt><dd>%s → %s</dd><dt>missing</dt><dd>%s → %s</dd></dl>")

#: What is drawn of a feature's earlier windows, by its key.
Lines: TypeAlias = Mapping[Key, Markup]


@dataclasses.dataclass(frozen=True)
class Card:
    """A raw feature's row and those of what is computed from it, and how they are shown."""

    rows: tuple[Row, ...]
    markup: Markup

    @property
    def has_findings(self) -> bool:
        return any(row.severity != "none" for row in self.rows)


def overview(sorted_rows: Sequence[Row]) -> Markup:
    """A cell for each feature, worst first: how much of the whole is in trouble, at one glance."""
    if len(sorted_rows) < 2:
        return NOTHING
    cells = joined(fitting((_cell(i, row) for i, row in enumerate(sorted_rows)), CELLS_BUDGET))
    return _OVERVIEW(" many" if len(sorted_rows) > 400 else "", cells)


def cards(sorted_rows: Sequence[Row], lines: Lines | None = None) -> list[Card]:
    """A card for each raw feature, and for each other one that is not computed from one of these."""
    spent = 0
    made: list[Card] = []
    number_of = {row.key: i for i, row in enumerate(sorted_rows)}
    for group in _groups(sorted_rows):
        drawn = joined(
            _row(
                number_of[row.key], row, (lines or {}).get(row.key, NOTHING), with_chart=spent < CHART_BUDGET
            )
            for row in group
        )
        spent += len(drawn)
        made.append(Card(tuple(group), _CARD(drawn)))
    return made


def section(every: Sequence[Card], title: str = "Features") -> Markup:
    """The cards under their heading, the quiet ones folded away when there are many."""
    if not every:
        return NOTHING
    shown = within_budget(every)
    with_findings = sum(card.has_findings for card in every)
    is_open = max(OPEN_CARDS, min(with_findings, OPEN_FOUND_CARDS))
    return _SECTION(
        title,
        formatting.count(sum(len(card.rows) for card in every)),
        LEGEND,
        joined(card.markup for card in shown[:is_open]),
        _folded(every[is_open:], shown[is_open:]),
    )


def within_budget(every: Sequence[Card]) -> Sequence[Card]:
    """The first cards, as many as a page has room for."""
    left = CARDS_BUDGET
    for i, card in enumerate(every):
        left -= len(card.markup.encode("utf-8", "replace"))
        if left < 0:
            return every[:i]
    return every


def picture_of(row: Row, area: page_charts.Area = page_charts.WIDE) -> Markup:
    """Both distributions of a feature, or why they are not drawn."""
    picture = row.picture
    if picture is None or picture.kind not in ("number", "category"):
        return _NO_VALUES
    if picture.kind == "number":
        return page_charts.histogram(
            *(picture.edges, picture.training, picture.serving, picture.feature),
            area=area,
            log=picture.scale == "log",
        )
    most = CATEGORIES if area is page_charts.WIDE else 3
    return page_charts.bars(*row.fewer_categories(most), picture.feature, area=area)


def _groups(sorted_rows: Sequence[Row]) -> Iterable[list[Row]]:
    """Rows that stand together, the group of the worst row first; in a group the raw feature first."""
    raw = {row.feature for row in sorted_rows if row.space == "raw"}
    # Where a feature is computed from several, it stands with the worst of these.
    rank = {row.feature: i for i, row in reversed(list(enumerate(sorted_rows))) if row.space == "raw"}
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in sorted_rows:
        origins = sorted(raw.intersection(row.raw_features), key=rank.__getitem__)
        home = ("raw", origins[0]) if row.space == "transformed" and origins else row.key
        groups[home].append(row)
    return (sorted(group, key=lambda row: row.space != "raw") for group in groups.values())


def _cell(index: int, row: Row) -> Markup:
    # Quiet features pale with the distance they keep from their limit.
    is_quiet = row.severity == "none" and row.measured is not None
    kind = "na" if row.severity == "none" and not is_quiet else row.severity
    paleness = f" p{1 + min(4, int(5 * row.ratio))}" if is_quiet else ""
    shown = name(row.feature, 60)
    return _CELL(kind + paleness, index, shown, shown, row.severity if is_quiet is False else "no finding")


def _folded(rest: Sequence[Card], drawn: Sequence[Card]) -> Markup:
    if not rest:
        return NOTHING
    quiet = "" if any(card.has_findings for card in rest) else ", none with a finding"
    rows, shown = (sum(len(card.rows) for card in each) for each in (rest, drawn))
    more = _NOT_SHOWN(formatting.counted(rows - shown, "more feature")) if rows > shown else NOTHING
    markup = joined(card.markup for card in drawn)
    return _FOLDED(formatting.counted(rows, "more feature"), quiet, markup, more)


def _row(index: int, row: Row, line: Markup, *, with_chart: bool) -> Markup:
    return _ROW(
        row.severity,
        index,
        _data(row),
        name(row.feature),
        text(row.space),
        _messages(row),
        picture_of(row) if with_chart else _NOT_DRAWN,
        _distance(row),
        _shares(row),
        line if with_chart else NOTHING,
    )


def _data(row: Row) -> Markup:
    """What the script filters and sorts by."""
    kinds = " ".join(dict.fromkeys(str(finding["kind"]) for finding in row.findings))
    numbers = {"r": row.ratio, "m": row.missing_difference, "u": row.unseen_share}
    data = [_DATA(key, f"{value:.3g}") for key, value in numbers.items() if value]
    return joined([_DATA("k", kinds) if kinds else NOTHING, *data])


def _messages(row: Row) -> Markup:
    items = [
        _MESSAGE(text(finding["severity"]), text(finding["message"], LONGEST_MESSAGE))
        for finding in row.findings[:6]
    ]
    if len(row.findings) > 6:
        items.append(_MORE_MESSAGES(formatting.counted(len(row.findings) - 6, "more finding")))
    origin = page_tables.origin(row.raw_features)
    return joined([_MESSAGES(joined(items)) if items else NOTHING, _ORIGIN(origin) if origin else NOTHING])


def _distance(row: Row) -> Markup:
    if row.measured is None:
        return _NO_DISTANCE
    metric = row.measured["metric"]
    return _DISTANCE(
        formatting.number(float(row.measured["distance"])),
        formatting.number(float(row.measured["threshold"] or 0)),
        round(min(200.0, 100 * row.ratio)),
        text(_METRICS.get(metric, metric)),
    )


def _shares(row: Row) -> Markup:
    if (picture := row.picture) is None:
        return NOTHING
    return _SHARES(
        formatting.count(picture.training_rows),
        formatting.count(picture.serving_rows),
        formatting.percent(picture.training_missing),
        formatting.percent(picture.serving_missing),
    )
