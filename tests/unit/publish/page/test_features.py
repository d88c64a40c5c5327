"""The page's rows: what is measured of a feature, how it is shown, and what many of them leave out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from support.hand_made import about
from support.page import Parsed, make_categories, make_finding, make_numbers, make_verdict

from trueserve.transforms.publish.page import features, page
from trueserve.transforms.publish.page import rows as page_rows
from trueserve.transforms.publish.page.rows import Row
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import Finding, FindingKind, Space


def test_feature_without_values_says_so() -> None:
    empty = FeaturePicture("f", Space.RAW, "none", (), (), (), (), 1.0, 1.0, 10, 10)
    assert "No values to draw." in Parsed(page.render(make_verdict("ok"), [empty])).text


def section(
    findings: Sequence[Finding] = (),
    pictures: Sequence[FeaturePicture] = (),
    distances: Sequence[Finding] = (),
) -> str:
    return str(features.section(features.cards(rows(findings, pictures, distances))))


def rows(
    findings: Sequence[Finding] = (),
    pictures: Sequence[FeaturePicture] = (),
    distances: Sequence[Finding] = (),
) -> list[Row]:
    return page_rows.rows(make_verdict("skew", findings).to_json(), pictures, distances)


def quiet(feature: str, distance: float = 0.05, **more: Any) -> Finding:
    return make_finding(feature, "info", distance=distance, **more)


def test_without_features_there_is_no_part_of_them() -> None:
    assert (section(), str(features.overview([]))) == ("", "")


def test_findings_of_slices_and_of_all_rows_are_no_rows() -> None:
    assert rows([make_finding("a", slice="country=DE"), make_finding("")]) == []
    [row] = rows([make_finding("a"), make_finding("a", slice="country=DE")])
    assert (row.feature, row.space, len(row.findings)) == ("a", "raw", 1)


def test_a_row_shows_the_distance_that_is_the_farthest_beyond_its_limit() -> None:
    findings = [
        make_finding("a", distance=0.4, threshold=0.2),
        make_finding("a", distance=0.3, threshold=0.1),
        make_finding("a", distance=0.9, threshold=None),
        make_finding("a", distance=None, threshold=0.1),
    ]
    [row] = rows(findings, distances=[quiet("a")])
    assert row.measured is not None
    assert (row.measured["distance"], row.ratio) == (0.3, about(3))
    # Without one that was found, the first that was measured; one without a distance is none.
    measured = [quiet("b", 0.09), quiet("b", 0.08), make_finding("c", distance=None)]
    [row] = rows(distances=measured)
    assert row.measured is not None
    assert (row.feature, row.measured["distance"], row.severity) == ("b", 0.09, "none")


@pytest.mark.parametrize(("threshold", "ratio"), [(0.2, 2.5), (None, 0.0), (0.0, 0.0)])
def test_a_distance_without_a_limit_has_no_ratio(threshold: float | None, ratio: float) -> None:
    assert Row("a", "raw", None, (), {"distance": 0.5, "threshold": threshold}).ratio == ratio


def test_the_worst_is_first_then_the_farthest_then_by_name_and_space() -> None:
    findings = [make_finding("w", "warning", distance=0.9), make_finding("e", distance=0.11)]
    measured = [
        quiet("z", 0.09),
        quiet("b", 0.02),
        quiet("a", 0.02, space=Space.TRANSFORMED),
        quiet("a", 0.02),
    ]
    order = [(row.feature, row.space) for row in rows(findings, distances=measured)]
    assert order == [
        ("e", "raw"),
        ("w", "raw"),
        ("z", "raw"),
        *(("a", "raw"), ("a", "transformed")),
        ("b", "raw"),
    ]


def cells(
    findings: Sequence[Finding], measured: Sequence[Finding], pictures: Sequence[Any] = ()
) -> list[str]:
    return re.findall(r'<a class="(\w+)', str(features.overview(rows(findings, pictures, measured))))


def test_cells_are_coloured_by_severity_and_pale_by_distance() -> None:
    measured = [quiet("a", 0.05)]
    assert features.overview(rows(distances=measured)) == ""
    assert cells([make_finding("e")], measured, [make_numbers("n")]) == ["error", "none", "na"]
    html = str(features.overview(rows(distances=[quiet("a", 0.1), quiet("b", 0.05), quiet("c", 0.2)])))
    # From the palest on, and no stronger than at the limit.
    assert re.findall(r'class="none (p\d)"', html) == ["p5", "p5", "p3"]
    assert re.findall(r'href="#r(\d+)" title="(\w)" aria-label="\2: no finding"', html) == [
        *(("0", "c"), ("1", "a"), ("2", "b")),
    ]
    html = str(features.overview(rows([make_finding("a"), make_finding("b")])))
    assert re.findall('<a class="(.*?)".*?aria-label="(.*?)"', html) == [
        ("error", "a: error"),
        ("error", "b: error"),
    ]


@pytest.mark.parametrize(("count", "kind"), [(400, "overview"), (401, "overview many")])
def test_very_many_cells_are_smaller(count: int, kind: str) -> None:
    every = rows(distances=[quiet(f"f{i}") for i in range(count)])
    assert f'<div class="card {kind}">' in features.overview(every)


@pytest.mark.parametrize(("count", "more"), [(40, ""), (41, "1 more feature"), (42, "2 more features")])
def test_rows_past_the_fortieth_are_folded(count: int, more: str) -> None:
    html = section(distances=[quiet(f"f{i}") for i in range(count)])
    assert html.count("<article") == count
    summary = re.findall("<summary>Show ([^<]*)</summary>", html)
    assert summary == [f"{more}, none with a finding"] * bool(more)
    before = html.partition("<details")[0]
    assert before.count("<article") == 40
    assert "not shown" not in html


@pytest.mark.parametrize(("count", "shown"), [(41, 41), (300, 300), (301, 300)])
def test_all_rows_with_findings_are_open_up_to_300(count: int, shown: int) -> None:
    html = section([make_finding(f"f{i}") for i in range(count)], distances=[quiet("z")])
    assert html.partition("<details")[0].count("<article") == shown
    rest = "1 more feature, none with a finding" if count == shown else "2 more features"
    assert re.findall("<summary>Show ([^<]*)</summary>", html) == [rest]


def test_past_a_budget_cards_are_not_drawn_and_past_another_not_shown(monkeypatch: Any) -> None:
    pictures = [make_numbers(f"f{i:02}") for i in range(50)]
    length = len(features.cards(rows(pictures=pictures))[10].markup.encode()) - len('<div class="g"></div>')
    monkeypatch.setattr(features, "CHART_BUDGET", length)
    html = section(pictures=pictures)
    # The second begins below the budget, the third beyond it.
    assert (html.count('role="img"'), html.count("Not drawn: see stats.binpb.")) == (2, 48)
    monkeypatch.setattr(features, "CHART_BUDGET", 10**9)
    monkeypatch.setattr(features, "CARDS_BUDGET", 48 * (length + len('<div class="g"></div>')))
    html = section(pictures=pictures)
    assert html.count("<article") == 48
    assert '<p class="soft">2 more features not shown.</p>' in html


def test_at_most_six_findings_of_a_feature_are_said_and_where_it_comes_from() -> None:
    html = section([make_finding("a", message=f"number {i}", raw_features=("r",)) for i in range(7)])
    assert re.findall(r'<li class="error">number (\d)</li>', html) == list("012345")
    assert '<li class="info">1 more finding.</li>' in html
    assert html.count("Computed from") == 1
    assert "<ul>" not in section(distances=[quiet("a")])


@pytest.mark.parametrize(("distance", "width"), [(0.05, 25), (0.1, 50), (0.2, 100), (0.3, 100)])
def test_the_limit_is_at_half_the_meter(distance: float, width: int) -> None:
    html = section(distances=[quiet("a", distance)])
    assert f'<path d="M0 6h{2 * width}"/></svg>' in html
    assert f'<span class="big">{distance:g}</span> <span class="soft">limit 0.1</span>' in html
    assert '<p class="soft">Jensen–Shannon divergence</p>' in html


def test_a_metric_without_a_name_of_its_own_is_called_as_it_is() -> None:
    html = section(distances=[quiet("a", metric="own_metric", threshold=None)])
    assert '<p class="soft">own_metric</p>' in html
    assert '<span class="soft">limit 0</span>' in html
    assert '<p class="soft">no distance</p>' in section(pictures=[make_numbers("a")])


@pytest.mark.parametrize("count", [9, 10])
def test_of_ten_values_or_more_eight_are_drawn_and_the_others_as_one(count: int) -> None:
    html = section(pictures=[make_categories("a", [f"v{i}" for i in range(count)], turn=1)])
    labels = re.findall(r'<text x="145" y="\d+">([^<]*)</text>', html)
    assert labels == [f"v{i}" for i in range(8)] + (["v8"] if count == 9 else ["(other)"])


def test_what_is_folded_has_the_sum_of_its_shares() -> None:
    was, now = (0.2, *(0.1,) * 6, 0.05, 0.1, 0.05), (0.1, *(0.1,) * 6, 0.1, 0.05, 0.15)
    labels = tuple(f"v{i}" for i in range(10))
    picture = FeaturePicture("a", Space.RAW, "category", labels, was, now, (), 0.0, 0.0, 10, 10)
    made = Row("a", "raw", picture, (), None).fewer_categories(8)
    assert [len(part) for part in made] == [9, 9, 9]
    assert (made[1][-1], made[2][-1]) == (about(0.15), about(0.2))


def test_what_is_computed_from_a_feature_stands_on_its_card_below_it() -> None:
    findings = [
        make_finding("fare_z", space=Space.TRANSFORMED, raw_features=("fare",), distance=0.9),
        make_finding("cross", space=Space.TRANSFORMED, raw_features=("trip", "fare"), distance=0.3),
        make_finding("lone", space=Space.TRANSFORMED, raw_features=("unknown",), distance=0.2),
    ]
    measured = [quiet("fare", 0.01), quiet("trip", 0.02), quiet("fare", 0.01, space=Space.PREDICTION)]
    cards = features.cards(rows(findings, distances=measured))
    assert [[(row.space, row.feature) for row in card.rows] for card in cards] == [
        [("raw", "fare"), ("transformed", "fare_z")],
        # Of its two the one with the larger distance.
        [("raw", "trip"), ("transformed", "cross")],
        [("transformed", "lone")],
        [("prediction", "fare")],
    ]
    # The overview's cells lead to the rows, worst first.
    assert [re.findall(r'id="r(\d+)"', card.markup) for card in cards] == [
        ["5", "0"],
        ["3", "1"],
        ["2"],
        ["4"],
    ]


def test_the_limit_shown_is_that_of_the_test_that_decided() -> None:
    tested = {"effect": 0.3, "least_effect": 0.025, "metric": "kolmogorov_smirnov"}
    document = make_verdict("skew", [make_finding("a", distance=0.11)]).to_json()
    document["findings"][0]["evidence"] = tested
    [row] = page_rows.rows(document, [], [])
    assert row.measured == {"metric": "kolmogorov_smirnov", "distance": 0.3, "threshold": 0.025}
    entry = {"feature": "b", "space": "raw", "metric": "ks", "effect": 0.01, "least_effect": 0.025}
    document = make_verdict("ok").to_json() | {
        "features": [entry | {"missing_share": 0.5, "unseen_share": None}]
    }
    [row] = page_rows.rows(document, [], [quiet("b", 0.09)])
    assert (row.measured, row.missing_share, row.unseen_share) == (
        {"metric": "ks", "distance": 0.01, "threshold": 0.025},
        0.5,
        None,
    )
    # Without an effect, the distance.
    document["features"][0]["effect"] = None
    [row] = page_rows.rows(document, [], [quiet("b", 0.09)])
    assert row.measured is not None
    assert (row.measured["distance"], row.measured["threshold"]) == (0.09, 0.1)


def test_a_row_has_what_the_script_sorts_and_filters_by() -> None:
    findings = [make_finding("a", distance=0.2), make_finding("a", kind=FindingKind.VALUES, distance=None)]
    html = section(findings, [make_numbers("a"), make_numbers("b")])
    assert 'class="row error" id="r0" data-k="distribution values" data-r="2" data-m="0.01">' in html
    assert 'class="row none" id="r1" data-m="0.01">' in html
