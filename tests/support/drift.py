"""Windows of generated rows, their statistics as a run computes them, and runs under an output folder."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from support import faults
from support.page import make_verdict
from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs import published_runs, run_folder
from trueserve.transforms.runs.previous_runs import PreviousRuns
from trueserve.transforms.runs.window_summary import WindowSummary, summarize
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Any]

CARRIERS, USUAL = ("AA", "UA", "DL", "B6"), (0.4, 0.3, 0.2, 0.1)


def rides(rows: int, seed: int, shift: float = 0.0, points: float = 0.0, lost: float = 0.0) -> Columns:
    """Columns of rows: `speed` is moved by `shift` deviations, the share of `AA` by `points`.

    None is a missing value, which `fuel` is in a share of 0.1 + `lost`.
    """
    random = np.random.default_rng(seed)
    shares = np.array(USUAL) + np.array([1, -0.5, -0.3, -0.2]) * points
    fuel = random.exponential(1, rows).astype(object)
    fuel[random.random(rows) < 0.1 + lost] = None
    return {
        "speed": random.normal(50 + 10 * shift, 10, rows),
        "carrier": random.choice(CARRIERS, rows, p=shares),
        "fuel": fuel,
    }


def statistics(columns: Columns) -> Statistics:
    return faults.statistics(
        pa.RecordBatch.from_pydict({name: _column(values) for name, values in columns.items()})
    )


def _column(values: Any) -> pa.Array:
    is_text = any(isinstance(value, str) for value in values)
    kind = pa.large_binary() if is_text else pa.float32()
    rows = [None if value is None else [value.encode() if is_text else float(value)] for value in values]
    return pa.array(rows, pa.large_list(kind))


def reference(columns: Columns, label: str | None = None) -> Reference:
    training = statistics(columns)
    schema = tfdv.infer_schema(training, infer_feature_shape=False)
    return Reference(schema, training, Space.RAW, label=label)


def day(number: float, days: float = 1) -> Window:
    """A window that starts so many days after the first of June 2013, and is `days` long."""
    start = dt.datetime(2013, 6, 1, tzinfo=dt.UTC) + dt.timedelta(days=number)
    return Window(start, start + dt.timedelta(days=days))


def summary_of(against: Reference, columns: Columns, window: Window, baseline: str = "b") -> WindowSummary:
    return summarize([against], {Space.RAW: statistics(columns)}, window, baseline)


def contract(graph: str = "g", created: str = "2013-05-01T00:00:00+00:00") -> dict[str, Any]:
    return {"created": created, "digests": {"graph": graph}, "num_examples": 1000}


def published(
    output: Path,
    run_id: str,
    window: Window,
    outcome: str = "ok",
    files: Mapping[str, bytes] | None = None,
    made_of: dict[str, Any] | None = None,
) -> str:
    """A run as it lies under an output folder; the name of its own folder."""
    verdict = dataclasses.replace(make_verdict(outcome, contract=made_of or contract()), window=window)
    files = {"stats.binpb": statistics(rides(200, 1)).SerializeToString()} if files is None else files
    committed = run_folder.publish(str(output), verdict, files, run_id)
    return committed.artifacts["stats.binpb"].path.split("/")[1]


HERE = published_runs.identity(contract())


def names(earlier_runs: PreviousRuns) -> tuple[str | None, list[str]]:
    return earlier_runs.previous.name if earlier_runs.previous else None, [
        run.name for run in earlier_runs.comparable_runs
    ]
