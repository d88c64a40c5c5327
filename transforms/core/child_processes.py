"""Rules for processes that this one starts: they end with it, as a group, and how they ended is said.

Imports nothing heavy: a child imports it first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import Any

_GRACE_SECONDS = 10
#: Of a child that shares its life with its parent: the descriptor that ends when the parent does.
LIFELINE = "TRUESERVE_LIFELINE"


def watch_lifeline() -> None:
    """In a child: ends it, and its group if it leads one, when the parent's end of the pipe is closed.

    Whatever ends the parent closes it, SIGKILL included. Does nothing in a process that has no such pipe.
    """
    number = os.environ.pop(LIFELINE, "")
    if number:
        threading.Thread(target=_end_with, args=(int(number),), daemon=True).start()


def _end_with(pipe: int) -> None:
    with contextlib.suppress(OSError):
        os.read(pipe, 1)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def end_group(process: subprocess.Popen[Any]) -> None:
    """Ends a process that leads a session, and all that it started; waits for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)


def how_it_ended(code: int) -> str:
    """A return code in words, as `subprocess` has it: below zero for a signal."""
    if code >= 0:
        return f"it ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    cause = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"it was ended by signal {-code} ({name}){cause}"
