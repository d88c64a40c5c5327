"""A week of nights: the first seven days of July, with both faults from the third to the fifth."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.flights import data, serve

# New York's days begin at 04:00 UTC in July.
FIRST = dt.datetime(2013, 7, 1, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
DAYS = 7
FAULTY = (2, 3, 4)  # numbers of days, from 0
SPAN = ("2013-07-01", "2013-07-08")

Json = dict[str, Any]


def log_requests(server: serve.Server, july: pa.Table, folder: Path) -> int:
    """Serves the flights of each day, and logs them below a folder of that day; how many flights."""
    shutil.rmtree(folder, ignore_errors=True)
    seconds = pc.cast(pc.cast(july[data.TIME], pa.timestamp("s")), pa.int64()).to_numpy()
    days = (seconds - int(FIRST.timestamp())) // int(DAY.total_seconds())
    for number in range(DAYS):
        flights = july.filter(pa.array(days == number))
        if number in FAULTY:
            flights = serve.in_lower_case(serve.in_kilometres(flights))
        serve.log_requests(server, flights, folder / f"{FIRST + number * DAY:%Y-%m-%d}")
    return int(np.isin(days, range(DAYS)).sum())


def write_config(path: Path, baseline: Path, model: Path, logs: Path, output: Path) -> None:
    """The file of the model, of which each night is run."""
    values = {
        "model": "flights",
        "baseline": str(baseline.absolute()),
        "predictions": str(model.absolute()),
        "logs": f"{logs.absolute()}/%Y-%m-%d/*",
        "output": str(output.absolute()),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path.write_text("\n".join([*lines, "[window]", 'timezone = "America/New_York"', ""]), encoding="utf-8")


def verdicts(output: Path) -> list[Json]:
    """verdict.json of each night, in their order."""
    files = sorted(output.glob("windows/*/verdict.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def states(nights: list[Json], feature: str) -> list[str]:
    """Of each night the state of the incident of one feature; empty where it has none."""
    return [
        next((each["state"] for each in night["incidents"] if _is_of(each, feature)), "") for night in nights
    ]


def _is_of(incident: Json, feature: str) -> bool:
    return [each["feature"] for each in incident["features"]] == [feature]
