"""The page's parts that need no picture: tiles, findings, what was not compared, the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page.escaping import NOTHING, fitting, joined, name, text

Json = Mapping[str, Any]

MAX_DEPTH = 6
FINDINGS_HEAD = Markup(
    '<tr><th scope="col">Severity</th><th scope="col">Feature</th><th scope="col">Space</th>'
    '<th scope="col">Kind</th><th scope="col" class="num">Distance</th><th scope="col" class="num">Limit</th>'
    '<th scope="col">What</th></tr>'
)
LONGEST_MESSAGE = 1_500  # characters
# Bytes, so that the whole page stays below 5 MB whatever strangers call their features.
FINDINGS_BUDGET = 300_000
NOT_COMPARED_BUDGET = 300_000
CONTRACT_BUDGET = 150_000


def tiles(verdict: Json, compared: int) -> Markup:
    """The run's few large numbers; `compared` counts features, all spaces together."""
    severities = [finding["severity"] for finding in verdict["findings"]]
    errors, warnings = severities.count("error"), severities.count("warning")
    numbers = [
        (verdict["counts"]["compared"], "rows compared", ""),
        (compared, "features compared", ""),
        (errors, "error" if errors == 1 else "errors", "hot error" if errors else ""),
        (warnings, "warning" if warnings == 1 else "warnings", "hot warning" if warnings else ""),
        (len(verdict["not_compared"]), "features not compared", ""),
    ]
    tile = Markup('<div class="card tile {}"><b>{}</b><span>{}</span></div>')
    cards = joined(tile.format(kind, formatting.count(count), label) for count, label, kind in numbers)
    return Markup('<div class="tiles">{}</div>').format(cards)


def scrolling(label: str, table: Markup, kind: str = "card scroll") -> Markup:
    """A table that scrolls sideways where it is wider than the page, by keyboard too."""
    return Markup('<div class="{}" tabindex="0" role="region" aria-label="{}">{}</div>').format(
        kind, label, table
    )


def findings(verdict: Json, title: str = "Findings") -> Markup:
    """The findings about the rows as a whole that belong to no incident; empty when there is none.

    Drift since earlier runs has a part of its own.
    """
    apart = [finding for finding in of_all_rows(verdict) if finding.get("incident") is None]
    if not apart:
        return NOTHING
    return Markup("<h2>{}<small>{:,}</small></h2>{}").format(title, len(apart), findings_table(apart, title))


def of_all_rows(verdict: Json) -> list[Json]:
    """The findings that are of no slice and of no comparison with earlier runs, in the verdict's order."""
    return [f for f in verdict["findings"] if f["slice"] is None and f["kind"] != "drift"]


def findings_table(every: Sequence[Json], label: str, budget: int | None = None) -> Markup:
    """A table of findings, as many as fit into so many bytes, and how many more there are."""
    rows = fitting(map(finding_row, every), FINDINGS_BUDGET if budget is None else budget)
    table = Markup('<table class="found">{}{}</table>{}').format(
        FINDINGS_HEAD, joined(rows), _more(len(every) - len(rows), "findings")
    )
    return scrolling(label, table)


def not_compared(verdict: Json) -> Markup:
    """The features that were not compared, with the reason; empty when there is none."""
    left_out: Sequence[Json] = verdict["not_compared"]
    if not left_out:
        return NOTHING
    rows = fitting(map(_left_out, left_out), NOT_COMPARED_BUDGET)
    table = scrolling(
        "Not compared",
        Markup(
            '<table><tr><th scope="col">Feature</th><th scope="col">Space</th><th scope="col">Why</th></tr>{}'
            "</table>{}"
        ).format(joined(rows), _more(len(left_out) - len(rows), "features")),
    )
    title = Markup("<h2>Not compared<small>{:,}</small></h2>").format(len(left_out))
    if len(left_out) <= 12:
        return title + table
    folded = Markup("<details><summary>Show all {:,}</summary>{}</details>")
    return title + folded.format(len(left_out), table)


def contract(verdict: Json) -> Markup:
    """The baseline's contract: versions and digests; empty when the run had none."""
    if not verdict.get("contract"):
        return NOTHING
    entry = Markup("<dt>{}</dt><dd><code>{}</code></dd>")
    entries = (entry.format(text(key, 80), text(value, 200)) for key, value in _flat(verdict["contract"]))
    return Markup(
        "<h2>Contract<small>what the baseline was made of</small></h2>"
        '<div class="card"><dl class="contract">{}</dl></div>'
    ).format(joined(fitting(entries, CONTRACT_BUDGET)))


def pill(severity: str) -> Markup:
    return Markup('<span class="pill {}">{}</span>').format(level(severity), text(severity, 40))


def level(severity: str) -> str:
    """The class of the style sheet for a severity, also of one that is none."""
    return severity if severity in {"error", "warning"} else "info"


def _tag(space: str) -> Markup:
    return Markup('<span class="tag">{}</span>').format(text(space))


def _left_out(row: Json) -> Markup:
    return Markup('<tr><td><b>{}</b></td><td>{}</td><td class="w">{}</td></tr>').format(
        name(row["feature"]), _tag(row["space"]), text(row["reason"], 1000)
    )


def finding_row(finding: Json) -> Markup:
    """A row of a table under `FINDINGS_HEAD`."""
    remarks = cause(finding) + origin(finding["raw_features"])
    return Markup(
        '<tr><td>{}</td><td><b>{}</b></td><td>{}</td><td class="k">{}</td><td class="num">{}</td>'
        '<td class="num soft">{}</td><td class="w">{}{}</td></tr>'
    ).format(
        pill(finding["severity"]),
        name(finding["feature"]),
        _tag(finding["space"]),
        text(finding["kind"]),
        *map(figure, decided(finding)),
        text(finding["message"], LONGEST_MESSAGE),
        Markup("<div>{}</div>").format(remarks) if remarks else NOTHING,
    )


def decided(finding: Json) -> tuple[float | None, float | None]:
    """The figure that the finding rests on, and its limit: those of its test, or else its distance's."""
    evidence = finding.get("evidence") or {}
    if evidence.get("effect") is not None and evidence.get("least_effect"):
        return evidence["effect"], evidence["least_effect"]
    return finding["distance"], finding["threshold"]


def figure(value: float | None) -> str:
    """A distance or threshold; a dash where the kind of finding has none."""
    return "–" if value is None else formatting.number(value)


def cause(finding: Json) -> Markup:
    """What was done to the feature, and how sure that is; empty where no cause was looked for."""
    sentence = formatting.cause(finding)
    if not sentence:
        return NOTHING
    return Markup(' <span class="soft">{}.</span>').format(text(sentence[0].upper() + sentence[1:], 200))


def origin(raw_features: Sequence[str]) -> Markup:
    """Which raw features a transformed one is computed from; empty for raw ones."""
    if not raw_features:
        return NOTHING
    names = text(formatting.listed(list(raw_features)), 200)
    return Markup(' <span class="soft">Computed from {}.</span>').format(names)


def _flat(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Nested JSON as rows of (dotted name, value); lists on one row."""
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        rows = (
            _flat(inner, f"{prefix}.{key}" if prefix else str(key), depth + 1) for key, inner in value.items()
        )
        return [row for group in rows for row in group]
    if isinstance(value, list | tuple):
        return [
            (prefix, f"{formatting.counted(len(value), 'entry', 'entries')}: {', '.join(map(str, value))}")
        ]
    return [(prefix, str(value))]


def _more(count: int, what: str) -> Markup:
    if count <= 0:
        return NOTHING
    return Markup('<p class="soft">{:,} more {} in verdict.json.</p>').format(count, what)
