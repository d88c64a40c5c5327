"""The page's first part: incidents, each with what it did and what to do, and its findings, folded.

A verdict of format 1 has no incidents: then there is nothing here, and all findings stand in one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import charts as page_charts
from trueserve.transforms.publish.page import features as page_features
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, fitting, joined, name, text
from trueserve.transforms.publish.page.features import Card
from trueserve.transforms.publish.page.rows import Key, Row
from trueserve.transforms.publish.page.tables import Json

# Incidents past these are folded away; bytes of all of them, and of the tables of their findings; pictures of
# each; characters of a sentence.
OPEN_INCIDENTS = 6
BUDGET = 250_000
FOLDS_BUDGET = 250_000
PICTURES = 4
SENTENCE = 800

STATES = {
    "new": "new",
    "ongoing": "ongoing",
    "worse": "worse",
    "better": "better",
    "resolved": "resolved",
    "not_compared": "not compared",
}
PAST = frozenset({"resolved", "not_compared"})

_CARD = Markup(
    '<article class="card inc {}" id="i{}"><div>{} <span class="tag">{}</span> <span class="tag">{}</span>{}'
    '<h3>{}</h3><p class="do">{}</p><dl>{}</dl></div><div class="pics">{}</div></article>'
)
_ENTRY = Markup("<dt>{}</dt><dd>{}</dd>")
_FIGURE = Markup(
    '<figure><figcaption><a href="#r{}">{}</a> <span class="tag">{}</span></figcaption>{}</figure>'
)
_FOLD = Markup(
    '<details class="fold {}" id="f{}"><summary>{} <span class="soft">{}</span></summary>{}{}</details>'
)


def section(document: Json, sorted_rows: Sequence[Row]) -> Markup:
    """The incidents, those that are over last; empty where there is none."""
    incidents = _sorted(document)
    if not incidents:
        return NOTHING
    by_key = {row.key: (i, row) for i, row in enumerate(sorted_rows)}
    numbers = _findings_by_incident(document)
    cards = fitting(
        (_card(i, incident, numbers.get(incident["id"], []), by_key) for i, incident in enumerate(incidents)),
        BUDGET,
    )
    present = sum(incident["state"] not in PAST for incident in incidents)
    is_open = max(1, min(OPEN_INCIDENTS, present))
    return Markup(
        '<section aria-label="Incidents"><h2>Incidents<small>{}</small></h2>{}{}{}</section>'
    ).format(
        _counts(incidents),
        page_features.LEGEND,
        joined(cards[:is_open]),
        _rest(cards[is_open:], len(incidents) - is_open),
    )


def folds(document: Json, cards: Sequence[Card]) -> tuple[Markup, list[Card]]:
    """The findings and features of each incident that lasts, folded; and the cards that are in none."""
    findings = _findings_by_incident(document)
    left = list(page_features.within_budget(cards))
    folded: list[Markup] = []
    incidents = _sorted(document)
    present = [(i, incident) for i, incident in enumerate(incidents) if incident["state"] not in PAST]
    for i, incident in present:
        features = set(_keys(incident))
        own = [card for card in left if features.intersection(row.key for row in card.rows)]
        left = [card for card in left if card not in own]
        if own or findings.get(incident["id"]):
            budget = FOLDS_BUDGET // len(present)
            folded.append(_fold(i, incident, findings.get(incident["id"], []), own, budget))
    if not folded:
        return NOTHING, list(cards)
    title = Markup("<h2>Findings by incident<small>{:,}</small></h2>").format(len(folded))
    return title + joined(folded), [card for card in cards if card in left]


def period(moment: str | None) -> str:
    """The start of a window as people read it; `the first window` where that has no start."""
    if moment is None:
        return "the first window"
    try:
        return formatting.moment(moment)
    except (ValueError, OverflowError):
        return moment


def _sorted(document: Json) -> list[Json]:
    """The incidents in the verdict's order, those that are over last."""
    return sorted(document.get("incidents") or (), key=lambda incident: incident["state"] in PAST)


def _findings_by_incident(document: Json) -> dict[str, list[Json]]:
    by_incident: dict[str, list[Json]] = {}
    for finding in page_tables.of_all_rows(document):
        if (incident := finding.get("incident")) is not None:
            by_incident.setdefault(incident, []).append(finding)
    return by_incident


def _keys(incident: Json) -> list[Key]:
    return [(feature["space"], feature["feature"]) for feature in incident["features"]]


def _counts(incidents: Sequence[Json]) -> str:
    states = [incident["state"] for incident in incidents]
    return ", ".join(f"{states.count(state)} {label}" for state, label in STATES.items() if state in states)


def _rest(cards: Sequence[Markup], count: int) -> Markup:
    if count <= 0:
        return NOTHING
    missing = count - len(cards)
    more = Markup('<p class="soft">{:,} more in verdict.json.</p>').format(missing) if missing else NOTHING
    return Markup("<details><summary>Show {}</summary>{}{}</details>").format(
        formatting.counted(count, "more incident"), joined(cards), more
    )


def _card(
    index: int, incident: Json, findings: Sequence[Json], by_key: Mapping[Key, tuple[int, Row]]
) -> Markup:
    is_past = incident["state"] in PAST
    return _CARD.format(
        "none" if is_past else page_tables.level(incident["severity"]),
        index,
        page_tables.pill(incident["severity"]) if not is_past else NOTHING,
        text(STATES.get(incident["state"], incident["state"])),
        text(incident["kind"]),
        _acknowledged(incident["acknowledged"]),
        title_of(incident),
        text(incident["what_to_do"] or "", SENTENCE),
        joined(_entries(index, incident, findings)),
        NOTHING if is_past else _pictures(incident, by_key),
    )


def _entries(index: int, incident: Json, findings: Sequence[Json]) -> Iterable[Markup]:
    yield _ENTRY.format("since", text(period(incident["since"])))
    share = incident["share"]
    yield _ENTRY.format("rows affected", "not known" if share is None else formatting.percent(share))
    if incident["effect"] is not None:
        limit = incident["least_effect"]
        against = f" (limit {formatting.percent(limit)})" if limit else ""
        yield _ENTRY.format("effect", formatting.percent(incident["effect"]) + against)
    yield _ENTRY.format("predictions", harm(incident["harm"]))
    if incident["acknowledged"]:
        yield _ENTRY.format("acknowledged", text(incident["acknowledged"].get("note") or "", SENTENCE))
    if incident["state"] not in PAST and (findings or incident["features"]):
        features = formatting.counted(len(incident["features"]), "feature")
        link = Markup('<a href="#f{}">{} in {}</a>').format(
            index, formatting.counted(len(findings), "finding"), features
        )
        yield _ENTRY.format("shown by", link)


def harm(measured: Mapping[str, Any] | None) -> Markup:
    """What an incident did to the predictions, in words, or why that is not known."""
    known = measured or {}
    why = f"effect not measured: {known['why']}" if known.get("why") else "effect not measured"
    return text(known.get("text") or why, SENTENCE)


def title_of(incident: Json) -> Markup:
    """An incident's title; its id where that is blank."""
    candidates = (str(incident.get(key) or "") for key in ("title", "id"))
    return text(next(filter(str.strip, candidates), "no title"), SENTENCE)


def _acknowledged(acknowledged: Json | None) -> Markup:
    if not acknowledged:
        return NOTHING
    until = text(acknowledged.get("until") or "", 40)
    if acknowledged.get("is_valid", True):
        return Markup(' <span class="tag">acknowledged until {}</span>').format(until)
    return Markup(' <span class="tag">no longer acknowledged (it was until {})</span>').format(until)


def _pictures(incident: Json, by_key: Mapping[Key, tuple[int, Row]]) -> Markup:
    """Its features, each with what is computed from it and moved along, as far as they can be drawn."""
    keys = dict.fromkeys(key for own in _keys(incident) for key in (own, *_computed(own, incident, by_key)))
    drawn = [by_key[key] for key in keys if key in by_key and by_key[key][1].picture is not None]
    figures = [
        _FIGURE.format(
            i, name(row.feature, 80), text(row.space), page_features.picture_of(row, page_charts.SMALL)
        )
        for i, row in drawn[:PICTURES]
    ]
    more = len(drawn) - PICTURES
    rest = Markup('<p class="soft">{}</p>').format(formatting.counted(more, "more feature"))
    return joined(figures) + (rest if more > 0 else NOTHING)


def _computed(own: Key, incident: Json, by_key: Mapping[Key, tuple[int, Row]]) -> list[Key]:
    """The features computed from one that have a finding of the same incident."""
    return [
        key
        for key, (_, row) in by_key.items()
        if own == ("raw", own[1])
        and own[1] in row.raw_features
        and any(finding.get("incident") == incident["id"] for finding in row.findings)
    ]


def _fold(index: int, incident: Json, findings: Sequence[Json], cards: Sequence[Card], budget: int) -> Markup:
    rows = sum(len(card.rows) for card in cards)
    counts = f"{formatting.counted(len(findings), 'finding')}, {formatting.counted(rows, 'feature')}"
    title = title_of(incident)
    table = page_tables.findings_table(findings, title, budget) if findings else NOTHING
    severity = page_tables.level(incident["severity"])
    return _FOLD.format(severity, index, title, counts, table, joined(card.markup for card in cards))
