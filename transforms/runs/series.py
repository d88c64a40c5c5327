"""A series: the windows of one model below an output folder, each a folder that runs publish in.

    OUTPUT/windows/2013-07-14T00Z_P1D/     where the runs of that window publish (`run_folder`)
    OUTPUT/latest.json                     the verdict of the latest window, whenever it was published
    OUTPUT/index.html                      all windows

Light: the command line loads it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths, windows
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.runs import run_ids
from trueserve.transforms.runs.run_ids import VERDICT

WINDOWS, LATEST, FAILED = "windows", "latest.json", "failed"
FORMAT = 1
# States of incidents that are over, or that the window could not show.
_PAST = frozenset({"resolved", "not_compared"})
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2})([0-9]{2})?([0-9]{2})?Z")

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Standing:
    """What stands of a window: its last verdict, ordinary or failed.

    Attributes:
      root: the folder in which its verdict.json lies.
      document: the content of verdict.json.
    """

    root: str
    document: Json

    @property
    def outcome(self) -> str:
        return str(self.document.get("verdict"))

    @property
    def attempt(self) -> str:
        """The name of the attempt that published it; empty where it does not say."""
        return run_ids.attempt_of(self.document) or ""


def window_name(start: dt.datetime, end: dt.datetime) -> str:
    """The name of a window's folder, such as `2013-07-14T00Z_P1D`: its start in UTC, and its length.

    Minutes and seconds are there where they are not 0 (`2013-07-14T0530Z_PT1H`). A local day has the length
    that it had: 23 or 25 hours where clocks change.

    Raises:
      ValueError: a time is without a zone or not of full seconds, or the end is not after the start.
    """
    if start.tzinfo is None or end.tzinfo is None or start.microsecond or end.microsecond:
        raise ValueError(f"a window begins and ends at full seconds, got {start} and {end}")
    if start >= end:
        raise ValueError(f"expected a start before the end, got {start} and {end}")
    first = start.astimezone(dt.UTC)
    seconds = f"{first:%M%S}" if first.second else f"{first:%M}" if first.minute else ""
    # Not %Y, which has fewer than four digits for early years.
    return f"{first.date().isoformat()}T{first:%H}{seconds}Z_{windows.iso_duration(end - start)}"


def parsed_name(name: str) -> windows.Span | None:
    """The start and the end of the window that a folder's name names; None for any other name."""
    text, separator, length = name.partition("_")
    match = _TIME.fullmatch(text)
    if not match or not separator:
        return None
    try:
        time = ":".join([match[2], match[3] or "00", match[4] or "00"])
        start = dt.datetime.fromisoformat(f"{match[1]}T{time}+00:00")
        end = start + windows.duration(length)
        return (start, end) if window_name(start, end) == name else None
    except (ValueError, OverflowError):
        return None


def window_folder(output: str, start: dt.datetime, end: dt.datetime) -> str:
    """Where the runs of a window publish. Raises ValueError as `window_name` does."""
    return paths.join(output, WINDOWS, window_name(start, end))


def series_of(folder: str) -> tuple[str, str] | None:
    """The output folder of the series, and the window's name, if `folder` is that of a window."""
    parent, _, name = folder.rstrip("/").rpartition("/")
    output, _, kind = parent.rpartition("/")
    if kind != WINDOWS or parsed_name(name) is None:
        return None
    return output or ("/" if parent.startswith("/") else "."), name


def window_names(output: str) -> list[str]:
    """The names of all windows that have a folder, in the order of their starts, and then of their ends.

    Raises InputError where the folder cannot be read.
    """
    folder = paths.join(output, WINDOWS)
    if is_local(folder):
        try:
            names = set(os.listdir(folder))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            names = set()
        except OSError as error:
            raise InputError(f"cannot list {folder}: {error.strerror or error}") from error
    else:
        names = {name.partition("/")[0] for name in paths.list_files(folder)}
    spans = {name: span for name in names if (span := parsed_name(name)) is not None}
    return sorted(spans, key=lambda name: spans[name])


def names_before(output: str, start: dt.datetime | None) -> list[str]:
    """The names of the windows that ended at or before `start`, the latest first; of all where it is None."""
    spans = {name: parsed_name(name) for name in window_names(output)}
    ended = [(span[1], span[0], name) for name, span in spans.items() if span]
    return [name for end, _, name in sorted(ended, reverse=True) if start is None or end <= start]


def standing(folder: str) -> Standing | None:
    """What stands of a window: `failed` if the last run failed, None without any verdict."""
    known = [
        Standing(root, document)
        for root in (folder, paths.join(folder, FAILED))
        if (document := read_json(paths.join(root, VERDICT))) is not None and run_ids.attempt_of(document)
    ]
    return max(known, key=lambda each: each.attempt, default=None)


def latest(output: str) -> tuple[str, Standing] | None:
    """The latest window of those that have a verdict, by its start; and what stands of it."""
    for name in reversed(window_names(output)):
        if (stands := standing(paths.join(output, WINDOWS, name))) is not None:
            return name, stands
    return None


def latest_document(output: str) -> dict[str, Any] | None:
    """The content of latest.json as it should be; None without any window."""
    known = latest(output)
    if known is None:
        return None
    name, stands = known
    root = "/".join([WINDOWS, name, *([FAILED] if stands.root.endswith(f"/{FAILED}") else [])])
    incidents = stands.document.get("incidents")
    states = [each.get("state") for each in incidents or () if isinstance(each, Mapping)]
    return {
        "format": FORMAT,
        "window": {"name": name, **(stands.document.get("window") or {})},
        "path": f"{root}/{VERDICT}",
        "report": f"{root}/report.html",
        "verdict": stands.outcome,
        "exit_code": stands.document.get("exit_code"),
        "open_incidents": sum(state not in _PAST for state in states) if incidents is not None else None,
    }


def read_json(path: str) -> dict[str, Any] | None:
    """The object in a file; None where there is none, or something else."""
    try:
        if not paths.exists(path) or not paths.is_plain(path):
            return None
        document = json.loads(paths.read_bytes(path))
    except (InputError, OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def write_json(path: str, document: Json) -> None:
    """Writes an object in one piece, if the file does not hold the same already."""
    data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
    with contextlib.suppress(InputError, OSError):
        if paths.exists(path) and paths.read_bytes(path) == data:
            return
    paths.write_atomically(path, data)
