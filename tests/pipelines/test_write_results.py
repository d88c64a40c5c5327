"""What a training pipeline leaves for its launcher: counts, first troubles, and a sample of rows."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

from transforms import write_results
from transforms.branches.reading import ReadSummary
from transforms.core.accounting import Accounting
from transforms.core.batches import Batch, Fault, Reject
from transforms.core.errors import InputError
from transforms.logs.rows.rows import metadata_of
from transforms.read import ReadResult


def batch(first: int, count: int, file: str = "a/part-0", **more: list[Any]) -> Batch:
    """Rows `first`, ... of a file: `row` holds their number."""
    columns = {"row": [[i] for i in range(first, first + count)], **more}
    arrays = [pa.array(values, pa.large_list(pa.int64())) for values in columns.values()]
    metadata = metadata_of(count, file, record=pa.array(range(first, first + count), pa.int64()))
    return Batch(pa.RecordBatch.from_arrays(arrays, names=list(columns)), metadata)


def sample(folder: Path, batches: Sequence[Batch], rows: int) -> pa.RecordBatch | None:
    path = str(folder / "sample")
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | beam.Create(batches, reshuffle=False) | write_results.WriteSampleOfRows(path, rows)
    return write_results.read_rows(path)


def numbers(rows: pa.RecordBatch | None) -> list[int]:
    assert rows is not None
    return [row["row"][0] for row in rows.to_pylist()]


def test_the_sample_does_not_depend_on_how_the_rows_are_cut(tmp_path: Path) -> None:
    uncut = sample(tmp_path, [batch(0, 1_000)], 20)
    parts = [batch(first, 10) for first in range(990, -10, -10)]
    moved = [Batch(each.features, batch(0, 1_000, "b/part-0").metadata) for each in [batch(0, 1_000)]]
    assert numbers(sample(tmp_path, parts, 20)) == numbers(uncut)
    assert numbers(sample(tmp_path, moved, 20)) == numbers(uncut), "the folder's name plays no part"
    assert len(set(numbers(uncut))) == 20
    other = sample(tmp_path, [batch(0, 1_000, "a/part-1")], 20)
    assert numbers(other) != numbers(uncut), "the file's name does"


def test_the_sample_is_spread_over_the_data(tmp_path: Path) -> None:
    chosen = numbers(sample(tmp_path, [batch(0, 4_000), batch(4_000, 4_000)], 800))
    quarters = [sum(2_000 * i <= number < 2_000 * (i + 1) for number in chosen) for i in range(4)]
    # 200 expected in each; five standard deviations.
    assert all(140 < quarter < 260 for quarter in quarters)


def test_fewer_rows_than_asked_for_are_all_there(tmp_path: Path) -> None:
    assert sorted(numbers(sample(tmp_path, [batch(0, 3), batch(3, 4)], 500))) == list(range(7))


def test_no_row_gives_no_sample(tmp_path: Path) -> None:
    assert sample(tmp_path, [], 500) is None


def test_batches_may_lack_columns(tmp_path: Path) -> None:
    kept = sample(tmp_path, [batch(0, 2), batch(2, 2, extra=[[7], None]), batch(4, 1)], 500)
    assert kept is not None
    rows = {row["row"][0]: row["extra"] for row in kept.to_pylist()}
    assert rows == {0: None, 1: None, 2: [7], 3: None, 4: None}


def reading(
    folder: Path, counts: Sequence[Accounting], faults: Sequence[Fault], rejects: Sequence[Reject]
) -> ReadSummary:
    path = str(folder / "reading")
    with beam.Pipeline("FnApiRunner") as pipeline:
        parts = {"accounting": counts, "faults": faults, "rejects": rejects}
        made = {name: pipeline | name >> beam.Create(part, reshuffle=False) for name, part in parts.items()}
        _ = ReadResult(batches=made["accounting"], **made) | write_results.WriteReadSummary(path)
    return write_results.read_summary(path)


def test_a_reading_sums_counts_and_keeps_the_first_troubles_by_place(tmp_path: Path) -> None:
    counts = [Accounting(read=3, decoded=2), Accounting(read=4, decoded=4, files=1)]
    rejects = [Reject("b", 5, "r", "d")] + [
        Reject("a", record, "r", "d", b"p") for record in range(40, 0, -1)
    ]
    faults = [Fault("b", "r", "d"), Fault("a", "r", "d", 12)]
    summary = reading(tmp_path, counts, faults, rejects)
    assert summary.accounting == Accounting(read=7, decoded=6, files=1)
    assert [fault.file for fault in summary.faults] == ["a", "b"]
    assert [reject.record for reject in summary.rejects] == list(range(1, write_results.KEPT + 1))


def test_a_reading_comes_back_as_it_was(tmp_path: Path) -> None:
    counts = Accounting(
        read=3,
        rejected=Counter({"not_a_tf_example": 2}),
        forms=Counter({("distance", "int_for_float"): 7, ("o\udcff", "unknown_feature"): 1}),
    )
    faults = [Fault("\u00e9", "truncated", "d", 12)]
    rejects = [Reject("a", 0, "r", "d", b"\x00\xff"), Reject("a", 1, "r", "d", b""), Reject("a", 2, "r", "d")]
    summary = reading(tmp_path, [counts], faults, rejects)
    assert summary == ReadSummary(counts, tuple(faults), tuple(rejects))
    assert summary.accounting.rejected["another"] == summary.accounting.forms["another", "form"] == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", pickle.dumps({})])
def test_a_reading_that_is_none_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reading").write_bytes(content)
    with pytest.raises(InputError, match="reading is not what the job wrote there: ") as caught:
        write_results.read_summary(str(tmp_path / "reading"))
    assert "\n" not in str(caught.value)


def test_reading_runs_nothing_that_is_in_the_file(tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "planted",)

    (tmp_path / "reading").write_bytes(pickle.dumps(Planted()))
    with pytest.raises(InputError):
        write_results.read_summary(str(tmp_path / "reading"))
    assert not (tmp_path / "planted").exists()


def test_a_reading_of_nothing_is_there_all_the_same(tmp_path: Path) -> None:
    assert reading(tmp_path, [], [], []) == ReadSummary(Accounting(), (), ())
