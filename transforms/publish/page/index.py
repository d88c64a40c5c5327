"""index.html: the runs of an output folder by window, with their verdicts and incidents."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import incidents as page_incidents
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page import trends as page_trends
from trueserve.transforms.publish.page import windows as page_windows
from trueserve.transforms.publish.page.escaping import NOTHING, fitting, joined, text
from trueserve.transforms.publish.page.frame import template as page_template
from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.publish.page.windows import PastRun, WindowOfRun

# Bytes of the table; incidents of a run that are named.
BUDGET = 600_000
NAMED = 4
_LEVELS = {"ok": "none", "skew": "error", "not_examined": "warning", "failed": "failed"}
_PAGE = Markup(
    """{head}<div class="top"><span><b>trueserve</b> &middot; runs by window</span><span>{count}</span></div>
<section class="banner {verdict}">{icon}<div><h1>{name}</h1><p>{headline}</p></div></section>
{trends}
<h2>Runs<small>the latest window first</small></h2>
{table}
{foot}"""
)
_HEAD = Markup(
    '<tr><th scope="col">Window</th><th scope="col">Verdict</th><th scope="col" class="num">Rows</th>'
    '<th scope="col">Incidents</th></tr>'
)
_ROW = Markup(
    '<tr><td>{}{}</td><td><span class="pill {}">{}</span></td><td class="num">{}</td>'
    '<td class="w">{}</td></tr>'
)


def render_index(runs: Sequence[PastRun]) -> bytes:
    """The page, as UTF-8.

    Args:
      runs: verdict.json of each run, and the name of its folder below `runs`; in any order. The one without a
        name is the run that publishes the page.
    """
    windows = page_windows.windows(runs)
    latest = windows[-1].run.document if windows else {}
    verdict = str(latest.get("verdict"))
    page = _PAGE.format(
        head=page_template.head("Runs · trueserve"),
        count=formatting.counted(len(runs), "run"),
        verdict=verdict if verdict in page_template.NAMES else "failed",
        icon=page_template.icon(verdict),
        name=page_template.NAMES.get(verdict, "No run"),
        headline=text(_headline(windows), 600),
        trends=page_trends.section(windows),
        table=_table(runs, windows),
        foot=page_template.foot(),
    )
    return page.encode("utf-8", "replace")


def _headline(windows: Sequence[WindowOfRun]) -> str:
    if not windows:
        return "No run has published a verdict here."
    titles = [str(incident.get("title")) for incident in windows[-1].incidents.values()]
    label = f"The latest window begins at {windows[-1].label}."
    return f"{label} {formatting.counted(len(titles), 'open incident')}." if titles else label


def _table(runs: Sequence[PastRun], windows: Sequence[WindowOfRun]) -> Markup:
    last = {id(window.run) for window in windows}
    newest = sorted(runs, key=lambda run: (WindowOfRun(run).start, run.name), reverse=True)
    rows = fitting((_row(WindowOfRun(run), is_last=id(run) in last) for run in newest), BUDGET)
    more = Markup('<p class="soft">{:,} more</p>').format(len(newest) - len(rows))
    table = Markup('<table class="found">{}{}</table>{}').format(
        _HEAD, joined(rows), more if len(rows) < len(newest) else NOTHING
    )
    return page_tables.scrolling("Runs", table)


def _row(window: WindowOfRun, *, is_last: bool) -> Markup:
    document = window.run.document
    verdict = str(document.get("verdict"))
    counts = document.get("counts")
    rows = counts.get("compared") if isinstance(counts, dict) else None
    return _ROW.format(
        _link(window),
        NOTHING if is_last else Markup(' <span class="tag">replaced by a later run</span>'),
        _LEVELS.get(verdict, "info"),
        text(page_template.NAMES.get(verdict, verdict), 40),
        f"{rows:,}" if isinstance(rows, int) else "–",
        _incidents(list(window.incidents.values())),
    )


def _link(window: WindowOfRun) -> Markup:
    label = text(window.label, 40)
    if not window.run.name:  # the run that publishes this page, beside which its report lies
        return Markup('<a href="report.html">{}</a>').format(label)
    if not (folder := window.run.folder):
        return label
    parent = "windows" if window.run.in_series else "runs"
    return Markup('<a href="{}/{}/report.html">{}</a>').format(parent, folder, label)


def _incidents(incidents: Sequence[Json]) -> Markup:
    shown = [
        Markup("{} {} <span class='soft'>{}</span>").format(
            page_tables.pill(str(incident.get("severity"))),
            text(incident.get("title") or "", 300),
            text(page_incidents.STATES.get(str(incident.get("state")), ""), 40),
        )
        for incident in incidents[:NAMED]
    ]
    if len(incidents) > NAMED:
        shown.append(Markup("and {:,} more").format(len(incidents) - NAMED))
    return Markup("<br>").join(shown) if shown else NOTHING
