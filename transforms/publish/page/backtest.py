"""backtest.html: features by windows, what fired and why. It needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page.escaping import NOTHING, fitting, joined, name, text
from trueserve.transforms.publish.page.frame import template as page_template
from trueserve.transforms.publish.page.frame.style import STYLE
from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.verdict.wording import duration

# Bytes, so that the page stays below 5 MB whatever strangers call their features.
STRIP_BUDGET = 3_000_000
FIRED_BUDGET = 800_000
LIMITS_BUDGET = 400_000
_STYLE = Markup("""
.strip{border-collapse:separate;border-spacing:1px;width:auto}.strip td,.strip th{padding:0;border:0}
.strip th{padding-right:10px;white-space:nowrap;font:13px/1.2 ui-monospace,Menlo,Consolas,monospace}
.strip td{width:14px;min-width:6px;height:16px;border-radius:3px;background:var(--line)}
.strip td.z,.key i.z{background:var(--calm)}.strip td.a,.key i.a{background:var(--mild)}
.strip td.b,.key i.b{background:var(--warm)}.strip td.error,.key i.error{background:var(--hot)}
.strip td.bad,.key i.bad{outline:2px solid var(--failed);outline-offset:-2px}
.key{display:block}.key i{display:inline-block;
width:14px;height:14px;border-radius:3px;vertical-align:-2px;margin:0 5px 0 14px;
background:var(--line)}
""")
_PAGE = Markup(
    """{head}<div class="top"><span><b>trueserve</b> &middot; past windows against trained</span>
<span>{span}</span></div>
<section class="banner {mood}">{icon}<div><h1>{title}</h1><p>{headline}</p></div></section>
{remarks}
<h2>Features by windows<small>the worst first</small></h2>
{strip}
{limits}
{fired}
<footer>The same for programs: <a href="backtest.json">backtest.json</a>; the limits:
<a href="thresholds.toml">thresholds.toml</a></footer>
{foot}"""
)
_KEY = Markup(
    '<p class="key soft"><i class="z"></i>not significant'
    '<i class="a"></i>significant, under half the limit'
    '<i class="b"></i>significant, half the limit or more'
    '<i class="error"></i>error<i></i>not judged'
    '<i class="bad"></i>known bad</p>'
)


def render(document: Json) -> bytes:
    """The page, as UTF-8, below 5 MB. `document` is the content of backtest.json."""
    alarms = document["alarms"]
    quiet = alarms["after"] <= alarms["allowed"]
    page = _PAGE.format(
        head=page_template.head("Backtest · trueserve", STYLE + _STYLE),
        foot=page_template.foot(),
        span=text(formatting.window(document)),
        mood="ok" if quiet else "warning",
        icon=page_template.icon("ok" if quiet else "not_examined"),
        title=f"{formatting.counted(alarms['before'], 'alarm')} in"
        f" {formatting.counted(_learnt(document), 'window')}",
        headline=text(_headline(document), 600),
        remarks=joined(_remark(remark) for remark in document["remarks"]),
        strip=_strip(document),
        limits=_limits(document["suggested"]),
        fired=_fired(document["windows"]),
    )
    return page.encode("utf-8", "replace")


def _remark(remark: str) -> Markup:
    return Markup('<p class="card">{}</p>').format(text(remark, 600))


def _learnt(document: Json) -> int:
    return sum(window["state"] == "judged" for window in document["windows"])


def _headline(document: Json) -> str:
    alarms = document["alarms"]
    budget = (
        f"The budget is one alarm in {duration(document['budget'])}."
        f" That allows {formatting.alarms(alarms['allowed'])} in these windows."
    )
    if not document["suggested"]:
        return f"{budget} No higher limit is suggested."
    limits = formatting.counted(len(document["suggested"]), "suggested limit")
    are = "is" if alarms["after"] == 1 else "are"
    return f"{budget} With the {limits} there {are} {formatting.alarms(alarms['after'])}."


def _strip(document: Json) -> Markup:
    """A row a feature, a column a window."""
    windows = document["windows"]
    errors = [_errors(window) for window in windows]
    shares = _shares_of_limits(document)
    keys = {*shares, *(key for by_feature in errors for key in by_feature)}
    sorted_keys = sorted(keys, key=lambda key: _rank(key, errors, shares))
    rows = fitting((_row(key, windows, errors, shares.get(key, {})) for key in sorted_keys), STRIP_BUDGET)
    more = Markup('<p class="soft">{:,} more features</p>').format(len(keys) - len(rows))
    return Markup('<div class="card scroll"><table class="strip">{}</table>{}{}</div>').format(
        joined(rows), more if len(rows) < len(keys) else NOTHING, _KEY
    )


def _errors(window: Json) -> dict[tuple[str, str], str]:
    """The first error of each feature."""
    messages: dict[tuple[str, str], str] = {}
    for finding in window["findings"]:
        if finding["severity"] == "error":
            messages.setdefault((finding["space"], finding["feature"]), finding["message"])
    return messages


def _shares_of_limits(document: Json) -> dict[tuple[str, str], dict[int, float]]:
    """By feature and window how far it counts, as a share of the limit; 0 where nothing is beyond chance."""
    judged = [n for n, window in enumerate(document["windows"]) if window["state"] in ("judged", "known_bad")]
    by_feature: dict[tuple[str, str], dict[int, float]] = {}
    for effect in document["effects"]:
        shares = by_feature.setdefault((effect["space"], effect["feature"]), {})
        for number, value, counts in zip(judged, effect["values"], effect["count"], strict=True):
            if value is not None:
                share = value / (effect["today"] or effect["floor"]) if counts else 0.0
                shares[number] = max(shares.get(number, 0.0), share)
    return by_feature


def _rank(
    key: tuple[str, str], errors: Sequence[Mapping[Any, str]], shares: Mapping[Any, Mapping[int, float]]
) -> tuple[float, float, str, str]:
    most = max(shares.get(key, {}).values(), default=0.0)
    return (-sum(key in by_feature for by_feature in errors), -most, *key)


def _row(
    key: tuple[str, str],
    windows: Sequence[Json],
    errors: Sequence[Mapping[Any, str]],
    shares: Mapping[int, float],
) -> Markup:
    cells = joined(
        _cell(window, errors[number].get(key), shares.get(number)) for number, window in enumerate(windows)
    )
    return Markup("<tr><th>{}.{}</th>{}</tr>").format(text(key[0]), name(key[1], 40), cells)


def _cell(window: Json, error: str | None, share: float | None) -> Markup:
    level = "error" if error else "" if share is None else "b" if share >= 0.5 else "a" if share > 0 else "z"
    kinds = " ".join(filter(None, [level, "bad" if window["state"] == "known_bad" else ""]))
    title = text(f"{window['start']}: {error}", 200) if error else text(window["start"])
    if not kinds:
        return Markup('<td title="{}"></td>').format(title)
    return Markup('<td class="{}" title="{}"></td>').format(kinds, title)


def _limits(suggested: Sequence[Json]) -> Markup:
    if not suggested:
        return NOTHING
    return Markup(
        '<h2>Limits suggested<small>{:,}</small></h2><div class="card scroll"><table>'
        '<tr><th>Feature</th><th>Limit</th><th class="num">Today</th><th class="num">Suggested</th>'
        '<th class="num">Windows over today\'s</th><th class="num">Windows over suggested</th></tr>{}'
        "</table></div>"
    ).format(len(suggested), joined(fitting(map(_limit, suggested), LIMITS_BUDGET)))


def _limit(limit: Json) -> Markup:
    figures = (limit["today"], limit["suggested"], len(limit["over_today"]), len(limit["over_suggested"]))
    cell = Markup('<td class="num">{}</td>')
    return Markup("<tr><td>{}.{}</td><td>{}</td>{}</tr>").format(
        text(limit["space"]),
        name(limit["feature"]),
        text(limit["limit"]),
        joined(cell.format(formatting.number(figure)) for figure in figures),
    )


def _fired(windows: Sequence[Json]) -> Markup:
    rows = fitting(_fired_rows(windows), FIRED_BUDGET)
    if not rows:
        return NOTHING
    return Markup(
        '<h2>What fired</h2><div class="card scroll"><table><tr><th>Window</th><th class="num">Rows</th>'
        "<th>Feature</th><th>What</th></tr>{}</table></div>"
    ).format(joined(rows))


def _start(window: Json) -> str:
    """When it begins: a date where that is midnight."""
    return str(window["start"]).removesuffix("T00:00:00Z")


def _fired_rows(windows: Sequence[Json]) -> Iterator[Markup]:
    row = Markup(
        '<tr><td class="k">{}{}</td><td class="num">{:,}</td>'
        '<td class="of">{}.{}</td><td class="w">{}</td></tr>'
    )
    known_bad = Markup(' <span class="tag">known bad</span>')
    for window in windows:
        tag = known_bad if window["state"] == "known_bad" else NOTHING
        for (space, feature), message in _errors(window).items():
            yield row.format(
                text(_start(window)), tag, window["rows"], text(space), name(feature), text(message, 400)
            )
