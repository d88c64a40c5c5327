"""Real days: each day of the flights' training months against a baseline of the other days, with its time.

The transform graph is that of all days, as a day more or less changes none of its means; statistics and
what is known of days are those of the other days alone.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import multiprocessing
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import in_memory
from examples.flights import data
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.reference import training_side
from trueserve.transforms.verdict.compare import Policy, compare
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.variation.store import Variation

Array = np.ndarray[Any, Any]

_HERE = Path(__file__).resolve().parent
_PREPROCESSING = _HERE.parent / "examples" / "flights" / "preprocessing.py"
#: A last day in UTC that has the end of an evening in New York alone is not one.
LEAST_ROWS = 200
_DAY = np.timedelta64(1, "D")


class Day(NamedTuple):
    """One day: its date, its flights, and what was an error, in words."""

    date: str
    rows: int
    errors: tuple[str, ...]


def judged() -> list[Day]:
    """Each day, on two processes."""
    with tempfile.TemporaryDirectory(prefix="trueserve-days-") as folder:
        prepare(Path(folder))
        context = multiprocessing.get_context("spawn")
        with context.Pool(2) as pool:
            days = pool.map(functools.partial(judge, folder), dates(Path(folder)), chunksize=5)
    return [day for day in days if day is not None]


def prepare(folder: Path) -> None:
    """A baseline of January to June, made by the real command of examples that have their time."""
    flights = data.read_flights()
    spring = flights.filter(pa.array(flights["month"].to_numpy() <= 6)).drop(["month"])
    time = pc.cast(pc.cast(spring[data.TIME], pa.timestamp("s")), pa.int64())
    spring = spring.set_column(spring.column_names.index(data.TIME), data.TIME, time)
    (folder / "examples").mkdir()
    for part in range(4):
        pq.write_table(spring.take(np.arange(part, spring.num_rows, 4)), folder / f"examples/{part}.parquet")
    script = Path(sys.executable).with_name("trueserve")
    flags = [
        f"--examples={folder}/examples/*.parquet",
        f"--preprocessing={_PREPROCESSING}",
        f"--label={data.LABEL}",
        f"--time_feature={data.TIME}",
        f"--baseline={folder}/baseline",
    ]
    subprocess.run([script, "prepare", *flags], check=True, capture_output=True)


def dates(folder: Path) -> list[int]:
    """The days that a prepared folder has flights of, in days since 1970."""
    return sorted(set(_times(folder).tolist()))


def _times(folder: Path) -> Array:
    """The day (UTC, since 1970) of each row."""
    days: Array = pq.read_table(folder / "examples", columns=[data.TIME])[data.TIME].to_numpy() // 86_400
    return days


@dataclasses.dataclass(frozen=True)
class _World:
    """The baseline of all days, and all rows in both spaces."""

    references: Mapping[Space, Reference]
    tables: Mapping[Space, pa.Table]
    days: Array

    def without(self, day: int) -> Iterator[tuple[Reference, Any]]:
        """For each space the reference of the other days, and the statistics of this one."""
        mine = self.days == day
        for space, reference in self.references.items():
            others, own = (self._statistics(space, mask) for mask in (~mine, mine))
            assert reference.variation is not None
            kept = _without(reference.variation, day)
            yield dataclasses.replace(reference, statistics=others, variation=kept), own

    def _statistics(self, space: Space, mask: Array) -> Any:
        rows = self.tables[space].filter(pa.array(mask)).combine_chunks().to_batches()[0]
        return in_memory.statistics(rows, self.references[space])


@functools.cache
def _world(folder: str) -> _World:
    baseline = load_baseline(f"{folder}/baseline")
    both = training_side.of_baseline(baseline, ("raw", "transformed"))
    references = {reference.space: reference for reference in both}
    table = pq.read_table(Path(folder, "examples"))
    columns = {name: table[name].to_pandas().to_numpy() for name in data.FEATURES}
    raw, _ = in_memory.read(columns, references[Space.RAW])
    graph = TransformGraph(baseline.transform_output)
    parts = [graph.transform_rows(raw.slice(first, 20_000))[0] for first in range(0, raw.num_rows, 20_000)]
    tables = {Space.RAW: pa.Table.from_batches([raw]), Space.TRANSFORMED: pa.Table.from_batches(parts)}
    return _World(references, tables, _times(Path(folder)))


def _without(variation: Variation, day: int) -> Variation:
    hours = {"day": 1, "hour": 24}
    return {
        unit: {name: counts.kept(counts.periods // hours[unit] != day) for name, counts in features.items()}
        for unit, features in variation.items()
    }


def judge(folder: str, day: int) -> Day | None:
    """A day against the others of a prepared folder; None for a day of which there is but a part."""
    world = _world(folder)
    rows = int(np.count_nonzero(world.days == day))
    if rows < LEAST_ROWS:
        return None
    errors: list[str] = []
    for reference, own in world.without(day):
        start = dt.datetime.fromtimestamp(86_400 * day, dt.UTC)
        findings = compare(reference, own, Policy(), Counter(), dt.timedelta(days=1), start=start).findings
        errors += [
            f"{finding.feature}: {finding.message}"
            for finding in findings
            if finding.severity is Severity.ERROR
        ]
    return Day(str(np.datetime64(day, "D")), rows, tuple(errors))


def table(days: Sequence[Day]) -> str:
    """The days with an error, as Markdown."""
    rows = [f"| {day.date} | {day.rows:,} | {'<br>'.join(day.errors)} |" for day in days if day.errors]
    head = "| day | flights | errors |\n| --- | --- | --- |"
    return "\n".join([head, *rows]) if rows else "None of the days has an error."
