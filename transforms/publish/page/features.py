"""The page's rows: a feature each, worst first, with both distributions drawn over one another."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import charts as page_charts
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, Template, fitting, joined, name, text
from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.verdict.histograms import OTHER, FeaturePicture
from trueserve.transforms.verdict.model import Finding

# Rows past these are folded away; past the budgets (bytes) they are drawn no more, then shown no more, so
# that the page stays below 5 MB.
OPEN_ROWS = 40
OPEN_FOUND_ROWS = 300
CHART_BUDGET = 3_300_000
ROWS_BUDGET = 3_500_000
CELLS_BUDGET = 300_000
CATEGORIES = 8

_SEVERITIES = ("error", "warning", "info")
_TABS = (("raw", "fr", "raw"), ("transformed", "ft", "transformed"), ("prediction", "fp", "predictions"))
_METRICS = {
    "jensen_shannon_divergence": "Jensen–Shannon divergence",
    "l_infinity_norm": "L-infinity norm",
    "missing_share_difference": "difference of the missing shares",
    "positions": "least total variation at a position",
}

_OVERVIEW = Template(
    '<div class="card overview%s"><div class="cells">%s</div><p class="soft">'
    "One cell per feature, worst first. Cells without a finding are paler the farther they are below the"
    " limit.</p></div>"
)
_CELL = Template('<a class="%s" href="#r%d" title="%s"%s></a>')
_OPACITY = Template(' style="opacity:%.2f"')
_SECTION = Template("<h2>Features<small>%s, worst first</small></h2>%s%s%s")
_FOLDED = Template("<details><summary>Show %s%s</summary>%s%s</details>")
_NOT_SHOWN = Template('<p class="soft">%s not shown.</p>')
_LEGEND = Template(
    '<div class="legend">'
    '<span><svg viewBox="0 0 26 14"><path class="s" d="M0 14V4H26V14Z"/></svg>served</span>'
    '<span><svg viewBox="0 0 26 14"><path class="t" d="M1 14V3H25V14"/></svg>training</span>'
    "<span>share of values</span>%s</div>"
)
_TAB_LABELS = Template('<span class="tabs">%s</span>')
_TAB_LABEL = Template("<label for=%s>%s</label>")
_ROW = Template(
    '<article class="row %s %s" id="r%d"><div><span class="n">%s</span><span class="tag">%s</span>'
    "%s</div><div>%s</div><div>%s%s</div></article>"
)
_NOT_DRAWN = Markup('<span class="soft">Not drawn: see stats.binpb.</span>')
_NO_VALUES = Markup('<span class="soft">No values to draw.</span>')
_MESSAGES = Template("<ul>%s</ul><small>%s</small>")
_MESSAGE = Template('<li class="%s">%s</li>')
# The limit stands at half the meter, so that rows can be compared with one another.
_DISTANCE = Template(
    '<span class="big">%s</span> <span class="soft">limit %s</span><div class="meter">'
    '<i style="width:%.0f%%"></i><b style="left:50%%"></b></div><p class="soft">%s</p>'
)
_NO_DISTANCE = Markup('<p class="soft">no distance</p>')
_SHARES = Template("<dl><dt>rows</dt><dd>%s → %s</dd><dt>missing</dt><dd>%s → %s</dd></dl>")


@dataclasses.dataclass(frozen=True)
class Row:
    """A feature in one space: its picture, what was found, and its distance, found or passing."""

    feature: str
    space: str
    picture: FeaturePicture | None
    findings: tuple[Json, ...]
    measured: Json | None

    @property
    def severity(self) -> str:
        present = {finding["severity"] for finding in self.findings}
        return next((severity for severity in _SEVERITIES if severity in present), "none")

    @property
    def ratio(self) -> float:
        """Distance over threshold; 0 where there is none."""
        if self.measured is None or not self.measured["threshold"]:
            return 0.0
        return float(self.measured["distance"]) / float(self.measured["threshold"])

    def badness(self) -> tuple[int, float, str, str]:
        rank = _SEVERITIES.index(self.severity) if self.severity != "none" else len(_SEVERITIES)
        return (rank, -self.ratio, self.feature, self.space)


def rows(verdict: Json, pictures: Sequence[FeaturePicture], distances: Sequence[Finding]) -> list[Row]:
    """Every feature that has a picture, a distance or a finding of its own, worst first."""
    findings: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for finding in verdict["findings"]:
        if finding["feature"] and finding["slice"] is None:
            findings[finding["feature"], finding["space"]].append(finding)
    # Worst first: of several distances of a feature the first stays.
    measured = {(d.feature, str(d.space)): d.to_json() for d in reversed(distances) if d.distance is not None}
    drawn = {(picture.feature, str(picture.space)): picture for picture in pictures}
    keys = {**drawn, **measured, **findings}
    made = (
        Row(*key, drawn.get(key), tuple(findings[key]), _measure(findings[key], measured.get(key)))
        for key in keys
    )
    return sorted(made, key=Row.badness)


def overview(sorted_rows: Sequence[Row]) -> Markup:
    """A cell for each feature, worst first: how much of the whole is in trouble, at one glance."""
    if len(sorted_rows) < 2:
        return NOTHING
    cells = joined(fitting((_cell(i, row) for i, row in enumerate(sorted_rows)), CELLS_BUDGET))
    return _OVERVIEW(" many" if len(sorted_rows) > 400 else "", cells)


def section(sorted_rows: Sequence[Row]) -> Markup:
    """The rows under their heading, the quiet ones folded away when there are many."""
    if not sorted_rows:
        return NOTHING
    drawn = fitting(_drawn(sorted_rows), ROWS_BUDGET)
    with_findings = sum(row.severity != "none" for row in sorted_rows)
    shown = max(OPEN_ROWS, min(with_findings, OPEN_FOUND_ROWS))
    folded = _folded(sorted_rows[shown:], drawn[shown:])
    return _SECTION(
        formatting.count(len(sorted_rows)),
        _legend(sorted_rows),
        joined(drawn[:shown]),
        folded,
    )


def _measure(findings: Iterable[Json], passing: Json | None) -> Json | None:
    with_distance = [f for f in findings if f["distance"] is not None and f["threshold"]]
    return max(with_distance, key=lambda f: f["distance"] / f["threshold"], default=passing)


def _drawn(sorted_rows: Sequence[Row]) -> Iterator[Markup]:
    spent = 0
    for i, row in enumerate(sorted_rows):
        article = _row(i, row, with_chart=spent < CHART_BUDGET)
        spent += len(article)
        yield article


def _cell(index: int, row: Row) -> Markup:
    # Quiet features pale with the distance they keep from their limit.
    is_quiet = row.severity == "none" and row.measured is not None
    opacity = _OPACITY(0.25 + 0.6 * min(row.ratio, 1)) if is_quiet else NOTHING
    kind = "na" if row.severity == "none" and not is_quiet else row.severity
    return _CELL(kind, index, name(row.feature, 60), opacity)


def _folded(rest: Sequence[Row], drawn: Sequence[Markup]) -> Markup:
    if not rest:
        return NOTHING
    quiet = ", none with a finding" if all(row.severity == "none" for row in rest) else ""
    left_out = formatting.counted(len(rest) - len(drawn), "more feature")
    more = _NOT_SHOWN(left_out) if len(rest) > len(drawn) else NOTHING
    return _FOLDED(formatting.counted(len(rest), "more feature"), quiet, joined(drawn), more)


def _legend(sorted_rows: Sequence[Row]) -> Markup:
    return _LEGEND(_tabs(sorted_rows))


def _tabs(sorted_rows: Sequence[Row]) -> Markup:
    spaces = {row.space for row in sorted_rows}
    tabs = [("fa", "all"), ("fw", "with findings")]
    if len(spaces) > 1:
        tabs += [(tab, label) for space, tab, label in _TABS if space in spaces]
    return _TAB_LABELS(joined(_TAB_LABEL(tab, label) for tab, label in tabs))


def _row(index: int, row: Row, with_chart: bool) -> Markup:
    return _ROW(
        text(row.space),
        row.severity,
        index,
        name(row.feature),
        text(row.space),
        _messages(row),
        _chart(row.picture) if with_chart else _NOT_DRAWN,
        _distance(row),
        _shares(row.picture),
    )


def _messages(row: Row) -> Markup:
    if not row.findings:
        return NOTHING
    items = joined(
        _MESSAGE(text(finding["severity"]), text(finding["message"], 300)) for finding in row.findings[:6]
    )
    origin = page_tables.origin(row.findings[0]["raw_features"])
    return _MESSAGES(items, origin)


def _distance(row: Row) -> Markup:
    if row.measured is None:
        return _NO_DISTANCE
    metric = row.measured["metric"]
    return _DISTANCE(
        formatting.number(float(row.measured["distance"])),
        formatting.number(float(row.measured["threshold"] or 0)),
        min(100.0, 50 * row.ratio),
        text(_METRICS.get(metric, metric)),
    )


def _shares(picture: FeaturePicture | None) -> Markup:
    if picture is None:
        return NOTHING
    return _SHARES(
        formatting.count(picture.training_rows),
        formatting.count(picture.serving_rows),
        formatting.percent(picture.training_missing),
        formatting.percent(picture.serving_missing),
    )


def _chart(picture: FeaturePicture | None) -> Markup:
    if picture is None or picture.kind not in ("number", "category"):
        return _NO_VALUES
    if picture.kind == "number":
        return page_charts.histogram(picture.edges, picture.training, picture.serving, picture.feature)
    return page_charts.bars(*_fewer(picture), picture.feature)


def _fewer(picture: FeaturePicture) -> tuple[list[str], list[float], list[float]]:
    """The categories with the largest shares, the rest as one."""
    labels, was, now = list(picture.labels), list(picture.training), list(picture.serving)
    if len(labels) <= CATEGORIES + 1:
        return labels, was, now
    kept = slice(CATEGORIES)
    rest = [sum(was[CATEGORIES:]), sum(now[CATEGORIES:])]
    return [*labels[kept], OTHER], [*was[kept], rest[0]], [*now[kept], rest[1]]
