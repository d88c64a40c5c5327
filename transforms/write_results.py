"""Writes the small files by which a job hands its results to the launcher; it publishes nothing.

They are JSON, protocol buffers and Arrow: who can write into that folder can spoil a run, and run nothing.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections import Counter
from typing import Any

import apache_beam as beam
import numpy as np

from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.reading import READING, Reading, ReadSummary
from trueserve.transforms.branches.samples import sample
from trueserve.transforms.branches.samples.design_effect import DesignEffect
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.logs.repeated_rows import RowRepeats
from trueserve.transforms.merge_results import MergeResults
from trueserve.transforms.read import ReadResult

KEPT = 20
# So many samples wait before they are made one: merging sorts all that is in them.
_UNMERGED = 8
# What stands before the statistics of a window: its rows.
_ROWS_BYTES = 8
_TIMES = ("first_time", "last_time")
_SEED = np.uint64(0x9E3779B97F4A7C15)


@dataclasses.dataclass(eq=False)
class WriteReadSummary(beam.PTransform):
    """Writes a `ReadSummary` to `path`, one object write. Takes a `ReadResult`."""

    path: str

    def expand(self, read: ReadResult) -> Any:
        return (
            [read.accounting, read.rejects, read.faults]
            | "JoinReading" >> beam.Flatten()
            | "SumReading" >> beam.CombineGlobally(_SumReading())
            | "Write" >> beam.Map(_write_reading, self.path)
        )


@dataclasses.dataclass(eq=False)
class WriteMessage(beam.PTransform):
    """Writes the one protocol buffer message of its input to `path`."""

    path: str

    def expand(self, messages: beam.PCollection[Any]) -> Any:
        return messages | "Write" >> beam.Map(_write_message, self.path)


@dataclasses.dataclass(eq=False)
class WriteWindows(beam.PTransform):
    """Writes the results of `branches.windows` and of reading, as `MergeByKind` gives them, to `folder`."""

    folder: str

    def expand(self, results: beam.PCollection[Any]) -> Any:
        return results | "Write" >> beam.Map(_write_result, self.folder)


@dataclasses.dataclass(eq=False)
class WritePrepared(beam.PTransform):
    """Writes what `prepare` finds out in a read, as `MergeByKind` gives it: reading, statistics, samples.

    Each has a file with the name `target`, a dash, and the name of its kind.
    """

    target: str

    def expand(self, results: beam.PCollection[tuple[Kind, Any]]) -> Any:
        return results | "Write" >> beam.Map(_write_prepared, self.target)


def read_summary(path: str) -> ReadSummary:
    """What `WriteReadSummary`, `WritePrepared` or `WriteWindows` wrote of reading.

    Raises:
      InputError: there is no such file, or something else in it.
    """
    try:
        return _from_json(json.loads(paths.read_bytes(path)))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not what the job wrote there: {error}; run it again") from error


def read_window(folder: str, space: str, number: int) -> tuple[int, bytes] | None:
    """What `WriteWindows` wrote of one window: its rows and its statistics; None if it has no rows."""
    path = _window_file(folder, (space, number))
    if not paths.exists(path):
        return None
    data = paths.read_bytes(path)
    return int.from_bytes(data[:_ROWS_BYTES], "little"), data[_ROWS_BYTES:]


def read_effects(path: str) -> dict[str, DesignEffect]:
    """What `WritePrepared` wrote of `branches.samples.requests`."""
    return {name: DesignEffect(*effect) for name, effect in json.loads(paths.read_bytes(path)).items()}


def read_repeats(path: str) -> RowRepeats:
    """What `WritePrepared` wrote of `branches.samples.repeats`."""
    return RowRepeats.from_json(json.loads(paths.read_bytes(path)))


def read_rows(path: str) -> pa.RecordBatch | None:
    """What `WritePrepared` wrote of `branches.sample`; None if there was no row."""
    return sample.read(paths.read_bytes(path))


class _SumReading(MergeResults):
    """Accountings, rejects and faults to a `ReadSummary`."""

    def create_accumulator(self) -> Reading:
        return Reading()

    def add_input(self, total: Reading, element: Accounting | Reject | Fault) -> Reading:
        total.add(element)
        return total


def _write_reading(reading: ReadSummary, path: str) -> None:
    first = ReadSummary(reading.accounting, reading.faults[:KEPT], reading.rejects[:KEPT])
    paths.write_atomically(path, json.dumps(_to_json(first)).encode())


def _to_json(reading: ReadSummary) -> dict[str, Any]:
    # Not asdict, which makes of a Counter one that counts its pairs.
    counts = {f.name: getattr(reading.accounting, f.name) for f in dataclasses.fields(Accounting)}
    # JSON's keys are text alone.
    counts["forms"] = [[*key, rows] for key, rows in reading.accounting.forms.items()]
    counts |= {name: counts[name] and counts[name].isoformat() for name in _TIMES}
    del counts["by_file"]  # the first troubles name their files
    rejects = [dataclasses.asdict(reject) for reject in reading.rejects]
    for reject in rejects:
        if reject["payload"] is not None:
            reject["payload"] = base64.b64encode(reject["payload"]).decode()
    faults = [dataclasses.asdict(fault) for fault in reading.faults]
    return {"accounting": counts, "faults": faults, "rejects": rejects}


def _from_json(values: dict[str, Any]) -> ReadSummary:
    counts = dict(values["accounting"])
    counts["rejected"], counts["excluded"] = Counter(counts["rejected"]), Counter(counts["excluded"])
    counts |= {name: counts[name] and dt.datetime.fromisoformat(counts[name]) for name in _TIMES}
    counts["forms"] = Counter({(feature, form): rows for feature, form, rows in counts["forms"]})
    return ReadSummary(
        Accounting(**counts),
        tuple(Fault(**fault) for fault in values["faults"]),
        tuple(_reject(**reject) for reject in values["rejects"]),
    )


def _reject(*, payload: str | None, **more: Any) -> Reject:
    return Reject(**more, payload=None if payload is None else base64.b64decode(payload))


def _write_message(message: Any, path: str) -> None:
    paths.write_atomically(path, message.SerializeToString(deterministic=True))


def _write_prepared(element: tuple[Kind, Any], target: str) -> None:
    kind, result = element
    path = f"{target}-{kind[0]}"
    if kind == READING:
        _write_reading(result, path)
    elif isinstance(result, bytes):
        paths.write_atomically(path, result)
    elif isinstance(result, dict):
        paths.write_atomically(path, json.dumps(result).encode())
    elif isinstance(result, RowRepeats):
        paths.write_atomically(path, json.dumps(result.to_json()).encode())
    else:
        _write_message(result, path)


def _write_result(element: tuple[Kind, Any], folder: str) -> None:
    kind, result = element
    if kind == READING:
        _write_reading(result, paths.join(folder, READING[0]))
        return
    message = result.statistics.SerializeToString(deterministic=True)
    rows: int = result.rows
    paths.write_atomically(_window_file(folder, kind), rows.to_bytes(_ROWS_BYTES, "little") + message)


def _window_file(folder: str, kind: Kind) -> str:
    space, number = kind
    return paths.join(folder, f"{space}-{number}")
