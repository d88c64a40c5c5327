"""Rows that a model is asked for: which are chosen, in which batches, and how reading goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.logs import example
from tensorflow.core.example.example_pb2 import Example

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.serving import prediction_rows
from trueserve.transforms.serving.prediction_rows import Examples, chosen, training_rows


def shard(path: Path, records: list[bytes]) -> FileSize:
    data = b"".join(map(frame, records))
    path.write_bytes(data)
    return FileSize(str(path), len(data))


def numbers(batches: Iterator[list[bytes]]) -> list[list[int]]:
    return [
        [Example.FromString(row).features.feature["n"].int64_list.value[0] for row in batch]
        for batch in batches
    ]


def rows(first: int, last: int) -> list[bytes]:
    return [example(n=[i]) for i in range(first, last)]


def nothing(_: int) -> None:
    pass


def test_a_share_of_records_is_chosen_by_their_place() -> None:
    all_records = np.arange(100_000)
    for share in (0.0, 0.1, 0.5, 0.999):
        assert chosen(0, all_records, share).mean() == pytest.approx(share, abs=0.005)
    assert chosen(0, all_records, 1.0).all()
    assert chosen(0, all_records, 2.0).all()
    # The same whatever comes before, another choice in another file.
    assert np.array_equal(chosen(3, all_records, 0.2)[500:900], chosen(3, all_records[500:900], 0.2))
    both = chosen(3, all_records, 0.2) & chosen(4, all_records, 0.2)
    assert both.mean() == pytest.approx(0.04, abs=0.005)


def test_the_first_records_of_a_tenth_stay_the_same() -> None:
    assert np.flatnonzero(chosen(0, np.arange(60), 0.1)).tolist() == CHOSEN_OF_FIRST
    assert np.flatnonzero(chosen(1, np.arange(60), 0.1)).tolist() == CHOSEN_OF_SECOND


def finished(word: int) -> int:
    """Stafford's variant 13 of MurmurHash3's finalizer, in whole numbers."""
    all_bits = (1 << 64) - 1
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & all_bits
    word = (word ^ word >> 27) * 0x94D049BB133111EB & all_bits
    return word ^ word >> 31


def chosen_by_hand(file: int, share: float) -> list[int]:
    step, all_bits = 0x9E3779B97F4A7C15, (1 << 64) - 1
    codes = [(i + 1) * step & all_bits ^ (file + 1) * step & all_bits for i in range(60)]
    return [i for i, code in enumerate(codes) if finished(code) < share * 2**64]


CHOSEN_OF_FIRST, CHOSEN_OF_SECOND = chosen_by_hand(0, 0.1), chosen_by_hand(1, 0.1)


def test_all_rows_of_few(tmp_path: Path) -> None:
    files = [shard(tmp_path / "a", rows(0, 5)), shard(tmp_path / "b", rows(5, 8))]
    reported: list[int] = []
    assert numbers(training_rows(files, 8, 8, reported.append)) == [list(range(8))]
    assert sum(reported) == sum(file.bytes for file in files)
    assert numbers(training_rows(files, 8, 100, nothing)) == [list(range(8))]
    assert numbers(training_rows([], 0, 5, nothing)) == []


def test_some_rows_of_many(tmp_path: Path) -> None:
    files = [shard(tmp_path / "a", rows(0, 1000)), shard(tmp_path / "b", rows(1000, 2000))]
    [batch] = numbers(training_rows(files, 2000, 200, nothing))
    of_first, of_second = chosen(0, np.arange(1000), 0.1), chosen(1, np.arange(1000), 0.1)
    assert batch == [*np.flatnonzero(of_first), *(1000 + np.flatnonzero(of_second))]


def test_of_very_many_rows_the_first_of_each_shard(tmp_path: Path) -> None:
    files = [shard(tmp_path / "a", rows(0, 50)), shard(tmp_path / "b", rows(50, 100))]
    assert numbers(training_rows(files, 100, 100, nothing, most_read=9)) == [
        [0, 1, 2, 3, 4, 50, 51, 52, 53, 54]
    ]
    # As many as there are is not too many.
    assert numbers(training_rows(files, 100, 100, nothing, most_read=100)) == [list(range(100))]
    [few] = numbers(training_rows(files, 100, 20, nothing, most_read=50))
    assert len(few) == np.count_nonzero(chosen(0, np.arange(25), 0.4)) + np.count_nonzero(
        chosen(1, np.arange(25), 0.4)
    )


def test_batches_are_bounded_by_rows_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [shard(tmp_path / "a", rows(0, 10))]
    monkeypatch.setattr(prediction_rows, "BATCH_ROWS", 4)
    assert [len(batch) for batch in numbers(training_rows(files, 10, 10, nothing))] == [4, 4, 2]
    monkeypatch.setattr(prediction_rows, "BATCH_ROWS", 100)
    monkeypatch.setattr(prediction_rows, "BATCH_BYTES", 2 * len(example(n=[1])))
    assert [len(batch) for batch in numbers(training_rows(files, 10, 10, nothing))] == [2] * 5


def test_a_shard_that_cannot_be_read(tmp_path: Path) -> None:
    file = shard(tmp_path / "a", rows(0, 3))
    with (tmp_path / "a").open("ab") as stream:
        stream.write(b"\x01")
    with pytest.raises(InputError, match=r"a cannot be read: .*truncated"):
        list(training_rows([file], 4, 4, nothing))
    # What follows the records that are wanted is not read.
    assert numbers(training_rows([file], 3, 3, nothing)) == [[0, 1, 2]]
    with pytest.raises(InputError, match=r"cannot read .*absent"):
        list(training_rows([FileSize(str(tmp_path / "absent"), 5)], 3, 3, nothing))


def test_what_is_read_is_what_was_verified(tmp_path: Path) -> None:
    file = shard(tmp_path / "a", rows(0, 3))
    shard(tmp_path / "verified", rows(7, 9))
    assert numbers(
        training_rows(
            [file], 3, 3, nothing, verified=lambda _: contextlib.nullcontext(str(tmp_path / "verified"))
        )
    ) == [[7, 8]]


def test_raw_examples_are_read_and_counted(tmp_path: Path) -> None:
    good = shard(tmp_path / "good", [*rows(0, 4), b"\xff", *rows(4, 6), b"\xfe"])
    bad = shard(tmp_path / "bad", rows(6, 8))
    with (tmp_path / "bad").open("ab") as stream:
        stream.write(b"\x01")
    examples = Examples((good, bad), Format.TF_EXAMPLE, Settings())
    reading = examples.read()
    assert (reading.accounting.read, reading.accounting.rows) == (10, 8)
    assert [reject.record for reject in reading.rejects] == [4]
    assert [fault.reason for fault in reading.faults] == ["truncated"]
    reported: list[int] = []
    assert numbers(examples.rows(1.0, reported.append)) == [list(range(8))]
    assert sum(reported) > 0


def test_a_share_of_raw_examples(tmp_path: Path) -> None:
    files = (shard(tmp_path / "a", rows(0, 300)), shard(tmp_path / "b", rows(300, 600)))
    examples = Examples(files, Format.TF_EXAMPLE, Settings())
    # Rows are numbered through all files.
    assert numbers(examples.rows(0.1, nothing)) == [np.flatnonzero(chosen(0, np.arange(600), 0.1)).tolist()]
