"""Counts of days and hours are written and read back, or refused in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.variation import counted, rows

from transforms.verdict.variation import store


def test_what_is_written_is_read_and_the_same_bytes_come_of_the_same_counts() -> None:
    batch, time = rows(8, 7)
    variation = store.of_counts(counted(batch, time))
    data = store.to_bytes({"raw": variation})
    assert data == store.to_bytes({"raw": store.of_counts(counted(batch, time))})
    back = store.from_bytes(data)["raw"]
    for unit, features in variation.items():
        for name, written in features.items():
            read_back = back[unit][name]
            assert read_back.cells.values == written.cells.values
            for field in ("periods", "rows", "present", "counts", "length_counts"):
                np.testing.assert_array_equal(getattr(read_back, field), getattr(written, field))
            np.testing.assert_allclose(read_back.power_sums, written.power_sums, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\xff\xff\xff\xff\x10\x00\x00\x00" + b"\x00" * 40])
def test_what_is_no_variation_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(ValueError, match="Arrow"):
        store.from_bytes(data)


def test_another_table_is_refused() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())])) as writer:
        writer.write_batch(pa.RecordBatch.from_pydict({"a": [1]}))
    with pytest.raises(ValueError, match="columns"):
        store.from_bytes(sink.getvalue().to_pybytes())
