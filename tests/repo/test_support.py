"""What the tests themselves stand on: folders that workers share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.shared_folders import filled_once


def _fill(folder: Path) -> None:
    # Fails if the folder was filled before.
    (folder / "made").touch(exist_ok=False)
    with (folder.parent / "calls").open("a") as calls:
        calls.write("x")


def test_the_first_to_come_fills_a_shared_folder_and_others_wait(tmp_path: Path) -> None:
    """Threads stand for processes: each opens the lock itself, which is what it is held by."""
    start = threading.Barrier(8)

    def need(_: int) -> bool:
        start.wait()
        return (filled_once(tmp_path / "shared", _fill) / "made").exists()

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(need, range(8))] == [True] * 8
    assert (tmp_path / "calls").read_text() == "x"


def test_what_a_process_left_that_failed_is_made_anew(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "made").touch()
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        filled_once(tmp_path / "shared", fail)
    assert [*filled_once(tmp_path / "shared", _fill).iterdir()] == [tmp_path / "shared" / "made"]
