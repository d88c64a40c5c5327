"""The page's part about slices: each with its rows and its verdict, and below it what was found in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from transforms.publish import formatting
from transforms.publish.page import tables as page_tables
from transforms.publish.page.tables import Json, text

# Bytes, as in page_tables.
SUMMARY_BUDGET = 60_000
FINDINGS_BUDGET = 200_000


def section(verdict: Json) -> str:
    """All slices that were examined; empty where none was asked for."""
    slices: Sequence[Json] = verdict["slices"]
    left_out = verdict["slices_left_out"]
    if not slices and not left_out:
        return ""
    found = _by_slice(verdict["findings"])
    told = f"{len(slices):,} compared on their own"
    if left_out:
        told += f"; {left_out:,} not, with too few rows or beyond the largest"
    return f"<h2>Slices<small>{told}</small></h2>{_summary(slices, found)}{_details(slices, found, verdict)}"


def whole(findings: Sequence[Json]) -> list[Json]:
    """The findings about the rows as a whole."""
    return [finding for finding in findings if finding["slice"] is None]


def weights(verdict: Json) -> str:
    """A sentence where rows do not all weigh the same."""
    told = formatting.weights(verdict)
    return f'<p class="soft">{text(told, 400)}</p>' if told else ""


def _by_slice(findings: Sequence[Json]) -> Mapping[str, list[Json]]:
    result: dict[str, list[Json]] = defaultdict(list)
    for finding in findings:
        if finding["slice"] is not None:
            result[finding["slice"]].append(finding)
    return result


def _summary(slices: Sequence[Json], found: Mapping[str, list[Json]]) -> str:
    if not slices:
        return ""
    head = '<tr><th>Slice</th><th>Verdict</th><th class="num">Rows</th><th class="num">Findings</th></tr>'
    rows = page_tables.fitting((_row(one, len(found[one["slice"]])) for one in slices), SUMMARY_BUDGET)
    return f'<div class="card scroll"><table>{head}{"".join(rows)}</table></div>'


def _row(one: Json, findings: int) -> str:
    level = "error" if one["verdict"] == "skew" else "none"
    pill = f'<span class="pill {level}">{text(one["verdict"])}</span>'
    return (
        f"<tr><td><b>{text(one['slice'])}</b></td><td>{pill}</td>"
        f'<td class="num">{one["rows"]:,}</td><td class="num">{findings:,}</td></tr>'
    )


def _details(slices: Sequence[Json], found: Mapping[str, list[Json]], verdict: Json) -> str:
    """A table a slice, those with skew first; what the whole shows too comes last and says so."""
    known = {_key(finding) for finding in whole(verdict["findings"])}
    ordered = sorted((one for one in slices if found[one["slice"]]), key=lambda one: one["verdict"] != "skew")
    tables = (_table(one, found[one["slice"]], known) for one in ordered)
    return "".join(page_tables.fitting(tables, FINDINGS_BUDGET))


def _table(one: Json, found: Sequence[Json], known: set[tuple[str, ...]]) -> str:
    own = [finding for finding in found if _key(finding) not in known]
    shared = len(found) - len(own)
    also = f", {shared:,} of them in the whole too" if shared else ""
    summary = f"{text(one['slice'])}: {formatting.counted(len(found), 'finding')}{also}"
    ordered = [*own, *(finding for finding in found if _key(finding) in known)]
    rows = "".join(map(page_tables.finding_row, ordered[:50]))
    table = f'<div class="card scroll"><table class="found">{page_tables.FINDINGS_HEAD}{rows}</table></div>'
    return f"<details><summary>{summary}</summary>{table}</details>"


def _key(finding: Json) -> tuple[str, ...]:
    return finding["feature"], finding["space"], finding["kind"], finding["metric"]
