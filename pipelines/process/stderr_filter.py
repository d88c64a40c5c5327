"""Standard error without the lines that native code logs.

TensorFlow's libraries log while they are loaded, before they have read `TF_CPP_MIN_LOG_LEVEL`. So does each
worker that a runner starts. They write to file descriptor 2: only its other end can leave lines out.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from trueserve.transforms.core import native_logs

_LONGEST_LINE = 1 << 16
_SECONDS_TO_END = 2.0


class StderrFilter:
    """A pipe for file descriptor 2 and the thread that passes its lines on to what that was before.

    Other processes may write into it. The thread belongs to the process that calls `start`.
    """

    def __init__(self) -> None:
        self._level = native_logs.level()
        self._console = os.dup(2)
        self._output, self._input = os.pipe()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def divert(self) -> None:
        """From here on file descriptor 2, here and in processes that are started from here, is the pipe."""
        os.dup2(self._input, 2)

    def start(self) -> None:
        """Passes lines on until no process has the pipe as its file descriptor 2."""
        os.close(self._input)
        self._thread.start()

    def finish(self) -> None:
        """Waits until all that was written has been passed on, in vain if a process outlives this."""
        self._thread.join(_SECONDS_TO_END)
        if not self._thread.is_alive():  # else it still writes, and another file could get the number
            os.close(self._console)

    def _pass_on(self) -> None:
        with os.fdopen(self._output, "rb") as stream:
            while line := stream.readline(_LONGEST_LINE):
                if not native_logs.is_hidden(line.decode("utf-8", "replace"), self._level):
                    with contextlib.suppress(OSError):  # it is full or gone: nobody can be told
                        os.write(self._console, line)


@contextlib.contextmanager
def filtered() -> Iterator[None]:
    """In the block, what this process and those that it starts write to file descriptor 2 is filtered."""
    stderr_filter = StderrFilter()
    before = os.dup(2)
    stderr_filter.divert()
    stderr_filter.start()
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        stderr_filter.finish()
