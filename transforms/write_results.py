"""Writes the small files by which a job hands its results to the launcher; it publishes nothing.

They are JSON, protocol buffers and Arrow: who can write into that folder can spoil a run, and run nothing.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import io
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from transforms.branches.partial import Kind
from transforms.branches.reading import READING, Reading, ReadSummary
from transforms.core import representative_rows
from transforms.core.accounting import Accounting
from transforms.core.arrow import open_stream, pa
from transforms.core.batches import Batch, Fault, Reject
from transforms.core.errors import InputError
from transforms.files import paths
from transforms.merge_results import MergeResults
from transforms.read import ReadResult

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
class WriteSampleOfRows(beam.PTransform):
    """Writes `rows` rows of the features of its `Batch`es to `path`, as an Arrow stream.

    The rows are those with the smallest hash of their place (file and record), so that the same input
    gives the same sample, however a runner cuts and orders it. They stand in the order of that hash.

    Attributes:
      cover: features of which more rows are kept, see `transforms.core.representative_rows`.
    """

    path: str
    rows: int
    cover: tuple[str, ...] = ()

    def expand(self, batches: beam.PCollection[Batch]) -> Any:
        return (
            batches
            | "SampleRows" >> beam.CombineGlobally(_SampleRows(self.rows, self.cover))
            | "Write" >> beam.Map(_write_rows, self.path)
        )


def read_summary(path: str) -> ReadSummary:
    """What `WriteReadSummary` wrote, or `WriteWindows` in its folder under the name `READING`.

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


def read_rows(path: str) -> pa.RecordBatch | None:
    """What `WriteSampleOfRows` wrote; None if there was no row."""
    data = paths.read_bytes(path)
    return _from_stream(data) if data else None


class _Sample(NamedTuple):
    """Rows and the hashes that chose them, in ascending order of hash; an Arrow stream, cheap to pickle."""

    hashes: np.ndarray[Any, np.dtype[np.uint64]]
    rows: bytes


class _SampleRows(beam.CombineFn):
    def __init__(self, rows: int, cover: tuple[str, ...]) -> None:
        super().__init__()
        self._rows = rows
        self._cover = cover[: representative_rows.MAX_FEATURES]

    def create_accumulator(self) -> list[_Sample]:
        return []

    def add_input(self, samples: list[_Sample], batch: Batch) -> list[_Sample]:
        hashes = row_hashes(batch.metadata)
        order = np.argsort(hashes, kind="stable")
        wanted = order[: self._rows]
        if samples and len(samples[0].hashes) >= self._rows:
            wanted = wanted[hashes[wanted] < samples[0].hashes[self._rows - 1]]
        table = pa.Table.from_batches([batch.features])
        chosen = np.union1d(np.arange(len(wanted)), self._covering(table, order))
        if not len(chosen):
            return samples
        chosen = order[chosen]
        samples = [*samples, _Sample(hashes[chosen], _to_stream(table.take(pa.array(chosen))))]
        return samples if len(samples) < _UNMERGED else self.merge_accumulators([samples])

    def merge_accumulators(self, accumulators: Iterable[list[_Sample]]) -> list[_Sample]:
        samples = [sample for accumulator in accumulators for sample in accumulator]
        return samples if len(samples) < 2 else [self._merged(samples)]

    def compact(self, samples: list[_Sample]) -> list[_Sample]:
        return self.merge_accumulators([samples])

    def extract_output(self, samples: list[_Sample]) -> bytes:
        return self.compact(samples)[0].rows if samples else b""

    def _merged(self, samples: list[_Sample]) -> _Sample:
        hashes = np.concatenate([sample.hashes for sample in samples])
        order = np.argsort(hashes, kind="stable")
        joined = pa.concat_tables(_aligned([pa.Table.from_batches([_from_stream(s.rows)]) for s in samples]))
        chosen = np.union1d(np.arange(min(self._rows, len(order))), self._covering(joined, order))
        chosen = order[chosen]
        return _Sample(hashes[chosen], _to_stream(joined.take(pa.array(chosen))))

    def _covering(self, table: pa.Table, order: Any) -> Any:
        """Places in `order`, which sorts the rows by hash, of the rows that cover."""
        columns = [name for name in self._cover if name in table.column_names]
        in_order = table.select(columns).take(pa.array(order)) if columns else table
        return representative_rows.covering(
            in_order, columns, representative_rows.words_each(len(self._cover))
        )


def row_hashes(metadata: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A uint64 a row: a mix of the file's name and the record's number, the same in every run."""
    files = metadata.column(metadata.schema.get_field_index("file")).dictionary_encode()
    seeds = np.array([_hash_of(name.as_py()) for name in files.dictionary], dtype=np.uint64)
    records = metadata.column(metadata.schema.get_field_index("record")).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        mixed = (records.astype(np.uint64) + np.uint64(1)) * _SEED ^ seeds[files.indices.to_numpy()]
        # The finaliser of splitmix64: nearby records get unrelated hashes.
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray[Any, np.dtype[np.uint64]] = mixed ^ (mixed >> np.uint64(31))
    return result


def _hash_of(name: str) -> int:
    import hashlib

    # Only the last part: a folder that has moved holds the same data.
    tail = name.rstrip("/").rpartition("/")[2]
    return int.from_bytes(hashlib.sha256(tail.encode()).digest()[:8], "big")


def _aligned(tables: list[pa.Table]) -> list[pa.Table]:
    """The same columns in every table: a batch may lack a feature that none of its rows has."""
    types = {field.name: field.type for table in tables for field in table.schema}
    return [
        pa.table({name: _column(table, name, kind) for name, kind in sorted(types.items())})
        for table in tables
    ]


def _column(table: pa.Table, name: str, kind: pa.DataType) -> Any:
    return table[name] if name in table.column_names else pa.nulls(table.num_rows, kind)


def _to_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        # One batch: chunks would come back as many.
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def _from_stream(data: bytes) -> pa.RecordBatch:
    table = open_stream(data).read_all().combine_chunks()
    return table.to_batches()[0]


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


def _write_rows(rows: bytes, path: str) -> None:
    paths.write_atomically(path, rows)
