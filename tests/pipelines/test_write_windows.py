"""The statistics of windows, a file each: what is written is read, and a window without rows has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from support import hand_made

from trueserve.transforms import write_results
from trueserve.transforms.branches.reading import READING, ReadSummary
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.verdict.feature_stats import Statistics


class OfWindow(NamedTuple):
    rows: int
    statistics: Statistics


def test_windows_are_read_as_they_were_written(tmp_path: Path) -> None:
    windows = {n: hand_made.statistics(n, hand_made.number("x", n)) for n in (3, 70_000)}
    elements: list[Any] = [(("raw", number), OfWindow(number + 1, made)) for number, made in windows.items()]
    elements.append((READING, ReadSummary(Accounting(read=9))))
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = (
            pipeline
            | beam.Create(elements, reshuffle=False)
            | write_results.WriteWindows(str(tmp_path / "windows"))
        )
    for number, made in windows.items():
        window = write_results.read_window(str(tmp_path / "windows"), "raw", number)
        assert window is not None
        assert window[0] == number + 1
        assert Statistics.FromString(window[1]) == made
    assert write_results.read_window(str(tmp_path / "windows"), "raw", 4) is None
    assert write_results.read_window(str(tmp_path / "windows"), "transformed", 3) is None
    summary = write_results.read_summary(str(tmp_path / "windows" / READING[0]))
    assert summary == ReadSummary(Accounting(read=9))
