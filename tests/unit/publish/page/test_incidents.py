"""Incidents on the page: what stands on a card, which come first, and what is folded under each."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.page import Parsed, make_verdict
from support.page_documents import CARRIER, FARE, make_incident, rendered, skewed_document

from trueserve.transforms.publish.page import features, incidents, page, rows


def section(*every: dict[str, Any]) -> str:
    return str(incidents.section({"incidents": every, "findings": []}, []))


def entries(html: str) -> dict[str, str]:
    pairs = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", html)
    return {key: re.sub("<[^>]*>", "", value) for key, value in pairs}


def test_a_verdict_without_incidents_shows_its_findings_as_ever() -> None:
    document, pictures = skewed_document()
    del document["incidents"]
    for finding in document["findings"]:
        del finding["incident"]
    text = Parsed(page.render_document(document, pictures, [], [], 5)).text
    assert "Incidents" not in text
    assert "Findings 4 Severity" in text
    assert "Features 5, worst first" in text
    assert section() == ""


def test_a_card_says_since_when_how_many_rows_what_it_did_and_what_to_do() -> None:
    html = section(
        make_incident(CARRIER, ("raw", "carrier"), acknowledged={"until": "2013-08-01", "note": "known"})
    )
    assert "<h3>carrier is served otherwise</h3>" in html
    assert '<p class="do">Serve it as in training.</p>' in html
    assert '<span class="tag">acknowledged until 2013-08-01</span>' in html
    assert entries(html) == {
        "since": "2013-07-01",
        "rows affected": "25.0 %",
        "effect": "40.0 % (limit 2.50 %)",
        "predictions": "effect not measured",
        "acknowledged": "known",
        "shown by": "0 findings in 1 feature",
    }


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    html = section(
        make_incident("a-1", since=None, share=None, effect=None, least_effect=None, what_to_do=None)
    )
    assert entries(html) == {
        "since": "the first window",
        "rows affected": "not known",
        "predictions": "effect not measured",
    }
    assert entries(section(make_incident("a-1", effect=0.5, least_effect=None)))["effect"] == "50.0 %"
    assert entries(section(make_incident("a-1", since="soon")))["since"] == "soon"


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        ({}, "effect not measured"),
        ({"text": "3 of 9 answers changed.", "share": 0.3}, "3 of 9 answers changed."),
        ({"kind": "auc"}, "effect not measured"),
        ({"text": "", "why": "no raw feature differs"}, "effect not measured: no raw feature differs"),
    ],
)
def test_harm_is_said_in_its_words(harm: dict[str, Any], text: str) -> None:
    assert entries(section(make_incident("a-1", harm=harm)))["predictions"] == text


def test_incidents_that_are_over_come_last_and_folded() -> None:
    html = section(
        make_incident("old-1", ("raw", "a"), state="resolved"),
        make_incident("new-1"),
        make_incident("bad-1", state="worse", severity="warning"),
        make_incident("gone-1", state="not_compared"),
    )
    assert re.findall("<h3>(\\w+)", html) == ["new", "bad", "old", "gone"]
    assert "<small>1 new, 1 worse, 1 resolved, 1 not compared</small>" in html
    assert re.findall('class="card inc (\\w+)" id="(i\\d)"', html) == [
        *(("error", "i0"), ("warning", "i1"), ("none", "i2"), ("none", "i3")),
    ]
    open_part, folded = html.split("<details><summary>Show 2 more incidents</summary>")
    assert (open_part.count("<article"), folded.count("<article")) == (2, 2)
    # What is over has neither pictures nor findings to show.
    assert "shown by" not in folded


def test_of_very_many_six_are_open_and_the_last_that_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [make_incident(f"{i}-1") for i in range(9)]
    html = section(*every)
    assert html.partition("<details>")[0].count("<article") == 6
    [card] = re.findall("<article.*?</article>", section(every[0]))
    monkeypatch.setattr(incidents, "BUDGET", 7 * len(card))
    assert section(*every).count("<article") == 7
    assert "2 more in verdict.json." in section(*every)


def test_pictures_are_those_of_the_features_concerned_and_lead_to_their_cards() -> None:
    html = rendered().decode()
    [card] = re.findall('id="i0".*?</article>', html)
    figures = re.findall(
        '<a href="#(r\\d)">(\\w+)</a> <span class="tag">(\\w+)</span></figcaption><svg', card
    )
    assert figures == [("r0", "carrier", "raw"), ("r1", "carrier_id", "transformed")]
    for number, name, _ in figures:
        assert f'id="{number}"' in html
        assert f'values of {name}, training and serving"' in card


def test_what_is_computed_from_a_feature_and_moved_along_stands_with_it() -> None:
    document, pictures = skewed_document()
    document["incidents"][0]["features"].pop()
    html = str(incidents.section(document, rows.rows(document, pictures, [])))
    [card] = re.findall('id="i0".*?</article>', html)
    assert re.findall('<a href="#r\\d">(\\w+)</a>', card) == ["carrier", "carrier_id"]
    # Unless its finding is of another incident.
    document["findings"][1]["incident"] = None
    html = str(incidents.section(document, rows.rows(document, pictures, [])))
    [card] = re.findall('id="i0".*?</article>', html)
    assert re.findall('<a href="#r\\d">(\\w+)</a>', card) == ["carrier"]


def test_of_many_features_four_are_drawn() -> None:
    document, pictures = skewed_document()
    document["incidents"][0]["features"] = [
        {"feature": picture.feature, "space": str(picture.space)} for picture in pictures
    ]
    html = str(incidents.section(document, rows.rows(document, pictures, [])))
    [card] = re.findall('id="i0".*?</article>', html)
    assert (card.count("<figure>"), "1 more feature</p>" in card) == (4, True)


def folds(document: dict[str, Any], pictures: Any) -> tuple[dict[str, list[str]], list[str]]:
    """Names of features by the title of their fold, and those in none."""
    cards = features.cards(rows.rows(document, pictures, []))
    html, rest = incidents.folds(document, cards)
    folded = {
        title: re.findall('class="n">(\\w+)<', fold)
        for title, fold in re.findall("<summary>(\\w+).*?</summary>(.*?)</details>", html)
    }
    return folded, [row.feature for card in rest for row in card.rows]


def test_findings_and_cards_are_folded_by_incident() -> None:
    document, pictures = skewed_document()
    folded, rest = folds(document, pictures)
    assert folded == {"carrier": ["carrier", "carrier_id"], "fare": ["fare"]}
    # A resolved incident takes no card from its feature.
    assert rest == ["stops", "calm"]
    html = rendered().decode()
    table = re.search('id="f1".*?<table.*?</table>', html)
    assert table is not None
    assert re.findall("<td><b>(\\w+)</b>", table[0]) == ["fare"]
    assert "<h2>Other findings<small>1</small></h2>" in html
    assert "<h2>Other features<small>2, worst first</small></h2>" in html


def test_a_feature_of_two_incidents_has_its_card_in_the_first() -> None:
    document, pictures = skewed_document()
    document["incidents"][1]["features"].append({"feature": "carrier", "space": "raw"})
    folded, _ = folds(document, pictures)
    assert folded == {"carrier": ["carrier", "carrier_id"], "fare": ["fare"]}


def test_without_anything_to_fold_all_cards_are_left() -> None:
    document = make_verdict("ok").to_json() | {"incidents": [make_incident(FARE, ("raw", "gone"))]}
    html, rest = incidents.folds(document, features.cards([]))
    assert (html, rest) == ("", [])
