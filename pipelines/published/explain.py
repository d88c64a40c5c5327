"""`trueserve explain`: one incident of a published verdict, with all its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueserve.pipelines.display import explanation
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.published.explain import ExplainOptions
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.publish import formatting
from trueserve.transforms.runs import published_runs, series
from trueserve.transforms.runs.run_ids import VERDICT

Json = Mapping[str, Any]
_MOST_NAMED = 10


def run(options: ExplainOptions, console: Console) -> int:
    """Prints the explanation; 0. Raises UsageError where there is no verdict, or no such incident."""
    document = _read(options.verdict)
    try:
        lines = _lines(document, _chosen(options, document["incidents"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # It has the format of a verdict, and not its content.
        raise UsageError(f"{options.verdict}: expected what validate writes, got something else") from error
    console.lines(lines)
    return 0


def _lines(document: Json, incidents: list[Json]) -> list[str]:
    if not incidents:
        return [f"{formatting.window(document['window'])}: no incident; the verdict is {document['verdict']}"]
    return [line for incident in incidents for line in explanation.lines(document, incident)]


def _read(path: str) -> Json:
    """The verdict at a file or in a folder; of a series that of the latest window."""
    file = path if path.rstrip("/").rsplit("/", 1)[-1] == VERDICT else paths.join(path, VERDICT)
    if not paths.exists(file) and (latest := series.latest(path)) is not None:
        file = paths.join(latest[1].root, VERDICT)
    document = published_runs.read_verdict(file)
    if document is None:
        what = f"a {VERDICT} of trueserve, or a folder that holds one"
        raise UsageError(f"expected {what}; there is none at {file!r}")
    if not isinstance(document.get("incidents"), list):
        known = f"{file} has format {document['format']}, which knows no incidents"
        raise UsageError(f"{known}; validate the window again")
    return document


def _chosen(options: ExplainOptions, incidents: list[Json]) -> list[Json]:
    if options.incident is None:
        return incidents if options.all else incidents[:1]
    matching = [incident for incident in incidents if incident["id"] == options.incident]
    if not matching:
        ids = ", ".join(str(incident["id"]) for incident in incidents[:_MOST_NAMED]) or "none"
        raise UsageError(f"--incident: there is no {options.incident!r} in this verdict; it has {ids}")
    return matching
