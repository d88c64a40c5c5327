"""The statistics of a window know how much the rows of its requests are alike."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any

import pyarrow as pa
from support.ranking import OF_USER, Traffic, traffic

from benchmarks import in_memory
from trueserve.transforms.branches.windows import Windows
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch
from trueserve.transforms.core.custom_stats import DESIGN_EFFECT

START, DAY = dt.datetime(2026, 5, 1, tzinfo=dt.UTC), dt.timedelta(days=1)


def of_day(rows: Traffic, day: int) -> Batch:
    columns = {field.name: pa.nulls(len(rows.request), field.type) for field in METADATA_SCHEMA}
    columns |= {"file": pa.array([f"day-{day}"] * len(rows.request)), "record": pa.array(rows.request)}
    columns["time"] = pa.array([START + day * DAY] * len(rows.request), METADATA_SCHEMA.field("time").type)
    metadata = pa.RecordBatch.from_arrays([*columns.values()], schema=METADATA_SCHEMA)
    return Batch(in_memory.batch(rows.columns), metadata)


def grouped(partial: Any) -> set[str]:
    [dataset] = partial.result().statistics.datasets
    return {
        feature.path.step[0]
        for feature in dataset.features
        if any(statistic.name == DESIGN_EFFECT for statistic in feature.custom_stats)
    }


def test_each_window_has_the_design_effects_of_its_own_rows() -> None:
    branch = Windows("raw", None, START, DAY)
    branch.start()
    together = traffic(1, 200)
    alone = traffic(2, 2000, each=1)
    for day, rows in enumerate((together, alone)):
        branch.add(of_day(rows, day))
    partials = dict(branch.result())
    effects = {number: grouped(partial) for (_, number), partial in partials.items()}
    assert effects == {0: {*OF_USER}, 1: set()}


def test_parts_of_a_window_merge() -> None:
    rows = traffic(3, 200)
    halves = []
    for first in (True, False):
        branch = Windows("raw", None, START, DAY)
        branch.start()
        part = (rows.request < 100) == first
        columns = {name: values[part] for name, values in rows.columns.items()}
        branch.add(of_day(Traffic(columns, rows.request[part]), 0))
        [(_, partial)] = branch.result()
        halves.append(pickle.loads(pickle.dumps(partial)))
    halves[0].merge(halves[1])
    assert grouped(halves[0]) == {*OF_USER}
    assert halves[0].num_bytes > 0
