"""report.html: self-contained, safe whatever strangers send, worst first, and never too large."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter

import pytest
from support.page import HOSTILE, Parsed, make_categories, make_finding, make_numbers, make_verdict
from support.page_documents import large_page

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import page
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import Finding, FindingKind, NotCompared, Severity, Space
from trueserve.transforms.verdict.result import Verdict

LIMIT = 5_000_000
PASSIVE = re.compile(
    "html|head|meta|title|style|body|input|main|div|span|b|section|svg|g|path|circle|text|h1|h2|small|p|a|table"
    "|tr|th|td|code|i|label|article|ul|li|dl|dt|dd|details|summary|footer|rect|select|option|output|script"
)
HARMLESS = re.compile(
    "lang|charset|http-equiv|content|name|class|type|id|checked|viewbox|d|fill|fill-opacity|stroke"
    "|stroke-(width|linecap|linejoin|dasharray)|aria-(hidden|label)|role|cx|cy|r|x|y|href|title|data-[a-z]"
    "|width|height|preserveaspectratio|tabindex|scope|hidden|autocomplete|spellcheck|placeholder|value"
)


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
        "class": r"[a-z0-9_ ]*",
        "id": r"[rif]\d+|bar|query|space|severity|kind|sort|count|flat",
        "data-[estv]": r"[0-9. e+-]*",
        "data-[nrmuxy]": r"[0-9. e+-]*",
        "d": r"[MHVCSLhvz0-9 .-]*|[A-Zhvz0-9 .-]*",
    }
    for name, value in Parsed(hostile_page()).attributes:
        shape = next((shape for names, shape in shapes.items() if re.fullmatch(names, name)), r"[\s\S]*")
        assert re.fullmatch(shape, value), (name, value)


@pytest.mark.parametrize("text", [h for h in HOSTILE if len(h) < 100 and h.strip()])
def test_strangers_text_is_shown_as_it_was_sent(text: str) -> None:
    parsed = Parsed(hostile_page())
    assert formatting.visible(text) in parsed.pieces


def test_nothing_that_acts_or_hides_is_in_the_page() -> None:
    html = hostile_page().decode("utf-8")
    assert not set("\x00\x07\x08\r\x1b\u202e\u2028\u200b\ufeff") & set(html)
    assert "x" * 2000 not in html


def test_page_asks_nothing_of_the_network_and_runs_its_own_script_alone() -> None:
    """The browser's own view of this is in tests/e2e/test_page_in_browser.py."""
    html = page.render(*skewed()).decode()
    match = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert match is not None
    policy = dict(part.strip().split(" ", 1) for part in match[1].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[kind] == f"'sha256-{digest}'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert re.findall('[a-z]+://[^"]*', html) == ["http://www.w3.org/2000/svg"]  # a name, not an address
    assert not re.search(r"<link|<img|<iframe|@import|url\(| style=| on[a-z]+=", html)


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
    assert drawn == features if features == 2000 else (drawn > 1300 and b"more features not shown." in html)


def test_page_of_hostile_thousands_stays_small() -> None:
    names = [f"{i}" + "'\"" * 200 for i in range(4000)]
    findings = [make_finding(name, message=name * 2) for name in names]
    left_out = [NotCompared(name, Space.RAW, name) for name in names]
    verdict = make_verdict("skew", findings, left_out, contract={name: name for name in names})
    html = page.render(verdict, [make_categories(name, names[:12]) for name in names], findings)
    assert len(html) < LIMIT
    assert not Parsed(html).open


@pytest.mark.parametrize(("features", "windows", "limit"), [(300, 28, 1_000_000), (600, 0, 1_100_000)])
def test_a_page_is_small_enough_to_be_sent(features: int, windows: int, limit: int) -> None:
    assert len(large_page(features, windows)) < limit
