"""report.html: a verdict as something to look at. One file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import drift as page_drift
from trueserve.transforms.publish.page import features as page_features
from trueserve.transforms.publish.page import incidents as page_incidents
from trueserve.transforms.publish.page import records as page_records
from trueserve.transforms.publish.page import rows as page_rows
from trueserve.transforms.publish.page import slices as page_slices
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page import trends as page_trends
from trueserve.transforms.publish.page import windows as page_windows
from trueserve.transforms.publish.page.escaping import text
from trueserve.transforms.publish.page.frame import template as page_template
from trueserve.transforms.publish.page.frame.controls import controls
from trueserve.transforms.publish.page.models import performance as page_performance
from trueserve.transforms.publish.page.models import replay as page_replay
from trueserve.transforms.publish.page.rows import Row
from trueserve.transforms.publish.page.tables import Json
from trueserve.transforms.publish.page.windows import PastRun
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import Finding
from trueserve.transforms.verdict.result import Verdict


def render(
    verdict: Verdict,
    pictures: Sequence[FeaturePicture],
    distances: Sequence[Finding] = (),
    earlier_runs: Sequence[PastRun] = (),
) -> bytes:
    """The page, as UTF-8, below 5 MB however many features there are.

    Args:
      verdict: what is told; its artifacts are not.
      pictures: what is drawn, in any order.
      distances: every distance that was measured, also within its limits (`ComparisonResult.distances`).
      earlier_runs: earlier runs, in any order.
    """
    compared = len({(d.feature, d.space) for d in distances})
    return render_document(verdict.to_json(), pictures, distances, earlier_runs, compared)


def render_document(
    document: Json,
    pictures: Sequence[FeaturePicture],
    distances: Sequence[Finding],
    earlier_runs: Sequence[PastRun],
    compared: int,
) -> bytes:
    """The page of the content of a verdict.json; see `render`. `compared` counts features."""
    sorted_rows = page_rows.rows(document, pictures, distances)
    windows = page_windows.windows([*earlier_runs, PastRun(document)]) if earlier_runs else []
    cards = page_features.cards(sorted_rows, page_trends.lines(sorted_rows, windows))
    folds, others = page_incidents.folds(document, cards)
    page = page_template.PAGE.format(
        **_frame(document),
        incidents=page_incidents.section(document, sorted_rows),
        tiles=page_tables.tiles(document, compared),
        overview=page_features.overview(sorted_rows),
        controls=_controls(document, sorted_rows),
        folds=folds,
        findings=page_tables.findings(document, "Other findings" if folds else "Findings"),
        features=page_features.section(others, "Other features" if folds else "Features"),
        trends=page_trends.section(windows, sorted_rows),
        drift=page_drift.section(document),
        slices=page_slices.section(document),
        models=page_performance.section(document) + page_replay.section(document),
        weights=page_slices.weights(document),
        not_compared=page_tables.not_compared(document),
        accounting=page_records.accounting(document),
        contract=page_tables.contract(document),
        foot=page_template.foot(),
    )
    # What is no character (half a surrogate pair) has been spelled out; this is for what we overlooked.
    return page.encode("utf-8", "replace")


def _controls(document: Json, sorted_rows: Sequence[Row]) -> Markup:
    spaces = dict.fromkeys(sorted({row.space for row in sorted_rows}))
    kinds = dict.fromkeys(sorted({str(finding["kind"]) for finding in document["findings"]}))
    return controls(spaces, kinds, len(sorted_rows))


def _frame(document: Json) -> dict[str, Markup]:
    name = text(page_template.NAMES[document["verdict"]])
    return {
        "head": page_template.head(f"{page_template.NAMES[document['verdict']]} · trueserve"),
        "verdict": text(document["verdict"]),
        "icon": page_template.icon(document["verdict"]),
        "name": name,
        "headline": text(formatting.headline(document), 600),
        "window": text(formatting.window(document["window"])),
        "footer": Markup('The same for programs: <a href="verdict.json">verdict.json</a>'),
    }
