"""A model's series of hourly windows: its logs, one file an hour, its file, and what it must come to."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import e2e, logs
from trueserve.transforms.core.batches import Window
from trueserve.transforms.history import parts
from trueserve.transforms.runs import series

FIRST = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
ROWS = 400  # of an hour
ALERT = "pager"  # its name, where the file has one


def write_hours(folder: Path, hours: int, faulty: Sequence[int], rows: int = ROWS) -> str:
    """One log an hour, in kilometres in the faulty ones; the pattern for `--logs`."""
    for hour in range(hours):
        write_hour(folder, hour, rows, is_faulty=hour in faulty)
    return str(folder / "%Y-%m-%d" / "%H-*.log")


def write_hour(folder: Path, hour: int, rows: int = ROWS, *, is_faulty: bool = False) -> None:
    """The log of one hour: its rows are spread over it."""
    requests = e2e.requests(e2e.rides(rows, 100 + hour))
    requests = e2e.in_kilometres(requests) if is_faulty else requests
    start = FIRST + hour * HOUR
    path = folder / f"{start:%Y-%m-%d}" / f"{start:%H}-0.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    step = 3600 / rows
    seconds = [int(start.timestamp() + step * number) for number in range(rows)]
    logs.write_records(
        path,
        [
            logs.examples_log([logs.example(**row)], at, version=3)
            for row, at in zip(requests, seconds, strict=True)
        ],
    )


def write_config(path: Path, baseline: str, pattern: str, output: Path, *lines: str, after: str = "") -> str:
    """The model's file, for hourly windows; `after` are tables of its end."""
    values = {"model": "rides", "baseline": baseline, "logs": pattern, "output": str(output)}
    keys = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path.write_text("\n".join([*keys, *lines, "[window]", 'every = "PT1H"', after]))
    return str(path)


def hour_folder(output: Path, hour: int) -> Path:
    """The folder of an hour's window."""
    start = FIRST + hour * HOUR
    return Path(series.window_folder(str(output), start, start + HOUR))


def windows(output: Path) -> dict[str, dict[str, Any]]:
    """verdict.json of each window, by its name."""
    return {name: e2e.verdict(output / series.WINDOWS / name) for name in series.window_names(str(output))}


def untidy(output: Path) -> list[str]:
    """Files of a series that no verdict names, and that are none of its own: leases, attempts, `failed`."""
    known = {series.LATEST, "index.html", f"alerts/{ALERT}.json", "alerts/.lock"}
    for name, document in windows(output).items():
        span = series.parsed_name(name)
        known |= {f"{parts.FOLDER}/{parts.part_name(Window(*span))}"} if span else set()
        folder = f"{series.WINDOWS}/{name}"
        known |= {f"{folder}/verdict.json", f"{folder}/settled.json"}
        for copy, artifact in document["artifacts"].items():
            known |= {f"{folder}/{artifact['path']}", *([] if "/" in copy else [f"{folder}/{copy}"])}
            known.add(f"{folder}/{artifact['path'].removesuffix(copy)}verdict.json")
    return sorted({str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()} - known)
