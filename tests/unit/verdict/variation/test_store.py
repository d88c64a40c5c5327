"""Counts of days and hours are written and read back, or refused in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.variation import counted, rows

from trueserve.transforms.verdict.variation import store
from trueserve.transforms.verdict.variation.bins import Bins
from trueserve.transforms.verdict.variation.period_counts import Layout, UnitCounts


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


def test_values_that_only_one_period_has_are_its_new_ones() -> None:
    known = Bins("category", values=("a",), lengths=np.array([1.0]), known={"a": 5.0, "b": 2.0, "c": 3.0})
    counts = UnitCounts("day", Layout.of({"word": known}))
    counts.first["word"], counts.last["word"] = np.array([0, 1, 1]), np.array([2, 1, 1])
    new = store._new(counts, "word", known, np.array([0, 1, 2]))
    assert new is not None
    assert new.tolist() == [0, 5, 0]


def test_what_new_values_are_is_not_known_of_a_feature_without_kept_values_or_without_rows() -> None:
    cells = Bins("category", values=("a",), lengths=np.array([1.0]))
    counts = UnitCounts("day", Layout.of({"word": cells}))
    assert store._new(counts, "word", cells, np.array([0])) is None
    known = Bins("category", values=("a",), lengths=np.array([1.0]), known={"a": 1.0})
    assert store._new(UnitCounts("day", Layout.of({"word": known})), "other", known, np.array([0])) is None
