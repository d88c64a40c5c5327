"""Windows of requests as a backtest's job leaves them, and what compares them; no job runs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from support import logs
from trueserve.pipelines.flags.backtest import BacktestOptions
from trueserve.pipelines.plan import ComparisonPlan
from trueserve.transforms.branches.reading import ReadSummary
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.publish.assemble import RunSettings
from trueserve.transforms.reference.training_side import TrainingSide
from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy

START = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SCHEMA = 'feature { name: "carrier" type: BYTES } feature { name: "stops" type: INT }'
#: In training as many rows are of the carrier AA as of UA.
NUM_TRAINING = 1000


def days(*numbers: int) -> list[Window]:
    """Days from START on, each as a window."""
    return [Window(START + DAY * number, START + DAY * (number + 1)) for number in numbers]


def schema(text: str = SCHEMA) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def statistics(rows: int, num_aa: int) -> Statistics:
    """Of so many rows, of which the first are of the carrier AA."""
    columns = {
        "carrier": pa.array(
            [[b"AA" if row < num_aa else b"UA"] for row in range(rows)], pa.large_list(pa.large_binary())
        ),
        "stops": pa.array([[row % 5] for row in range(rows)], pa.large_list(pa.int64())),
    }
    summary = DatasetSummary(uses_of(schema()))
    summary.add(pa.RecordBatch.from_pydict(columns), Scratch())
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])


def reference(space: Space = Space.RAW, schema_text: str = SCHEMA) -> Reference:
    return Reference(schema(schema_text), statistics(NUM_TRAINING, NUM_TRAINING // 2), space)


def options(**changes: Any) -> BacktestOptions:
    """A backtest of four days, a window each."""
    values: dict[str, Any] = {
        "baseline": "baseline",
        "logs": "logs/*",
        "start": START,
        "end": START + 4 * DAY,
        "every": DAY,
    }
    return BacktestOptions(**values | changes)


def plan(*references: Reference, policy: Policy | None = None) -> ComparisonPlan:
    """What compares windows with these references."""
    return ComparisonPlan(
        options=options().as_validate(),
        source=TrainingSide("baseline", None, None, None, ("raw",)),
        references={each.space: each for each in references or (reference(),)},
        request_schema=schema(),
        transform_output=None,
        run_settings=RunSettings(Window(START, START + 4 * DAY), policy or Policy()),
        run_id="r",
    )


def write_window(temp: Path, number: int, rows: int, num_aa: int, space: Space = Space.RAW) -> None:
    """A window's file, as the job writes it."""
    data = rows.to_bytes(8, "little") + statistics(rows, num_aa).SerializeToString()
    (temp / f"{space.value}-{number}").write_bytes(data)


def read(rows: int, **counts: Any) -> ReadSummary:
    """Of a log with so many rows, each a record."""
    counters = {name: Counter(counts.pop(name)) for name in ("rejected", "excluded") if name in counts}
    return ReadSummary(
        Accounting(**{"read": rows, "decoded": rows, "rows": rows} | counts | counters), (), ()
    )


def write_log(file: Path, day: int, rows: int, num_aa: int, version: int = 1) -> None:
    """PredictionLogs of `statistics(rows, num_aa)`, spread over a day, ten rows a request.

    Carriers are mixed in each request: rows of one are not alike.
    """
    examples = [logs.example(carrier=[_carrier(row, rows, num_aa)], stops=[row % 5]) for row in range(rows)]
    start, records = int((START + day * DAY).timestamp()), []
    for first in range(0, rows, 10):
        at = start + 86_399 * first // rows
        records.append(logs.examples_log(examples[first : first + 10], at, version))
    file.parent.mkdir(exist_ok=True)
    logs.write_records(file, records)


def _carrier(row: int, rows: int, num_aa: int) -> bytes:
    """AA in `num_aa` of the rows, evenly spread."""
    return b"AA" if (row + 1) * num_aa // rows > row * num_aa // rows else b"UA"
