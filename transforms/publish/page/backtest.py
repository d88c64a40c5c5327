"""backtest.html: features by windows, what fired and why. It needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Template
from typing import Any

from transforms.publish import formatting
from transforms.publish.page import template as page_template
from transforms.publish.page.tables import Json, fitting, name, text

# Bytes, so that the page stays below 5 MB whatever strangers call their features.
STRIP_BUDGET = 3_000_000
FIRED_BUDGET = 800_000
LIMITS_BUDGET = 400_000
_STYLE = """
.strip{border-collapse:separate;border-spacing:1px;width:auto}.strip td,.strip th{padding:0;border:0}
.strip th{padding-right:10px;white-space:nowrap;font:13px/1.2 ui-monospace,Menlo,Consolas,monospace}
.strip td{width:14px;min-width:6px;height:16px;border-radius:3px;background:var(--line)}
.strip td.z{background:var(--okbg)}.strip td.a{background:var(--warningbg)}
.strip td.b{background:var(--warning)}.strip td.error{background:var(--error)}
.strip td.bad{outline:1px solid var(--failed);outline-offset:-1px}
.key i{display:inline-block;width:14px;height:14px;border-radius:3px;vertical-align:-2px;margin:0 5px 0 14px}
"""
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Backtest &middot; trueserve</title><style>$style</style></head><body><main>
<div class="top"><span><b>trueserve</b> &middot; past windows against trained</span><span>$window</span></div>
<section class="banner $mood">$icon<div><h1>$title</h1><p>$headline</p></div></section>
$remarks
<h2>Features by windows<small>the worst first</small></h2>
$strip
$limits
$fired
<footer>The same for programs: <a href="backtest.json">backtest.json</a>; the limits:
<a href="thresholds.toml">thresholds.toml</a></footer>
</main></body></html>
"""
)
_KEY = (
    '<p class="key soft"><i style="background:var(--okbg)"></i>near training'
    '<i style="background:var(--warningbg)"></i>beyond chance'
    '<i style="background:var(--warning)"></i>and over half of its limit'
    '<i style="background:var(--error)"></i>an error<i style="background:var(--line)"></i>not judged'
    '<i style="outline:1px solid var(--failed)"></i>known to be bad</p>'
)


def render(document: Json) -> bytes:
    """The page, as UTF-8, below 5 MB. `document` is the content of backtest.json."""
    alarms = document["alarms"]
    quiet = alarms["after"] <= alarms["allowed"]
    page = _PAGE.substitute(
        policy=page_template.POLICY,
        style=page_template.STYLE + _STYLE,
        window=text(formatting.window(document)),
        mood="ok" if quiet else "warning",
        icon=page_template.icon("ok" if quiet else "not_examined"),
        title=f"{formatting.counted(alarms['before'], 'alarm')} in"
        f" {formatting.counted(_learnt(document), 'window')}",
        headline=text(_headline(document), 600),
        remarks="".join(f'<p class="card">{text(remark, 600)}</p>' for remark in document["remarks"]),
        strip=_strip(document),
        limits=_limits(document["suggested"]),
        fired=_fired(document["windows"]),
    )
    return page.encode("utf-8", "replace")


def _learnt(document: Json) -> int:
    return sum(one["state"] == "judged" for one in document["windows"])


def _headline(document: Json) -> str:
    alarms = document["alarms"]
    allowed = f"The budget, one in {document['budget']}, allows {formatting.number(alarms['allowed'])}."
    if not document["suggested"]:
        return f"{allowed} No limit is to be raised."
    raised = formatting.counted(len(document["suggested"]), "limit")
    return f"{allowed} With the {raised} suggested below there are {alarms['after']:,}."


def _strip(document: Json) -> str:
    """A row a feature, a column a window."""
    windows = document["windows"]
    errors = [_errors(one) for one in windows]
    told = _told(document)
    keys = sorted({*told, *(key for one in errors for key in one)}, key=lambda key: _rank(key, errors, told))
    rows = fitting((_row(key, windows, errors, told.get(key, {})) for key in keys), STRIP_BUDGET)
    more = f'<p class="soft">{len(keys) - len(rows):,} more features</p>' if len(rows) < len(keys) else ""
    return f'<div class="card scroll"><table class="strip">{"".join(rows)}</table>{more}{_KEY}</div>'


def _errors(window: Json) -> dict[tuple[str, str], str]:
    """The first error of each feature."""
    found: dict[tuple[str, str], str] = {}
    for finding in window["findings"]:
        if finding["severity"] == "error":
            found.setdefault((finding["space"], finding["feature"]), finding["message"])
    return found


def _told(document: Json) -> dict[tuple[str, str], dict[int, float]]:
    """By feature and window how far it counts, as a part of the limit; 0 where nothing is beyond chance."""
    judged = [n for n, one in enumerate(document["windows"]) if one["state"] in ("judged", "known_bad")]
    found: dict[tuple[str, str], dict[int, float]] = {}
    for one in document["effects"]:
        parts = found.setdefault((one["space"], one["feature"]), {})
        for number, value, counts in zip(judged, one["values"], one["count"], strict=True):
            if value is not None:
                part = value / (one["today"] or one["floor"]) if counts else 0.0
                parts[number] = max(parts.get(number, 0.0), part)
    return found


def _rank(
    key: tuple[str, str], errors: Sequence[Mapping[Any, str]], told: Mapping[Any, Mapping[int, float]]
) -> tuple[float, float, str, str]:
    most = max(told.get(key, {}).values(), default=0.0)
    return (-sum(key in one for one in errors), -most, *key)


def _row(
    key: tuple[str, str],
    windows: Sequence[Json],
    errors: Sequence[Mapping[Any, str]],
    parts: Mapping[int, float],
) -> str:
    cells = "".join(
        _cell(window, errors[number].get(key), parts.get(number)) for number, window in enumerate(windows)
    )
    return f"<tr><th>{text(key[0])}.{name(key[1], 40)}</th>{cells}</tr>"


def _cell(window: Json, error: str | None, part: float | None) -> str:
    level = "error" if error else "" if part is None else "b" if part >= 0.5 else "a" if part > 0 else "z"
    kinds = " ".join(filter(None, [level, "bad" if window["state"] == "known_bad" else ""]))
    title = text(f"{window['start']}: {error}", 200) if error else text(window["start"])
    return f'<td class="{kinds}" title="{title}"></td>' if kinds else f'<td title="{title}"></td>'


def _limits(suggested: Sequence[Json]) -> str:
    if not suggested:
        return ""
    head = (
        '<tr><th>Feature</th><th>Limit</th><th class="num">Today</th><th class="num">Suggested</th>'
        '<th class="num">Over today\'s</th><th class="num">Over this</th></tr>'
    )
    rows = fitting(map(_limit, suggested), LIMITS_BUDGET)
    return (
        f"<h2>Limits suggested<small>{len(suggested):,}</small></h2>"
        f'<div class="card scroll"><table>{head}{"".join(rows)}</table></div>'
    )


def _limit(one: Json) -> str:
    figures = (one["today"], one["suggested"], len(one["over_today"]), len(one["over_suggested"]))
    cells = "".join(f'<td class="num">{formatting.number(figure)}</td>' for figure in figures)
    return (
        f"<tr><td>{text(one['space'])}.{name(one['feature'])}</td><td>{text(one['limit'])}</td>{cells}</tr>"
    )


def _fired(windows: Sequence[Json]) -> str:
    rows = fitting(_fired_rows(windows), FIRED_BUDGET)
    if not rows:
        return ""
    head = '<tr><th>Window</th><th class="num">Rows</th><th>Feature</th><th>What</th></tr>'
    return f'<h2>What fired</h2><div class="card scroll"><table>{head}{"".join(rows)}</table></div>'


def _start(window: Json) -> str:
    """When it begins: a date where that is midnight."""
    return str(window["start"]).removesuffix("T00:00:00Z")


def _fired_rows(windows: Sequence[Json]) -> Iterator[str]:
    for window in windows:
        bad = ' <span class="tag">known bad</span>' if window["state"] == "known_bad" else ""
        for (space, feature), message in _errors(window).items():
            yield (
                f'<tr><td class="k">{text(_start(window))}{bad}</td><td class="num">{window["rows"]:,}</td>'
                f'<td class="of">{text(space)}.{name(feature)}</td>'
                f'<td class="w">{text(message, 400)}</td></tr>'
            )
