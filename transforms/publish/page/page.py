"""report.html: a verdict as something to look at. One file that needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import drift as page_drift
from trueserve.transforms.publish.page import features as page_features
from trueserve.transforms.publish.page import replay as page_replay
from trueserve.transforms.publish.page import slices as page_slices
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page import template as page_template
from trueserve.transforms.publish.page.escaping import text
from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import Finding
from trueserve.transforms.verdict.result import Verdict

NAMES = {"ok": "No skew", "skew": "Skew", "not_examined": "Not examined", "failed": "Failed"}
MAX_REASONS = 5


def render(verdict: Verdict, pictures: Sequence[FeaturePicture], distances: Sequence[Finding] = ()) -> bytes:
    """The page, as UTF-8, below 5 MB however many features there are.

    Args:
      verdict: what is told; its artifacts are not.
      pictures: what is drawn, in any order.
      distances: every distance that was measured, also within its limits (`ComparisonResult.distances`).
    """
    document = verdict.to_json()
    sorted_rows = page_features.rows(document, pictures, distances)
    page = page_template.PAGE.format(
        **_frame(document),
        tiles=page_tables.tiles(document, len({(d.feature, d.space) for d in distances})),
        overview=page_features.overview(sorted_rows),
        findings=page_tables.findings(document),
        drift=page_drift.section(document),
        slices=page_slices.section(document),
        replay=page_replay.section(document),
        weights=page_slices.weights(document),
        features=page_features.section(sorted_rows),
        not_compared=page_tables.not_compared(document),
        accounting=page_tables.accounting(document),
        contract=page_tables.contract(document),
    )
    # What is no character (half a surrogate pair) has been spelled out; this is for what we overlooked.
    return page.encode("utf-8", "replace")


def _frame(document: Json) -> dict[str, Markup]:
    name = text(NAMES[document["verdict"]])
    return {
        "policy": page_template.POLICY,
        "style": page_template.STYLE,
        "title": Markup("{} &middot; trueserve").format(name),
        "verdict": text(document["verdict"]),
        "icon": page_template.icon(document["verdict"]),
        "name": name,
        "headline": text(formatting.headline(document), 600),
        "window": text(formatting.window(document["window"])),
        "footer": Markup('The same for programs: <a href="verdict.json">verdict.json</a>'),
    }
