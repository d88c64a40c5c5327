"""The page's part about earlier runs: what moved since the last one, and slowly over many."""

from __future__ import annotations

from transforms.publish import formatting
from transforms.publish.page import tables as page_tables
from transforms.publish.page.tables import Json, text

# Bytes, as in page_tables.
BUDGET = 150_000
# The metric of the info that the sentence above the table has told.
NO_RUN = "no_earlier_run"


def section(verdict: Json) -> str:
    """What was found beside earlier runs; empty where that was not asked for."""
    previous = verdict["previous"]
    if previous is None:
        return ""
    told = formatting.drift_sentence(verdict)
    sentence = f'<p class="soft">{text(told[0].upper() + told[1:], 600)}. {_run(previous)}</p>'
    return f"<h2>Since the last run</h2>{sentence}{_table(verdict)}"


def _run(previous: Json) -> str:
    if previous["run"] is None:
        return ""
    said, path = text(previous["verdict"]), text(previous["path"], 300)
    return f"It said <b>{said}</b>; its files are in <code>{path}</code>."


def _table(verdict: Json) -> str:
    found = [one for one in verdict["findings"] if one["kind"] == "drift" and one["metric"] != NO_RUN]
    if not found:
        return ""
    rows = page_tables.fitting(map(page_tables.finding_row, found), BUDGET)
    left_out = len(found) - len(rows)
    more = f'<p class="soft">{left_out:,} more in verdict.json.</p>' if left_out else ""
    table = f'<table class="found">{page_tables.FINDINGS_HEAD}{"".join(rows)}</table>'
    return f'<div class="card scroll" style="margin-top:12px">{table}{more}</div>'
