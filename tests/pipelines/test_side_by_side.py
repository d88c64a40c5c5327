"""Ranges examined by several threads of one process: the results are those of one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from support import branches as support
from support.examined import READS, examined, make_branches, write_files

from trueserve.transforms import examine_range
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.core.batches import Element
from trueserve.transforms.core.heartbeats import NAMESPACE, read_progress
from trueserve.transforms.examine_range import Decode, Examine, ExamineFiles
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import list_ranges
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileSize, ...]:
    return write_files(tmp_path_factory.mktemp("ranges"))


@pytest.mark.parametrize("threads", [2, 5])
def test_ranges_side_by_side_give_what_ranges_in_turn_give(
    files: tuple[FileSize, ...], threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(list_ranges(files, 4000)) > 5
    monkeypatch.setattr(examine_range, "usable_cores", lambda: 1)
    in_turn = examined(files, range_bytes=4000)
    monkeypatch.setattr(examine_range, "usable_cores", lambda: threads)
    assert examined(files, str(tmp_path), 4000) == in_turn
    accounting = in_turn[READING].accounting
    assert read_progress(str(tmp_path)) == (accounting.rows, accounting.bytes)


def test_wide_rows_are_examined_one_range_at_a_time(
    files: tuple[FileSize, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine_range, "usable_cores", lambda: 2)
    elements = []
    for most in (2, 3):
        monkeypatch.setattr(examine_range, "_WIDE", most)
        pipeline = beam.Pipeline("FnApiRunner")
        _ = pipeline | ExamineFiles(files, Format.PREDICTION_LOG, READS, make_branches(), None, 4000)
        [create] = [
            part for part in pipeline.transforms_stack[0].parts[0].parts if "ListRanges" in part.full_label
        ]
        elements.append(len(create.transform.values))
    assert elements == [len(list_ranges(files, 4000)), 1]


_MEETING = threading.Barrier(2)


def _decode_in_company(file: FileSize) -> Iterator[Element]:
    """Nothing is read before two ranges are being read."""
    _MEETING.wait(timeout=20)
    return decode_file(file, Format.PREDICTION_LOG, READS)


def _decode_or_fail(file: FileSize) -> Iterator[Element]:
    if file.path.endswith("1"):
        raise ValueError("this range fails")
    return decode_file(file, Format.PREDICTION_LOG, READS)


_BEGUN: list[int] = []


def _decode_the_first_slowly(file: FileSize) -> Iterator[Element]:
    """The first range ends when as many have begun as may be ahead; one more would be too many."""
    _BEGUN.append(file.bytes)
    if file.bytes == 0:
        while len(_BEGUN) < 4:
            threading.Event().wait(0.01)
        threading.Event().wait(0.3)
        assert len(_BEGUN) == 4
    return decode_file(file, Format.PREDICTION_LOG, READS)


def _side_by_side(files: tuple[FileSize, ...], decode: Decode) -> Any:
    """Runs a job on two threads; gives its result."""
    pipeline = beam.Pipeline("FnApiRunner")
    examine = Examine(decode, make_branches(), None, threads=2)
    _ = pipeline | beam.Create([files], reshuffle=False) | examine
    return pipeline.run()


def test_two_ranges_are_read_at_a_time_and_their_rows_are_counted(files: tuple[FileSize, ...]) -> None:
    result = _side_by_side(files[:2], _decode_in_company)
    counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    rows = {counter.key.metric.name: counter.committed for counter in counters}["rows"]
    assert (
        rows
        == support.results(
            make_branches(), *(decode_file(file, Format.PREDICTION_LOG, READS) for file in files)
        )[READING].accounting.rows
    )


def test_ranges_that_wait_for_a_slow_one_are_few(
    files: tuple[FileSize, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine_range, "_RANGES_BEGUN", 2)
    _BEGUN.clear()
    numbered = tuple(FileSize(file.path, number) for number, file in enumerate(files * 4))
    pipeline = beam.Pipeline("FnApiRunner")
    examine = Examine(_decode_the_first_slowly, make_branches(), None, threads=2)
    _ = pipeline | beam.Create([numbered], reshuffle=False) | examine
    pipeline.run()
    assert sorted(_BEGUN) == [*range(12)]


def test_a_range_that_fails_fails_the_run(files: tuple[FileSize, ...]) -> None:
    with pytest.raises((ValueError, RuntimeError), match="this range fails"):
        _side_by_side(files, _decode_or_fail)
