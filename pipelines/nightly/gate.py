"""`trueserve gate`: the exit code of a verdict that was published, maybe by another machine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.nightly.common import NEVER
from trueserve.pipelines.flags.nightly.gate import GateOptions
from trueserve.pipelines.nightly import clock
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths, windows
from trueserve.transforms.publish import formatting
from trueserve.transforms.runs import series
from trueserve.transforms.runs.run_ids import VERDICT
from trueserve.transforms.runs.series import LATEST, WINDOWS, Standing

_EXAMINED = {"ok": 0, "skew": 1}
_CODES = {**_EXAMINED, "failed": 3, "not_examined": 4}
_PRESENT = frozenset({"new", "ongoing", "worse", "better"})
_NEWS = frozenset({"new", "worse"})

Json = Mapping[str, Any]


def run(options: GateOptions, console: Console) -> int:
    """Prints one line of the verdict and gives its exit code. Raises UsageError where there is none."""
    stands = find(options.verdict, options.span)
    code = exit_code(stands.document, options.fail_on)
    headline = formatting.headline(stands.document).partition(". ")[0]
    line = f"{stands.root}: {stands.outcome}: {formatting.visible(headline, 1000)}"
    if (why := _too_old(stands.document, options.max_age, clock.now())) is not None:
        code, line = 4, f"{line}; {why}"
    console.step(line)
    console.fact("verdict", stands.outcome)
    console.fact("window", stands.document.get("window"))
    console.fact("path", paths.join(stands.root, VERDICT))
    return code


def find(path: str, span: str | None) -> Standing:
    """What stands at a path: of a window of a series, of the latest, or of a plain output.

    Raises:
      UsageError: there is no verdict, or `span` is no window.
    """
    file = path.rstrip("/").rpartition("/")
    if file[2] == LATEST:
        path = file[0] or "."
    elif file[2].endswith(".json"):
        return _checked(Standing(file[0] or ".", series.read_json(path) or {}), path)
    if span is not None:
        path = paths.join(path, WINDOWS, _window_name(span))
    elif series.window_names(path):
        known = series.latest(path)
        return _checked(None if known is None else known[1], path)
    return _checked(series.standing(path), path)


def exit_code(document: Json, fail_on: str | None) -> int:
    """The exit code of a verdict.

    Args:
      fail_on: `error`, `warning`, `new` or `never`, in place of what the run failed on; None leaves that.
    """
    outcome = str(document["verdict"])
    if fail_on is None or outcome not in _EXAMINED:
        return _CODES[outcome]
    return int(fail_on != NEVER and any(_fails(each, fail_on) for each in document.get("incidents") or ()))


def _fails(incident: Json, fail_on: str) -> bool:
    if incident.get("state") not in _PRESENT or _is_accepted(incident.get("acknowledged")):
        return False
    severity = incident.get("severity")
    if fail_on == "warning":
        return severity in ("error", "warning")
    return severity == "error" and (fail_on != "new" or incident.get("state") in _NEWS)


def _is_accepted(acknowledged: Any) -> bool:
    return isinstance(acknowledged, Mapping) and acknowledged.get("is_valid") is True


def _window_name(span: str) -> str:
    if series.parsed_name(span) is not None:
        return span
    try:
        return series.window_name(*windows.parse_window(span))
    except ValueError as error:
        raise UsageError(f"--window: {error}") from None


def _checked(stands: Standing | None, path: str) -> Standing:
    if stands is None or stands.outcome not in _CODES:
        raise UsageError(
            f"expected a {VERDICT} of trueserve, or a folder of `run` or `validate`; none is at {path!r}"
        )
    return stands


def _too_old(document: Json, max_age: dt.timedelta | None, now: dt.datetime) -> str | None:
    """Why a verdict is too old, None where it is not, or may be of any age."""
    if max_age is None:
        return None
    window = document.get("window")
    end = window.get("end") if isinstance(window, Mapping) else None
    try:
        age = now - dt.datetime.fromisoformat(str(end))
    except (ValueError, TypeError):
        return "the window has no end, so that its age is not known"
    if age <= max_age:
        return None
    limit = windows.iso_duration(max_age)
    return f"the window ended {_days(age)} ago, which is more than {limit}: is every run started?"


def _days(age: dt.timedelta) -> str:
    hours = int(age.total_seconds()) // 3600
    return formatting.counted(hours // 24, "day") if hours >= 48 else formatting.counted(hours, "hour")
