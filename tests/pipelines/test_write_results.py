"""What a training pipeline leaves for its launcher: counts, first troubles, and a sample of rows."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from trueserve.transforms import write_results
from trueserve.transforms.branches.reading import ReadSummary
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.read import ReadResult


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
