"""A process that lives shows it, also while it has nothing to count."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from trueserve.transforms.core import heartbeats


class Clock:
    """Pauses between beats that last until the test ends them."""

    def __init__(self) -> None:
        self.pauses, self.ends = threading.Semaphore(0), threading.Semaphore(0)

    def sleep(self, seconds: float) -> None:
        assert seconds == heartbeats.BEAT_SECONDS
        self.pauses.release()
        self.ends.acquire(timeout=60)

    def wait_for_beat(self) -> None:
        assert self.pauses.acquire(timeout=60)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeats, "time", SimpleNamespace(monotonic=time.monotonic, sleep=clock.sleep))
    return clock


def test_a_process_beats_as_long_as_its_folder_is_there(clock: Clock, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    mine = heartbeats.Heartbeat(str(folder))
    clock.wait_for_beat()
    first = heartbeats.signs_of_life(str(folder))
    clock.ends.release()
    clock.wait_for_beat()
    second = heartbeats.signs_of_life(str(folder))
    assert len(first) == len(second) == 1
    assert first != second
    mine.add(3, 4)
    mine.flush()
    assert heartbeats.read_progress(str(folder)) == (3, 4)

    [thread] = [thread for thread in threading.enumerate() if thread.name == "trueserve-heartbeat"][-1:]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    clock.ends.release()
    thread.join(60)
    assert not thread.is_alive()
    assert not folder.exists()


def test_no_sign_of_life_where_there_is_no_folder(tmp_path: Path) -> None:
    assert heartbeats.signs_of_life(str(tmp_path / "gone")) == {}
