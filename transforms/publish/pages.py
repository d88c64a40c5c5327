"""The pages of a run: its report, and the index of all runs below the output folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.publish.page import index, page
from trueserve.transforms.publish.page.windows import PastRun
from trueserve.transforms.runs import copies, past_runs
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import Finding
from trueserve.transforms.verdict.result import Verdict, VerdictOutcome


def render(
    verdict: Verdict,
    pictures: Sequence[FeaturePicture],
    distances: Sequence[Finding],
    past: past_runs.PastRuns,
) -> Iterator[tuple[str, bytes]]:
    """Each page by its name.

    Args:
      past: the earlier runs (`past_runs.read`). The report shows those of windows before its own. A series
        has an index of its own (`series_index`).
    """
    runs = [PastRun(document, name) for name, document in past_runs.unpacked(past.packed)]
    before = [run for run in runs if _is_before(run.document, verdict.window.start)]
    yield copies.REPORT, page.render(verdict, pictures, distances, before)
    # A run that failed is published in a folder of its own, and is no part of the index of the others.
    if verdict.outcome is not VerdictOutcome.FAILED and not past.in_series:
        yield copies.INDEX, index.render_index([*runs, PastRun(past_runs.cut(verdict.to_json()))])


def _is_before(document: Mapping[str, Any], start: dt.datetime | None) -> bool:
    """Whether a run's window ends before another begins; one without a beginning has all before it."""
    window = document.get("window")
    end = window.get("end") if isinstance(window, Mapping) else None
    if start is None:
        return True
    try:
        return isinstance(end, str) and dt.datetime.fromisoformat(end) <= start
    except (ValueError, TypeError):
        return False
