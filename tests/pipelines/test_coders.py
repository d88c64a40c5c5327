"""Coders: what is encoded comes back, and sizes are told without encoding."""

from __future__ import annotations

import datetime as dt

import apache_beam as beam
import pyarrow as pa
import pytest

from trueserve.transforms import coders
from trueserve.transforms.branches.branch import examine
from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.branches.reading import KEPT, Reading
from trueserve.transforms.branches.slices import slices
from trueserve.transforms.branches.statistics import statistics
from trueserve.transforms.branches.versions import versions
from trueserve.transforms.branches.windows import Windows
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Batch, Decoded, Fault, Reject
from trueserve.transforms.joining.piece import Piece
from trueserve.transforms.logs.rows.rows import metadata_of

ROWS = pa.RecordBatch.from_pydict(
    {
        "number": pa.array([[float(i)] if i % 3 else None for i in range(1000)], pa.large_list(pa.float32())),
        "word": pa.array([[b"w%d" % i] * (i % 4) for i in range(1000)], pa.large_list(pa.large_binary())),
    }
)
BATCH = Batch(ROWS, metadata_of(1000, "a.tfrecord", record=pa.array(range(1000), pa.int64())))


RATES = pa.array([0.5, 1.0] * 500)


def partial_results() -> dict[Kind, Partial]:
    """A partial result of every kind, of a range of one batch."""
    metadata = metadata_of(
        1000,
        "a.tfrecord",
        record=pa.array(range(1000), pa.int64()),
        version=pa.array(["1", "2"] * 500),
        sampling_rate=RATES,
        time=pa.array([0, 7_200_000_000] * 500, pa.timestamp("us", tz="UTC")),
    )
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    of_space = [statistics("raw", None), slices("raw", None, 1)]
    windows = Windows("transformed", None, start, dt.timedelta(hours=1))
    branches = [Marked([("version",)], of_space), windows, versions()]
    reject = Reject("a.tfrecord", 1000, "not_a_tf_example", "no tf.Example", b"x")
    decoded = Decoded(Batch(ROWS, metadata), (reject,), Accounting(read=1001, decoded=1000, rows=1000))
    return dict(examine([decoded, Fault("b.tfrecord", "truncated", "the file ends")], branches))


@pytest.mark.parametrize("kind", [pa.RecordBatch, Batch, Piece, Partial])
def test_none_of_them_may_be_a_key(kind: type) -> None:
    coder = beam.coders.registry.get_coder(kind)
    assert not coder.is_deterministic()
    assert coder.to_type_hint() is kind


@pytest.mark.parametrize(("value", "kind"), [(ROWS, pa.RecordBatch), (BATCH, Batch)])
def test_batches_come_back_as_they_were(value: pa.RecordBatch | Batch, kind: type) -> None:
    coder = beam.coders.registry.get_coder(kind)
    assert coder.decode(coder.encode(value)) == value


def test_partial_results_come_back_as_they_were() -> None:
    coder = coders.PartialCoder()
    results = {
        kind: coder.decode(coder.encode(partial)).result() for kind, partial in partial_results().items()
    }
    assert results == {kind: partial.result() for kind, partial in partial_results().items()}
    assert results.keys() == {
        ("reading", 0),
        ("raw", 0),
        ("raw_slices", 0),
        ("transformed", 0),
        ("transformed", 2),
        ("versions", 0),
    }
    assert list(results["raw_slices", 0].rows) == ["version=1", "version=2"]
    assert results["raw", 0].datasets[0].num_examples == 900
    assert [results["transformed", number].rows for number in (0, 2)] == [500, 500]
    assert results["versions", 0] == {"1": 500, "2": 500}
    assert [reject.record for reject in results["reading", 0].rejects] == [1000]


def test_a_partial_result_of_another_form_is_refused() -> None:
    coder = coders.PartialCoder()
    encoded = coder.encode(partial_results()["raw", 0])
    other = encoded.replace(b"partial 3", b"partial 0", 1)
    assert other != encoded
    with pytest.raises(ValueError, match=r"has form b'partial 0.n', expected b'partial 3"):
        coder.decode(other)


def test_what_is_kept_of_a_reading_is_bounded_before_it_is_encoded() -> None:
    reading = Reading(rejects=[Reject("f", i, "r", "d") for i in range(KEPT + 500)])
    decoded = coders.PartialCoder().decode(coders.PartialCoder().encode(reading))
    assert isinstance(decoded, Reading)
    assert len(decoded.rejects) == KEPT


def test_a_slice_is_encoded_without_its_parent() -> None:
    coder = coders.RecordBatchCoder()
    assert len(coder.encode(ROWS.slice(10, 5))) < len(coder.encode(ROWS)) / 4
    assert coder.decode(coder.encode(ROWS.slice(10, 5))) == ROWS.slice(10, 5)


@pytest.mark.parametrize(
    ("coder", "value"),
    [
        (coders.RecordBatchCoder(), ROWS),
        (coders.BatchCoder(), BATCH),
        (coders.PartialCoder(), partial_results()["raw", 0]),
    ],
    ids=["rows", "batch", "summary"],
)
def test_sizes_are_told_without_encoding(
    coder: beam.coders.Coder, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = len(coder.encode(value))
    monkeypatch.setattr(type(coder), "encode", None)
    assert encoded / 4 < coder.estimate_size(value) < encoded * 4


@pytest.mark.parametrize("kind", [pa.RecordBatch, Batch, Partial])
def test_beam_knows_the_coders(kind: type) -> None:
    coders.register()  # other tests may have imported TFDV since, which registers its own
    assert type(beam.coders.registry.get_coder(kind)).__module__ == "trueserve.transforms.coders"
