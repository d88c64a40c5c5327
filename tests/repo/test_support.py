"""What the tests themselves stand on: folders that workers share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.shared_folders import filled_once


def test_the_first_to_come_fills_a_shared_folder_and_others_wait(tmp_path: Path) -> None:
    """Threads stand for processes: each opens the lock itself, which is what it is held by."""
    start, second = threading.Barrier(2), threading.Event()
    fills: list[Path] = []

    def fill(folder: Path) -> None:
        fills.append(folder)
        if len(fills) > 1:
            second.set()
        # As long as it takes the other to come in, if nothing keeps it out.
        second.wait(0.2)

    def need(_: int) -> Path:
        start.wait()
        return filled_once(tmp_path / "shared", fill)

    with ThreadPoolExecutor(2) as threads:
        assert [*threads.map(need, range(2))] == [tmp_path / "shared"] * 2
    assert fills == [tmp_path / "shared"]


def test_what_a_process_left_that_failed_is_made_anew(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "made").touch()
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        filled_once(tmp_path / "shared", fail)
    made = filled_once(tmp_path / "shared", lambda folder: (folder / "made").touch(exist_ok=False))
    assert [*made.iterdir()] == [tmp_path / "shared" / "made"]
