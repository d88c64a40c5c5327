"""The page's rows: a feature each, worst first, with both distributions drawn over one another."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from transforms.publish import formatting
from transforms.publish.page import charts as page_charts
from transforms.publish.page import tables as page_tables
from transforms.publish.page.tables import Json, text
from transforms.verdict.histograms import OTHER, FeaturePicture
from transforms.verdict.model import Finding

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
}


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
        found = {finding["severity"] for finding in self.findings}
        return next((severity for severity in _SEVERITIES if severity in found), "none")

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
    found: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for finding in verdict["findings"]:
        if finding["feature"] and finding["slice"] is None:
            found[finding["feature"], finding["space"]].append(finding)
    # Worst first: of several distances of a feature the first stays.
    measured = {(d.feature, str(d.space)): d.to_json() for d in reversed(distances) if d.distance is not None}
    drawn = {(picture.feature, str(picture.space)): picture for picture in pictures}
    keys = {**drawn, **measured, **found}
    made = (
        Row(*key, drawn.get(key), tuple(found[key]), _measure(found[key], measured.get(key))) for key in keys
    )
    return sorted(made, key=Row.badness)


def overview(ordered: Sequence[Row]) -> str:
    """A cell for each feature, worst first: how much of the whole is in trouble, at one glance."""
    if len(ordered) < 2:
        return ""
    cells = "".join(page_tables.fitting((_cell(i, row) for i, row in enumerate(ordered)), CELLS_BUDGET))
    many = " many" if len(ordered) > 400 else ""
    caption = "A cell for each feature, worst first; the paler, the farther from its limit."
    told = f'<div class="cells">{cells}</div><p class="soft">{caption}</p>'
    return f'<div class="card overview{many}">{told}</div>'


def section(ordered: Sequence[Row]) -> str:
    """The rows under their heading, the quiet ones folded away when there are many."""
    if not ordered:
        return ""
    drawn = page_tables.fitting(_drawn(ordered), ROWS_BUDGET)
    found = sum(row.severity != "none" for row in ordered)
    shown = max(OPEN_ROWS, min(found, OPEN_FOUND_ROWS))
    folded = _folded(ordered[shown:], drawn[shown:])
    title = f"<h2>Features<small>{len(ordered):,}, worst first</small></h2>"
    return f"{title}{_legend(ordered)}{''.join(drawn[:shown])}{folded}"


def _measure(found: Iterable[Json], passing: Json | None) -> Json | None:
    with_distance = [f for f in found if f["distance"] is not None and f["threshold"]]
    return max(with_distance, key=lambda f: f["distance"] / f["threshold"], default=passing)


def _drawn(ordered: Sequence[Row]) -> Iterator[str]:
    spent = 0
    for i, row in enumerate(ordered):
        made = _row(i, row, with_chart=spent < CHART_BUDGET)
        spent += len(made)
        yield made


def _cell(index: int, row: Row) -> str:
    # Quiet features pale with the distance they keep from their limit.
    is_quiet = row.severity == "none" and row.measured is not None
    strength = f' style="opacity:{0.25 + 0.6 * min(row.ratio, 1):.2f}"' if is_quiet else ""
    kind = "na" if row.severity == "none" and not is_quiet else row.severity
    return f'<a class="{kind}" href="#r{index}" title="{page_tables.name(row.feature, 60)}"{strength}></a>'


def _folded(rest: Sequence[Row], drawn: Sequence[str]) -> str:
    if not rest:
        return ""
    quiet = ", nothing found in any of them" if all(row.severity == "none" for row in rest) else ""
    left_out = len(rest) - len(drawn)
    more = (
        f'<p class="soft">{formatting.counted(left_out, "more feature")} not shown.</p>' if left_out else ""
    )
    summary = f"Show {formatting.counted(len(rest), 'more feature')}{quiet}"
    return f"<details><summary>{summary}</summary>{''.join(drawn)}{more}</details>"


def _legend(ordered: Sequence[Row]) -> str:
    return (
        '<div class="legend">'
        '<span><svg viewBox="0 0 26 14"><path class="s" d="M0 14V4H26V14Z"/></svg>served</span>'
        '<span><svg viewBox="0 0 26 14"><path class="t" d="M1 14V3H25V14"/></svg>training</span>'
        "<span>share of values</span>"
        f"{_tabs(ordered)}</div>"
    )


def _tabs(ordered: Sequence[Row]) -> str:
    spaces = {row.space for row in ordered}
    tabs = [("fa", "all"), ("fw", "with findings")]
    if len(spaces) > 1:
        tabs += [(tab, label) for space, tab, label in _TABS if space in spaces]
    return f'<span class="tabs">{"".join(f"<label for={i}>{name}</label>" for i, name in tabs)}</span>'


def _row(index: int, row: Row, with_chart: bool) -> str:
    chart = _chart(row.picture) if with_chart else '<span class="soft">Not drawn: see stats.binpb.</span>'
    return (
        f'<article class="row {text(row.space)} {row.severity}" id="r{index}"><div>'
        f'<span class="n">{page_tables.name(row.feature)}</span><span class="tag">{text(row.space)}</span>'
        f"{_messages(row)}</div><div>{chart}</div><div>{_distance(row)}{_shares(row.picture)}</div></article>"
    )


def _messages(row: Row) -> str:
    if not row.findings:
        return ""
    items = "".join(
        f'<li class="{text(finding["severity"])}">{text(finding["message"], 300)}</li>'
        for finding in row.findings[:6]
    )
    return f"<ul>{items}</ul><small>{page_tables.origin(row.findings[0]['raw_features'])}</small>"


def _distance(row: Row) -> str:
    if row.measured is None:
        return '<p class="soft">no distance</p>'
    distance, limit = float(row.measured["distance"]), float(row.measured["threshold"] or 0)
    metric = row.measured["metric"]
    # The limit stands at half the meter, so that rows can be compared with one another.
    fill, mark = min(100.0, 50 * row.ratio), 50
    return (
        f'<span class="big">{formatting.number(distance)}</span>'
        f' <span class="soft">limit {formatting.number(limit)}'
        f'</span><div class="meter"><i style="width:{fill:.0f}%"></i><b style="left:{mark}%"></b></div>'
        f'<p class="soft">{text(_METRICS.get(metric, metric))}</p>'
    )


def _shares(picture: FeaturePicture | None) -> str:
    if picture is None:
        return ""
    was, now = formatting.percent(picture.training_missing), formatting.percent(picture.serving_missing)
    return (
        f"<dl><dt>rows</dt><dd>{picture.training_rows:,} → {picture.serving_rows:,}</dd>"
        f"<dt>missing</dt><dd>{was} → {now}</dd></dl>"
    )


def _chart(picture: FeaturePicture | None) -> str:
    if picture is None or picture.kind not in ("number", "category"):
        return '<span class="soft">No values to draw.</span>'
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
