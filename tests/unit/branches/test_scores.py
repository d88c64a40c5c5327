"""The scores of a window, batch by batch and range by range, are those of all its rows in memory."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trueserve.transforms.branches.predictions import ScorePartial
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch
from trueserve.transforms.performance import calibration_json, record
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.predictions.logged import logged_columns
from trueserve.transforms.predictions.outputs import Output, OutputType, rounded


def _batch(values: Any, output: Output) -> Batch:
    """Logged answers, of which the first of each batch is none."""
    answers = [None, *({output.name: row} for row in values.tolist())]
    columns = {
        field.name: pa.nulls(len(answers), field.type)
        for field in METADATA_SCHEMA
        if field.name != "response"
    }
    columns["response"] = pa.array([a and json.dumps(a) for a in answers], pa.large_string())
    metadata = pa.RecordBatch.from_pydict(columns, schema=METADATA_SCHEMA)
    return Batch(logged_columns(metadata, [output])[0], metadata)


@pytest.mark.parametrize("width", [1, 3])
def test_scores_of_batches_and_ranges_add_up(width: int) -> None:
    random = np.random.default_rng(width)
    values = rounded(random.dirichlet(np.ones(max(width, 2)), 900)[:, :width])
    labels = random.integers(0, max(width, 2), 900).astype(float).tolist()
    recorded: PerformanceRecord = record.record("p", "label", values, labels, None)
    output = Output("p", OutputType.FLOAT, width)
    served = record.scores_of(recorded, values[:400].astype(np.float64))

    partials = [ScorePartial(recorded), ScorePartial(recorded)]
    for number, part in enumerate((values[:150], values[150:300], values[300:400])):
        partials[number % 2].add(_batch(part, output))
    partials[0].merge(partials[1])

    expected, result = (calibration_json.lists_of(bins) for bins in (served, partials[0].result()))
    assert result["rows"] == expected["rows"]
    for in_memory, other in zip(_parts(expected), _parts(result), strict=True):
        assert other["log"] == pytest.approx(in_memory["log"], rel=1e-6)
        assert other["score"] == pytest.approx(in_memory["score"], rel=1e-6)
    assert len(result.get("classes", ())) == (width if width > 1 else 0)


def _parts(lists: dict[str, Any]) -> list[dict[str, Any]]:
    return [lists, *lists.get("classes", ())]
