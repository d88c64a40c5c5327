"""Which lines of the product a test file runs, in all threads and processes that it starts.

A line is written down when it is first run, so nothing is lost where a process is killed. A process that is
started afresh begins in `sitecustomize`, for which this file is copied under that name. So it imports nothing
but Python's own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any

#: Environment variables: the file that lines are added to, and the folder that product code is in.
LINES, ROOT = "TRACED_LINES", "TRACED_ROOT"


def start() -> None:
    """From now on, in this process and those that it starts; does nothing where no file is named."""
    if LINES not in os.environ:
        return
    tracer = _Tracer(os.environ[LINES], os.environ[ROOT])
    threading.settrace(tracer.enter)
    sys.settrace(tracer.enter)


class _Tracer:
    def __init__(self, lines: str, root: str) -> None:
        self._path, self._root = lines, root + os.sep
        self._folders = tuple(f"{self._root}{name}{os.sep}" for name in ("pipelines", "transforms"))
        self._left: dict[CodeType, set[int]] = {}

    def enter(self, frame: FrameType, event: str, detail: Any) -> Any:
        """Follows a call of product code that has lines which have not been run."""
        if not frame.f_code.co_filename.startswith(self._folders):
            return None
        left = self._left.get(frame.f_code)
        if left is None:
            left = {line for _, _, line in frame.f_code.co_lines() if line}
            self._left[frame.f_code] = left
        return self._follow if left else None

    def _follow(self, frame: FrameType, event: str, detail: Any) -> Any:
        if event == "line":
            left = self._left[frame.f_code]
            if frame.f_lineno in left:
                left.discard(frame.f_lineno)
                self._write(frame.f_code.co_filename.removeprefix(self._root), frame.f_lineno)
        return self._follow

    def _write(self, module: str, line: int) -> None:
        # Opened each time: a child closes what it does not know, or may open no file.
        with contextlib.suppress(OSError):
            file = os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            os.write(file, f"{module}:{line}\n".encode())
            os.close(file)


if __name__ == "sitecustomize":
    start()
