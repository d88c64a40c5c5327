"""report.html: self-contained, safe whatever strangers send, worst first, and never too large."""

from __future__ import annotations

import ast
import dataclasses
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup, escape
from support.page import HOSTILE, make_categories, make_finding, make_numbers, make_verdict

from transforms.core.accounting import Accounting
from transforms.publish import formatting
from transforms.publish.page import backtest as page_backtest
from transforms.publish.page import charts as page_charts
from transforms.publish.page import drift as page_drift
from transforms.publish.page import escaping, page
from transforms.publish.page import features as page_features
from transforms.publish.page import replay as page_replay
from transforms.publish.page import slices as page_slices
from transforms.publish.page import tables as page_tables
from transforms.publish.page import template as page_template
from transforms.verdict.histograms import FeaturePicture
from transforms.verdict.model import Finding, FindingKind, NotCompared, Severity, Space
from transforms.verdict.result import Verdict

LIMIT = 5_000_000
PASSIVE = re.compile(
    "html|head|meta|title|style|body|input|main|div|span|b|section|svg|g|path|circle|text|h1|h2|small|p|a|table"
    "|tr|th|td|code|i|label|article|ul|li|dl|dt|dd|details|summary|footer"
)
HARMLESS = re.compile(
    "lang|charset|http-equiv|content|name|class|type|id|checked|viewbox|d|fill|fill-opacity|stroke"
    "|stroke-(width|linecap|linejoin|dasharray)|aria-(hidden|label)|role|cx|cy|r|x|y|href|title|style|for"
)


class Parsed(HTMLParser):
    """The page as a browser takes it apart: tags, attributes and text."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.pieces: list[str] = []
        self.open: list[str] = []
        self.feed(html.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "input", "path", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


def hostile_page() -> bytes:
    """Strangers' text wherever text can stand."""
    findings = [make_finding(h, message=h, metric=h, raw_features=(h,)) for h in HOSTILE]
    pictures = [make_numbers(h) for h in HOSTILE] + [make_categories("words", HOSTILE)]
    verdict = make_verdict(
        "skew",
        findings,
        [NotCompared(h, Space.RAW, h) for h in HOSTILE],
        Accounting(read=14, rejected=Counter(dict.fromkeys(HOSTILE, 1))),
        {h: {h: [h, {h: h}]} for h in HOSTILE},
    )
    return page.render(verdict, pictures, findings)


def test_strangers_bring_no_tag_and_no_attribute() -> None:
    parsed = Parsed(hostile_page())
    assert all(PASSIVE.fullmatch(tag) for tag in parsed.tags), parsed.tags
    assert all(HARMLESS.fullmatch(name) for name, _ in parsed.attributes)
    assert not parsed.open


def test_strangers_change_no_address_style_or_class() -> None:
    """All attributes with power hold what they hold in a harmless page."""
    shapes = {
        "href": r"#r\d+|verdict\.json",
        "style": r"[a-z-]+:[\w.%-]+(;[a-z-]+:[\w.%-]+)*",
        "class": r"[a-z0-9_ ]*",
        "id": r"f[aprtw]|r\d+",
        "d": r"[MHVCSLhvz0-9 .-]*|[A-Zhvz0-9 .-]*",
    }
    for name, value in Parsed(hostile_page()).attributes:
        assert re.fullmatch(shapes.get(name, r"[\s\S]*"), value), (name, value)


@pytest.mark.parametrize("text", [h for h in HOSTILE if len(h) < 100 and h.strip()])
def test_strangers_text_is_shown_as_it_was_sent(text: str) -> None:
    parsed = Parsed(hostile_page())
    assert formatting.visible(text) in parsed.pieces


def test_nothing_that_acts_or_hides_is_in_the_page() -> None:
    html = hostile_page().decode("utf-8")
    assert not set("\x00\x07\x08\r\x1b\u202e\u2028\u200b\ufeff") & set(html)
    assert "x" * 1000 not in html


def fields_of(template: Markup) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(template) if field]


TAG = "<script>\"'&"
PAGE_FOLDER = Path(page.__file__).parent
TEMPLATES = {"page.html": page_template.PAGE, "backtest.html": page_backtest._PAGE}


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
        page_drift,
        page_features,
        page_replay,
        page_slices,
        page_tables,
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
ROW = page_features.Row(TAG, TAG, make_categories(TAG, [TAG, TAG]), (HOSTILE_FINDING,), HOSTILE_FINDING)
COMPARED = {"rows": 1, "differing": 1, "flipped": 1, "largest": 1.0, "mean": 1.0}
REPLAY = {
    "replay": {"model": TAG, "atol": 0, "rtol": 0, "share": 0, "rows": 1, "not_replayed": {TAG: 1}}
    | {"total": COMPARED, "again": COMPARED, "outputs": [COMPARED | {"output": TAG}]}
    | {"versions": [COMPARED | {"version": TAG}] * 2, "hours": [COMPARED | {"hour": TAG}]}
    | {"worst": [{"file": TAG, "record": 1, "row": 1, "version": TAG, "output": TAG, "apart": None}]},
    "versions": [{"version": TAG, "rows": 1, "contract": "other"}],
}
PAST = {"start": TAG, "rows": 1, "state": "judged", "findings": [HOSTILE_FINDING | {"severity": "error"}]}
LIMIT_OF_TAG = {"space": TAG, "feature": TAG, "limit": TAG, "today": 0.1, "suggested": 0.2}
BACKTEST = {
    "alarms": {"before": 1, "after": 0, "allowed": 1},
    "budget": 30,
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
    "tables.accounting": lambda: page_tables.accounting(
        {"counts": COUNTS_JSON, "rejects": {TAG: 1}, "excluded": {TAG: 1}, "files": [FILE]}
    ),
    "tables.contract": lambda: page_tables.contract({"contract": {TAG: TAG}}),
    "drift.section": lambda: page_drift.section(with_previous_json()),
    "slices.section": lambda: page_slices.section(
        {"slices": [SLICE], "slices_left_out": 0, "findings": [HOSTILE_FINDING | {"slice": TAG}]}
    ),
    "replay.section": lambda: page_replay.section(REPLAY),
    "features.section": lambda: page_features.section([ROW, ROW]) + page_features.overview([ROW, ROW]),
    "charts.bars": lambda: page_charts.bars([TAG], [1], [1], TAG),
    "charts.histogram": lambda: page_charts.histogram([0, 1], [1], [1], TAG),
    "backtest.render": lambda: page_backtest.render(BACKTEST).decode(),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_plain_str_in_any_part_is_escaped(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten `text` lets no tag through: the part itself escapes."""
    html = run_through(PARTS[part], monkeypatch)
    assert escape("<script>") in html
    assert "<script" not in html


@pytest.mark.parametrize("module", sorted(PAGE_FOLDER.glob("*.py")), ids=lambda path: path.stem)
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


def test_page_asks_nothing_of_the_network_and_runs_no_script() -> None:
    html = page.render(*skewed()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1] or "default-src 'none'" in policy[1]
    assert "script-src" not in policy[1]
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert "://" not in html
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(", html)


def skewed() -> tuple[Verdict, list[FeaturePicture], list[Finding]]:
    near = make_finding("near", "info", distance=0.09)
    findings = [
        make_finding("small", distance=0.2, message="small moved"),
        make_finding("large", distance=0.9, message="large moved"),
        make_finding(
            "column", "warning", kind=FindingKind.VALUES, distance=None, threshold=None, message="new one"
        ),
    ]
    pictures = [
        make_numbers("calm"),
        make_numbers("small", shift=99),
        make_categories("large"),
        make_numbers("near"),
    ]
    left_out = [NotCompared("tailnum", Space.RAW, "no values in training")]
    contract = {"versions": {"tensorflow": "2.16.2"}, "digests": {"graph": "77aa" * 16}}
    calm = make_finding("calm", "info", distance=0.01)
    verdict = make_verdict("skew", findings, left_out, contract=contract)
    return verdict, pictures, [*findings[:2], near, calm]


def test_rows_stand_worst_first() -> None:
    html = page.render(*skewed()).decode()
    names = re.findall(r'<article.*?<span class="n">(.*?)</span>', html)
    assert names == ["large", "small", "column", "near", "calm"]


def test_every_part_is_told() -> None:
    text = Parsed(page.render(*skewed())).text
    for phrase in (
        "2013-07-01 up to 2013-08-01, UTC",
        "small and large are not served as trained, in 990 rows.",
        "1,000 records read = 990 decoded + 10 rejected + 0 outside the window + 0 without a time",
        "not_a_tf_example 10",
        "large moved",
        "0.9 limit 0.1",
        "tailnum raw no values in training",
        "versions.tensorflow 2.16.2",
        "digests.graph " + "77aa" * 16,
        "4 features compared",
        "missing 1.00 % → 2.00 %",
        "rows 9,000 → 990",
    ):
        assert phrase in text


@pytest.mark.parametrize(
    ("outcome", "name", "sentence"),
    [
        ("ok", "No skew", "no skew in 990 rows"),
        ("not_examined", "Not examined", "no rows were compared: 9 have no time"),
        ("failed", "Failed", "no rows were compared: 9 have no time"),
    ],
)
def test_banner_says_why(outcome: str, name: str, sentence: str) -> None:
    why = Finding(
        "",
        Space.SET,
        FindingKind.INPUT,
        Severity.INFO,
        "too_few_rows",
        "no rows were compared: 9 have no time",
    )
    parsed = Parsed(page.render(make_verdict(outcome, [why] if outcome != "ok" else []), []))
    assert f"{name} {sentence}" in parsed.text or f"{name} What was served" in parsed.text
    assert sentence in parsed.text


def test_headline_tells_causes_from_what_follows_from_them() -> None:
    follows = make_finding("distance_z", space=Space.TRANSFORMED, raw_features=("distance",))
    own = make_finding("noise_z", space=Space.TRANSFORMED, raw_features=("noise",))
    headline = formatting.headline(make_verdict("skew", [follows, make_finding("distance"), own]).to_json())
    assert headline.startswith(
        "distance and noise_z are not served as trained, which affects 1 feature computed from them"
    )


@pytest.mark.parametrize("features", [2000, 6000])
def test_page_of_thousands_stays_small(features: int) -> None:
    pictures = [
        make_numbers(f"f{i}") if i % 2 else make_categories(f"f{i}", [f"value {j} of {i}" for j in range(13)])
        for i in range(features)
    ]
    distances = [make_finding(p.feature, "info", distance=0.05) for p in pictures]
    html = page.render(make_verdict("ok"), pictures, distances)
    assert len(html) < LIMIT
    assert f"Show {features - 40:,} more features" in html.decode()
    # Two thousand are drawn, every one; past the budget rows are left out and it is said.
    drawn = html.count(b'role="img"')
    assert drawn == features if features == 2000 else (drawn > 1500 and b"more features not shown." in html)


def test_page_of_hostile_thousands_stays_small() -> None:
    names = [f"{i}" + "'\"" * 200 for i in range(4000)]
    findings = [make_finding(name, message=name * 2) for name in names]
    left_out = [NotCompared(name, Space.RAW, name) for name in names]
    verdict = make_verdict("skew", findings, left_out, contract={name: name for name in names})
    html = page.render(verdict, [make_categories(name, names[:12]) for name in names], findings)
    assert len(html) < LIMIT
    assert not Parsed(html).open


def with_previous(result: Verdict, **fields: Any) -> Verdict:
    window = {"start": "2013-06-01T00:00:00Z", "end": "2013-07-01T00:00:00Z"}
    previous = {"run": "r", "path": "p", "window": window, "verdict": "ok", "spaces": ["raw"], "windows": 7}
    return dataclasses.replace(result, previous=previous | {"since": None} | fields)


def test_earlier_runs_have_a_part_of_their_own() -> None:
    moved = make_finding("speed", "warning", "since June: other <b>", kind=FindingKind.DRIFT)
    slow = make_finding("fuel", "warning", "a little each time", kind=FindingKind.DRIFT, metric="slow_drift")
    verdict = with_previous(make_verdict("skew", [make_finding("wind", "error"), moved, slow]))
    html = page.render(verdict, []).decode()
    findings, changes = html.split("<h2>Findings")[1].split("<h2>Since the last run</h2>")
    assert findings.startswith("<small>1</small>")
    assert "speed" not in findings
    assert "Since the last run (2013-06-01 up to 2013-07-01, UTC): speed moved; over 7 earlier" in changes
    assert "windows fuel moved a little each time." in changes
    assert "since June: other &lt;b&gt;" in changes


def test_the_headline_tells_skew_before_drift() -> None:
    wind, moved = make_finding("wind", "warning"), make_finding("speed", "warning", kind=FindingKind.DRIFT)
    headline = formatting.headline(make_verdict("skew", [moved, wind]).to_json())
    assert headline == "wind is not served as trained, in 990 rows."
    assert formatting.headline(make_verdict("skew", [moved]).to_json()).startswith(
        "speed moved since earlier"
    )


def test_without_an_earlier_run_the_page_says_so() -> None:
    nothing: dict[str, Any] = {
        "run": None,
        "path": None,
        "window": None,
        "verdict": None,
        "spaces": [],
        "windows": 0,
    }
    info = make_finding("", "info", "no earlier run", kind=FindingKind.DRIFT, metric="no_earlier_run")
    html = page.render(with_previous(make_verdict("ok", [info]), **nothing), []).decode()
    assert "No earlier run: nothing to compare with." in html
    assert html.count("o earlier run") == 1
    assert "Since the last run" not in page.render(make_verdict("ok"), []).decode()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_earlier_runs_are_called_brings_no_tag(hostile: str) -> None:
    html = page.render(with_previous(make_verdict("ok"), run=hostile, path=hostile, verdict=hostile), [])
    plain = page.render(with_previous(make_verdict("ok")), [])
    assert Parsed(html).tags == Parsed(plain).tags


def test_histogram_draws_both_sides_to_one_scale() -> None:
    svg = page_charts.histogram([0, 1, 2], [0.5, 0.5], [0.25, 0.75], "f")
    served, trained = _tops(svg, "s"), _tops(svg, "t")
    base = 84
    assert [base - y for y in served] == [24, 72, 0]
    assert [base - y for y in trained] == [48, 0]


def test_rare_is_not_never() -> None:
    svg = page_charts.bars(["often", "rare", "never"], [0.9999, 0.0001, 0], [1, 0, 0], "f")
    assert re.findall(r'class="t" d="M150 \d+h(\d+)', svg) == ["282", "1"]
    assert re.findall(r'class="s" d="M150 \d+h(\d+)', svg) == ["282"]


@pytest.mark.parametrize("seed", range(200))
def test_ticks_are_few_and_lie_on_the_axis(seed: int) -> None:
    draw = random.Random(seed)
    left = draw.choice([0, 1, -1]) * 10 ** draw.uniform(-12, 12)
    width = 10 ** draw.uniform(-12, 12) + abs(left) * 1e-6
    svg = page_charts.histogram([left, left + width / 2, left + width], [1, 0], [0, 1], "f")
    ticks = re.findall(r'<text class="[em]" x="(\d+)" y="96">([^<]*)<', svg)
    assert 2 <= len(ticks) <= 6
    assert all(44 <= int(x) <= 432 for x, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks)


@pytest.mark.parametrize(
    "edges", [(3.0, 3.0), (0.0, 0.0), (1e300, 1e300), (-1e308, 1e308), (1.0, 1.0 + 1e-15)]
)
def test_constant_has_a_picture(edges: tuple[float, float]) -> None:
    assert 'role="img"' in page_charts.histogram(edges, [1], [1], "f")


def test_many_categories_are_folded_and_still_sum_to_all() -> None:
    picture = make_categories("f", [f"v{i}" for i in range(13)])
    html = page.render(make_verdict("ok"), [picture]).decode()
    assert "(other)" in html
    assert ">v7<" in html
    assert ">v8<" not in html


def test_feature_without_values_says_so() -> None:
    empty = FeaturePicture("f", Space.RAW, "none", (), (), (), (), 1.0, 1.0, 10, 10)
    assert "No values to draw." in Parsed(page.render(make_verdict("ok"), [empty])).text


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0123, "0.0123"), (0.1, "0.1"), (1234.0, "1,234"), (1.5e7, "15M"), (2.5e-7, "2.5e-07"), (0, "0")],
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert formatting.number(value) == expected


def _tops(svg: str, side: str) -> list[int]:
    path = re.search(rf'class="{side}" d="([^"]*)"', svg)
    assert path is not None
    return [int(y) for y in re.findall(r"V(\d+)", path[1])]
