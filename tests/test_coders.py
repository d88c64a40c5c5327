"""Coders: what is encoded comes back, and sizes are told without encoding."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pytest

from transforms import coders
from transforms.logs.rows import metadata_of
from transforms.records import Batch
from transforms.statistics import SIZES
from transforms.summaries.dataset import DatasetSummary
from transforms.summaries.protos import dataset_statistics
from transforms.summaries.quantiles import Scratch

ROWS = pa.RecordBatch.from_pydict(
    {
        "number": pa.array([[float(i)] if i % 3 else None for i in range(1000)], pa.large_list(pa.float32())),
        "word": pa.array([[b"w%d" % i] * (i % 4) for i in range(1000)], pa.large_list(pa.large_binary())),
    }
)
BATCH = Batch(ROWS, metadata_of(1000, "a.tfrecord", record=pa.array(range(1000), pa.int64())))


def summary() -> DatasetSummary:
    whole = DatasetSummary()
    whole.add(ROWS, Scratch())
    return whole


@pytest.mark.parametrize(("value", "kind"), [(ROWS, pa.RecordBatch), (BATCH, Batch)])
def test_batches_come_back_as_they_were(value: pa.RecordBatch | Batch, kind: type) -> None:
    coder = beam.coders.registry.get_coder(kind)
    assert coder.decode(coder.encode(value)) == value


def test_a_summary_comes_back_as_it_was() -> None:
    coder = coders.SummaryCoder()
    again = coder.decode(coder.encode(summary()))
    assert dataset_statistics(again, SIZES) == dataset_statistics(summary(), SIZES)


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


@pytest.mark.parametrize("kind", [pa.RecordBatch, Batch, DatasetSummary])
def test_beam_knows_the_coders(kind: type) -> None:
    assert type(beam.coders.registry.get_coder(kind)).__module__ == "transforms.coders"
