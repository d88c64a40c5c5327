"""The page's part about earlier runs: what moved since the last one, and slowly over many."""

from __future__ import annotations

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, text
from trueserve.transforms.publish.page.tables import Json

# Bytes, as in page_tables.
BUDGET = 150_000
# The metric of the info finding that the sentence above the table repeats.
NO_RUN = "no_earlier_run"


def section(verdict: Json) -> Markup:
    """What was found by comparing with earlier runs; empty where that was not requested."""
    previous = verdict["previous"]
    if previous is None:
        return NOTHING
    drift = formatting.drift_sentence(verdict)
    sentence = text(drift[0].upper() + drift[1:], 600)
    return Markup('<h2>Since the last run</h2><p class="soft">{}. {}</p>{}').format(
        sentence, _run(previous), _table(verdict)
    )


def _run(previous: Json) -> Markup:
    if previous["run"] is None:
        return NOTHING
    return Markup("It said <b>{}</b>; its files are in <code>{}</code>.").format(
        text(previous["verdict"]), text(previous["path"], 300)
    )


def _table(verdict: Json) -> Markup:
    findings = [f for f in verdict["findings"] if f["kind"] == "drift" and f["metric"] != NO_RUN]
    if not findings:
        return NOTHING
    return page_tables.findings_table(findings, "Since the last run", BUDGET)
