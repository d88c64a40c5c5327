"""The page's part about slices: each with its rows and its verdict, and below it what was found in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, fitting, joined, text
from trueserve.transforms.publish.page.tables import Json

# Bytes, as in page_tables.
SUMMARY_BUDGET = 60_000
FINDINGS_BUDGET = 200_000


def section(verdict: Json) -> Markup:
    """All slices that were examined; empty where none was requested."""
    slices: Sequence[Json] = verdict["slices"]
    left_out = verdict["slices_left_out"]
    if not slices and not left_out:
        return NOTHING
    findings = _by_slice(verdict["findings"])
    caption = f"{len(slices):,} compared"
    if left_out:
        caption += f"; {left_out:,} not compared: too few rows, or not among the largest"
    return Markup("<h2>Slices<small>{}</small></h2>{}{}").format(
        caption, _summary(slices, findings), _details(slices, findings, verdict)
    )


def weights(verdict: Json) -> Markup:
    """A sentence where rows do not all weigh the same."""
    sentence = formatting.weights(verdict)
    return Markup('<p class="soft">{}</p>').format(text(sentence, 400)) if sentence else NOTHING


def _by_slice(findings: Sequence[Json]) -> Mapping[str, list[Json]]:
    result: dict[str, list[Json]] = defaultdict(list)
    for finding in findings:
        if finding["slice"] is not None:
            result[finding["slice"]].append(finding)
    return result


def _summary(slices: Sequence[Json], findings: Mapping[str, list[Json]]) -> Markup:
    if not slices:
        return NOTHING
    rows = fitting((_row(each, len(findings[each["slice"]])) for each in slices), SUMMARY_BUDGET)
    table = Markup(
        '<table><tr><th scope="col">Slice</th><th scope="col">Verdict</th>'
        '<th scope="col" class="num">Rows</th><th scope="col" class="num">Findings</th></tr>{}</table>'
    ).format(joined(rows))
    return page_tables.scrolling("Slices", table)


def _row(examined: Json, findings: int) -> Markup:
    level = {"skew": "error", "not_examined": "warning"}.get(examined["verdict"], "none")
    return Markup(
        '<tr><td><b>{}</b></td><td><span class="pill {}">{}</span></td>'
        '<td class="num">{:,}</td><td class="num">{:,}</td></tr>'
    ).format(text(examined["slice"]), level, text(examined["verdict"]), examined["rows"], findings)


def _details(slices: Sequence[Json], findings: Mapping[str, list[Json]], verdict: Json) -> Markup:
    """A table a slice, those with skew first; what all rows show too comes last and says so."""
    known = {_key(finding) for finding in verdict["findings"] if finding["slice"] is None}
    with_findings = [each for each in slices if findings[each["slice"]]]
    sorted_slices = sorted(with_findings, key=lambda each: bool(each["verdict"] != "skew"))
    tables = (_table(each, findings[each["slice"]], known) for each in sorted_slices)
    return joined(fitting(tables, FINDINGS_BUDGET))


def _table(examined: Json, findings: Sequence[Json], known: set[tuple[str, ...]]) -> Markup:
    own = [finding for finding in findings if _key(finding) not in known]
    shared = [finding for finding in findings if _key(finding) in known]
    also = f", {len(shared):,} of them also in all rows together" if shared else ""
    name = text(examined["slice"])
    table = page_tables.findings_table([*own, *shared][:50], Markup("Findings of {}").format(name))
    return Markup('<details class="fold"><summary>{}: {}{}</summary>{}</details>').format(
        name, formatting.counted(len(findings), "finding"), also, table
    )


def _key(finding: Json) -> tuple[str, ...]:
    return finding["feature"], finding["space"], finding["kind"], finding["metric"]
