"""Every text in the page is escaped: by templates, in each part, and by the rule that markup is literal."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup, escape
from support.page import make_categories, make_finding, make_verdict, with_previous

from trueserve.transforms.publish.page import backtest as page_backtest
from trueserve.transforms.publish.page import charts as page_charts
from trueserve.transforms.publish.page import drift as page_drift
from trueserve.transforms.publish.page import escaping, page
from trueserve.transforms.publish.page import features as page_features
from trueserve.transforms.publish.page import incidents as page_incidents
from trueserve.transforms.publish.page import index as page_index
from trueserve.transforms.publish.page import records as page_records
from trueserve.transforms.publish.page import slices as page_slices
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page import trends as page_trends
from trueserve.transforms.publish.page import windows as page_windows
from trueserve.transforms.publish.page.frame import controls as page_controls
from trueserve.transforms.publish.page.frame import template as page_template
from trueserve.transforms.publish.page.models import performance as page_performance
from trueserve.transforms.publish.page.models import replay as page_replay
from trueserve.transforms.publish.page.rows import Row
from trueserve.transforms.publish.page.windows import PastRun


def fields_of(template: Markup) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(template) if field]


TAG = "<script>\"'&"
PAGE_FOLDER = Path(page.__file__).parent
TEMPLATES = {
    "any.html": page_template.HEAD,
    "page.html": page_template.PAGE,
    "backtest.html": page_backtest._PAGE,
    "index.html": page_index._PAGE,
}


@pytest.mark.parametrize(("template", "field"), [(t, f) for t in TEMPLATES for f in fields_of(TEMPLATES[t])])
def test_a_plain_str_in_any_field_of_a_page_is_escaped(template: str, field: str) -> None:
    values = dict.fromkeys(fields_of(TEMPLATES[template]), escaping.NOTHING) | {field: TAG}
    html = TEMPLATES[template].format(**values)
    assert escape(TAG) in html
    assert TAG not in html


def run_through(page_part: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A part as it is when nobody calls `text` or `name`: strangers' text comes to it as a plain str."""
    for module in (
        page_backtest,
        page_charts,
        page_controls,
        page_drift,
        page_features,
        page_incidents,
        page_index,
        page_performance,
        page_records,
        page_replay,
        page_slices,
        page_tables,
        page_trends,
    ):
        for function in ("text", "name"):
            if hasattr(module, function):
                monkeypatch.setattr(module, function, lambda value, _limit=0: str(value))
    return page_part()


HOSTILE_FINDING = make_finding(TAG, message=TAG, metric=TAG, raw_features=(TAG,)).to_json() | {
    "kind": TAG,
    "space": TAG,
    "severity": TAG,
    "slice": None,
    "diagnosis": {"cause": TAG, "confidence": 0.5},
}
COUNTS_JSON = {"read": 1, "decoded": 1, "rejected": 0, "outside_window": 0, "no_time": 0, "excluded": 0} | {
    "rows": 1,
    "compared": 1,
}
FILE = COUNTS_JSON | {"file": TAG, "rejected": {TAG: 1}, "excluded": {TAG: 1}}
SLICE = {"slice": TAG, "verdict": TAG, "rows": 1}
ROW = Row(TAG, TAG, make_categories(TAG, [TAG, TAG]), (HOSTILE_FINDING,), HOSTILE_FINDING)
INCIDENT = {
    "id": TAG,
    "title": TAG,
    "kind": TAG,
    "severity": TAG,
    "state": TAG,
    "since": TAG,
    "share": 0.5,
} | {
    "features": [{"feature": TAG, "space": TAG}],
    "effect": 1.0,
    "least_effect": 0.1,
    "what_to_do": TAG,
    "harm": {"text": f"{TAG} {TAG}", TAG: 1.0},
    "acknowledged": {"until": TAG, "note": TAG},
}
WITH_INCIDENT = {"incidents": [INCIDENT], "findings": [HOSTILE_FINDING | {"incident": TAG}]}
NUMBERS = {"effect": 1.0, "least_effect": 0.1, "missing_share": 0.1, "unseen_share": 0.1}
FEATURE = {"feature": TAG, "space": TAG, **NUMBERS}
RUNS = [
    PastRun(WITH_INCIDENT | {"verdict": TAG, "window": {"start": f"{i}{TAG}"}, "features": [FEATURE]}, TAG)
    for i in range(2)
]
COMPARED = {"rows": 1, "differing": 1, "flipped": 1, "largest": 1.0, "mean": 1.0}
REPLAY = {
    "replay": {"model": TAG, "atol": 0, "rtol": 0, "share": 0, "rows": 1, "not_replayed": {TAG: 1}}
    | {"total": COMPARED, "again": COMPARED, "outputs": [COMPARED | {"output": TAG}]}
    | {"versions": [COMPARED | {"version": TAG}] * 2, "hours": [COMPARED | {"hour": TAG}]}
    | {"worst": [{"file": TAG, "record": 1, "row": 1, "version": TAG, "output": TAG, "apart": None}]},
    "versions": [{"version": TAG, "rows": 1, "contract": "other"}],
}
METRIC = {"estimate": 1.0, "low": 0.5, "high": 2.0, "at_export": 1.0, "harm": 0.1}
PERFORMANCE = {"metrics": {TAG: METRIC}, "rows": 1, "evaluation_rows": 1, "output": TAG, "cannot_see": [TAG]}
PAST = {"start": TAG, "rows": 1, "state": "judged", "findings": [HOSTILE_FINDING | {"severity": "error"}]}
LIMIT_OF_TAG = {"space": TAG, "feature": TAG, "limit": TAG, "today": 0.1, "suggested": 0.2}
BACKTEST = {
    "alarms": {"before": 1, "after": 0, "allowed": 1},
    "budget": TAG,
    "windows": [PAST, PAST | {"state": "known_bad"}],
    "remarks": [TAG],
    "suggested": [LIMIT_OF_TAG | {"over_today": [], "over_suggested": []}],
    "effects": [],
}


def with_previous_json() -> dict[str, Any]:
    document = with_previous(make_verdict("ok"), run=TAG, path=TAG, verdict=TAG).to_json()
    return document | {"findings": [HOSTILE_FINDING | {"kind": "drift"}]}


PARTS: dict[str, Callable[[], str]] = {
    "tables.finding_row": lambda: page_tables.finding_row(HOSTILE_FINDING),
    "tables.findings": lambda: page_tables.findings({"findings": [HOSTILE_FINDING]}),
    "tables.not_compared": lambda: page_tables.not_compared(
        {"not_compared": [{"feature": TAG, "space": TAG, "reason": TAG}]}
    ),
    "records.accounting": lambda: page_records.accounting(
        {"counts": COUNTS_JSON, "rejects": {TAG: 1}, "excluded": {TAG: 1}, "files": [FILE]}
    ),
    "tables.contract": lambda: page_tables.contract({"contract": {TAG: TAG}}),
    "drift.section": lambda: page_drift.section(with_previous_json()),
    "slices.section": lambda: page_slices.section(
        {"slices": [SLICE], "slices_left_out": 0, "findings": [HOSTILE_FINDING | {"slice": TAG}]}
    ),
    "performance.section": lambda: page_performance.section({"performance": PERFORMANCE}),
    "replay.section": lambda: page_replay.section(REPLAY),
    "features.section": lambda: page_features.section(page_features.cards([ROW])),
    "features.overview": lambda: page_features.overview([ROW, ROW]),
    "incidents.section": lambda: page_incidents.section(WITH_INCIDENT, [ROW]),
    "incidents.folds": lambda: page_incidents.folds(WITH_INCIDENT, page_features.cards([ROW]))[0],
    "trends.section": lambda: page_trends.section(page_windows.windows(RUNS), [ROW]),
    "index.render": lambda: page_index.render_index(RUNS).decode(),
    "controls": lambda: page_controls.controls([TAG], [TAG], 2),
    "charts.bars": lambda: page_charts.bars([TAG], [1], [1], TAG),
    "charts.bars of long labels": lambda: page_charts.bars([TAG * 3], [1], [1], TAG),
    "charts.histogram": lambda: page_charts.histogram([0, 1], [1], [1], TAG),
    "backtest.render": lambda: page_backtest.render(BACKTEST).decode(),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_plain_str_in_any_part_is_escaped(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten `text` lets no tag through: the part itself escapes."""
    # The page's own script holds what it needs; the rest is of strangers.
    html = run_through(PARTS[part], monkeypatch).replace(page_template.foot(), "")
    assert escape("<script>") in html
    assert "<script" not in html


@pytest.mark.parametrize("module", sorted(PAGE_FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_markup_is_made_of_literals_alone(module: Path) -> None:
    """Neither an f-string with a tag, nor `Markup` or a `Template` of anything but a literal."""
    calls = list(unsafe(ast.parse(module.read_text(encoding="utf-8"))))
    if module.stem == "escaping":
        calls = [node for node in calls if not (isinstance(node, ast.Call) and called(node) in UNCHECKED)]
    assert not calls


@pytest.mark.parametrize(
    "code",
    [
        *(
            "Markup(f'<b>{x}</b>')",
            "Markup(x)",
            "f'<b>{x}</b>'",
            "'<b>%s' % x",
            "'<b>{}'.format(x)",
            "'<b>' + x",
        ),
        *(
            "Template(x)",
            "Template(f'<b>{x}</b>')",
            "Template('<b>' + x)",
            "str.__new__(Markup, x)",
            "_marked(x)",
        ),
    ],
)
def test_markup_of_anything_else_is_found(code: str) -> None:
    assert list(unsafe(ast.parse(code)))


MAKERS = {"Markup", "Template", "escape"}
# What `escaping` alone may do: it marks as safe what it has just escaped.
UNCHECKED = {"__new__", "_marked"}


def unsafe(tree: ast.Module) -> Iterator[ast.AST]:
    """Strings with a `<` that no maker of markup holds as its only argument; markup of anything else."""
    literals = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if called(node) in MAKERS:
            [argument] = node.args
            if isinstance(argument, ast.Constant):
                literals.add(argument)
            elif called(node) != "escape":
                yield node
        elif called(node) in UNCHECKED:
            yield node
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and "<" in node.value
        if is_text and node not in literals | docstrings:
            yield node


def called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


@pytest.mark.parametrize(
    ("value", "html"),
    [
        (TAG, "&lt;script&gt;&#34;&#39;&amp;"),
        (Markup("<b>"), "<b>"),
        (3, "3"),
        (0.5, "0.5"),
        (True, "1"),
        (np.int64(7), "7"),
        (np.float32(0.5), "0.5"),
        (None, "None"),
        ([TAG], "[&#39;&lt;script&gt;&#34;\\&#39;&amp;&#39;]"),
    ],
    ids=repr,
)
def test_a_template_escapes_all_but_markup_and_numbers(value: object, html: str) -> None:
    filled = escaping.Template("<i>%s</i>")(value)
    assert (type(filled), filled) == (Markup, f"<i>{html}</i>")


def test_a_number_that_shows_itself_as_a_tag_is_shown_as_a_number() -> None:
    class Hostile(int):
        def __str__(self) -> str:
            return TAG

    class HostileFloat(float):
        def __repr__(self) -> str:
            return TAG

        __str__ = __repr__

    class HostileText(str):
        def __str__(self) -> str:
            return TAG

    filled = escaping.Template("%s %s %s %d")(Hostile(3), HostileFloat(0.5), HostileText("<b>"), Hostile(4))
    assert "<" not in filled
    assert filled.startswith("3 0.5 &lt;")
    assert filled.endswith(" 4")


def test_a_template_is_what_markupsafe_makes_of_it() -> None:
    literal, values = '<a x="%s" y="%d">%.2f%% %s</a>', ("a'b", 7, 0.125, Markup("<b>&</b>"))
    assert escaping.Template(literal)(*values) == Markup(literal) % values
    assert escaping.joined(["<", Markup("<b>")]) == Markup("").join(["<", Markup("<b>")])
