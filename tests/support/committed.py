"""Output folders as runs leave them: verdicts that were committed, and attempts that were not."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs.run_ids import new_attempt, new_run_id

from .page import make_finding, make_verdict

DAY = dt.timedelta(days=1)
FIRST_DAY = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)


def night(day: int, finding: str | None = None) -> dict[str, Any]:
    """The verdict of a day of July: clean, or with an error of a feature."""
    verdict = make_verdict("skew", [make_finding(finding)]) if finding else make_verdict("ok")
    start = FIRST_DAY + (day - 1) * DAY
    object.__setattr__(verdict, "window", Window(start, start + DAY))
    return verdict.to_json()


def attempt(
    output: Path, document: dict[str, Any], replaces: str | None = None
) -> tuple[str, dict[str, Any]]:
    """An attempt's folder with its files but no verdict, and the verdict that would commit it."""
    name = new_attempt(new_run_id())
    folder = output / "runs" / name
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("page")
    artifact = {"path": f"runs/{name}/report.html", "bytes": 4, "sha256": "0" * 64}
    return name, document | {"artifacts": {"report.html": artifact}, "replaces": replaces}


def commit(output: Path, document: dict[str, Any], replaces: str | None = None) -> str:
    """Publishes a verdict as a run does; the name of its folder."""
    name, document = attempt(output, document, replaces)
    text = json.dumps(document)
    (output / "verdict.json").write_text(text)
    (output / "runs" / name / "verdict.json").write_text(text)
    return name
