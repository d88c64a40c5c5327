"""How far a run is: heartbeats of worker processes on this machine, and Beam counters, both for display.

A runner may count twice what it retries; what is reported counts elements instead (`accounting.py`).
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path

INTERVAL_SECONDS = 0.5
#: A process that has nothing to count says so often that it lives.
BEAT_SECONDS = 5.0
NAMESPACE = "trueserve"


class Heartbeat:
    """One process's sums, written to a small file of its own in `folder` at most twice a second.

    From then on the file changes every few seconds, as long as the process lives and the folder exists.
    """

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / f"{socket.gethostname()}-{os.getpid()}.progress"
        self._lock = threading.Lock()
        self._rows = self._bytes = self._beats = 0
        self._written = float("-inf")
        threading.Thread(target=self._beat, name="trueserve-heartbeat", daemon=True).start()

    def add(self, rows: int, num_bytes: int) -> None:
        """Counts rows decoded and stored bytes read."""
        with self._lock:
            self._rows += rows
            self._bytes += num_bytes
            if (now := time.monotonic()) - self._written >= INTERVAL_SECONDS:
                self._written = now
                self._write()

    def flush(self) -> None:
        """Writes the sums, however short the last writing is ago."""
        with self._lock:
            self._write()

    def _beat(self) -> None:
        while self._path.parent.is_dir():
            with self._lock:
                self._beats += 1
                self._write()
            time.sleep(BEAT_SECONDS)

    def _write(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_text(f"{self._rows} {self._bytes} {self._beats}")
            temporary.replace(self._path)
        except OSError:
            # A display must not fail a run: the folder may be gone, or be on another machine.
            return


_heartbeats: dict[tuple[str, int], Heartbeat] = {}
_heartbeats_lock = threading.Lock()


def heartbeat(folder: str) -> Heartbeat:
    """The heartbeat that all threads of this process share for `folder`."""
    with _heartbeats_lock:
        # A forked process has its parent's dictionary, and must not write its parent's file.
        key = (folder, os.getpid())
        if key not in _heartbeats:
            _heartbeats[key] = Heartbeat(folder)
        return _heartbeats[key]


def read_progress(folder: str) -> tuple[int, int]:
    """Rows decoded and stored bytes read so far, over all processes; zeros before the first heartbeat."""
    rows = num_bytes = 0
    for content in signs_of_life(folder).values():
        try:
            of_rows, of_bytes, _ = content.split()
        except ValueError:
            continue
        rows += int(of_rows)
        num_bytes += int(of_bytes)
    return rows, num_bytes


def signs_of_life(folder: str) -> Mapping[str, str]:
    """By process what it wrote last, which changes as long as the process lives."""
    contents = {}
    for path in Path(folder).glob("*.progress"):
        try:
            contents[path.name] = path.read_text()
        except OSError:
            continue
    return contents
