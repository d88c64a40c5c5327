"""Coders: what is encoded comes back, and sizes are told without encoding."""

from __future__ import annotations

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from transforms import coders
from transforms.core.batches import Batch
from transforms.logs.rows.rows import metadata_of
from transforms.summaries.folding import fold
from transforms.summaries.protos import SIZES
from transforms.summaries.quantiles import Scratch
from transforms.summaries.sliced import SlicedSummary
from transforms.summaries.weighted import WeightedSummary

ROWS = pa.RecordBatch.from_pydict(
    {
        "number": pa.array([[float(i)] if i % 3 else None for i in range(1000)], pa.large_list(pa.float32())),
        "word": pa.array([[b"w%d" % i] * (i % 4) for i in range(1000)], pa.large_list(pa.large_binary())),
    }
)
BATCH = Batch(ROWS, metadata_of(1000, "a.tfrecord", record=pa.array(range(1000), pa.int64())))


MARKS = [pa.array(["version=1", "version=2"] * 500).dictionary_encode()]


def summary() -> WeightedSummary:
    result = WeightedSummary()
    result.add(ROWS, np.where(np.arange(1000) % 2, 1.0, 0.5), Scratch())
    return result


def sliced() -> SlicedSummary:
    result = SlicedSummary()
    result.add(ROWS, None, MARKS, Scratch())
    return result


@pytest.mark.parametrize(("value", "kind"), [(ROWS, pa.RecordBatch), (BATCH, Batch)])
def test_batches_come_back_as_they_were(value: pa.RecordBatch | Batch, kind: type) -> None:
    coder = beam.coders.registry.get_coder(kind)
    assert coder.decode(coder.encode(value)) == value


def test_a_summary_comes_back_as_it_was() -> None:
    coder = coders.SummaryCoder()
    again = coder.decode(coder.encode(summary()))
    assert isinstance(again, WeightedSummary)
    assert fold(again, SIZES) == fold(summary(), SIZES)


def test_a_summary_of_slices_comes_back_as_it_was() -> None:
    coder = coders.SummaryCoder()
    again = coder.decode(coder.encode(sliced()))
    assert isinstance(again, SlicedSummary)
    largest = [(name, fold(part, SIZES)) for name, part in again.largest(1, 5)]
    assert largest == [(name, fold(part, SIZES)) for name, part in sliced().largest(1, 5)]
    assert [name for name, _ in largest] == ["version=1", "version=2"]


def test_a_slice_is_encoded_without_its_parent() -> None:
    coder = coders.RecordBatchCoder()
    assert len(coder.encode(ROWS.slice(10, 5))) < len(coder.encode(ROWS)) / 4
    assert coder.decode(coder.encode(ROWS.slice(10, 5))) == ROWS.slice(10, 5)


@pytest.mark.parametrize(
    ("coder", "value"),
    [(coders.RecordBatchCoder(), ROWS), (coders.BatchCoder(), BATCH), (coders.SummaryCoder(), summary())],
    ids=["rows", "batch", "summary"],
)
def test_sizes_are_told_without_encoding(
    coder: beam.coders.Coder, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = len(coder.encode(value))
    monkeypatch.setattr(type(coder), "encode", None)
    assert encoded / 4 < coder.estimate_size(value) < encoded * 4


@pytest.mark.parametrize("kind", [pa.RecordBatch, Batch, WeightedSummary, SlicedSummary])
def test_beam_knows_the_coders(kind: type) -> None:
    assert type(beam.coders.registry.get_coder(kind)).__module__ == "transforms.coders"
