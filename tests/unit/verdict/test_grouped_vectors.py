"""Vectors of rows that belong together: clean requests are no skew, whichever positions the rows share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support import vectors

from benchmarks import detection_vectors, in_memory
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.requests import RequestsPartial
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch
from trueserve.transforms.verdict.feature_stats import Statistics

Array = np.ndarray[Any, Any]
REQUESTS, EACH, LENGTH = 200, 20, 16


def rows_of(random: np.random.Generator, shared: str, requests: int, each: int = EACH) -> Array:
    """Vectors of candidates: all positions, three of them, or what is not 0 is the user's."""
    users = np.repeat(random.normal(size=(requests, LENGTH)), each, axis=0)
    if shared == "one-hot":
        return np.asarray(np.eye(LENGTH, dtype=np.float32)[np.abs(users).argmax(1)])
    own = random.normal(size=users.shape)
    is_shared = np.arange(LENGTH) < (LENGTH if shared == "all" else 3)
    return np.asarray(np.where(is_shared, users, own), np.float32)


def statistics_of(rows: Array, each: int = EACH) -> Statistics:
    """As `validate` has them, with the design effects of requests of so many rows."""
    columns = {field.name: pa.nulls(len(rows), field.type) for field in METADATA_SCHEMA}
    record = np.repeat(np.arange(len(rows) // each), each)
    columns |= {"file": pa.array(["log"] * len(rows)), "record": pa.array(record, pa.int64())}
    metadata = pa.RecordBatch.from_arrays([*columns.values()], schema=METADATA_SCHEMA)
    requests = RequestsPartial()
    requests.add(
        Batch(in_memory.batch({detection_vectors.FEATURE: detection_vectors.column(rows)}), metadata)
    )
    result = vectors.statistics(rows)
    design_effect.note(result, requests.result())
    return result


@pytest.mark.parametrize("shared", ["all", "three", "one-hot"])
def test_clean_requests_are_no_skew_and_another_encoder_is(shared: str) -> None:
    random = np.random.default_rng(8)
    reference = detection_vectors.baseline(rows_of(random, shared, 10_000, 1))
    for _ in range(20):
        rows = rows_of(random, shared, REQUESTS)
        assert vectors.errors_of(reference, statistics_of(rows)) == []
    rows[:, :8] = 0
    assert vectors.errors_of(reference, statistics_of(rows))


def test_as_independent_rows_clean_requests_would_be_skew() -> None:
    random = np.random.default_rng(8)
    reference = detection_vectors.baseline(rows_of(random, "three", 10_000, 1))
    clean = [vectors.errors(reference, rows_of(random, "three", REQUESTS)) for _ in range(5)]
    assert any(clean)
