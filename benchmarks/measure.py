"""What a command costs: wall time, CPU time and peak memory of its whole process, from outside of it.

This process must stay small: on Linux a child's peak memory begins at what its parent had at its start.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TIMEOUT_SECONDS = 600
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: seconds of wall time and of CPU (with its children's), peak memory of its largest process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class FailedRunError(Exception):
    """A command failed, hung, or did not see all rows; the text is for the report."""


@dataclasses.dataclass(frozen=True)
class Command:
    """What to run.

    Attributes:
      rows_of: how many rows it saw, told from what it printed; None where there is nothing to tell.
      codes: the exit codes of a run that did its work.
    """

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rows_of: Callable[[str], int] | None = None
    codes: Sequence[int] = (0,)


def measure(command: Command, rows: int) -> Run:
    """Runs a command to its end. Raises FailedRunError unless it saw exactly `rows` rows."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        status, usage = _wait(process)
        seconds = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        _check(command, rows, os.waitstatus_to_exitcode(status), out.read(), err.read())
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, os.struct_rusage]:  # type: ignore[name-defined]
    timer = threading.Timer(TIMEOUT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return status, usage


def _check(command: Command, rows: int, code: int, out: str, err: str) -> None:
    if code not in command.codes:
        last_line = (err.strip() or out.strip() or "nothing").splitlines()[-1]
        raise FailedRunError(f"exit code {code}: {last_line[:200]}")
    if command.rows_of is not None and (seen := command.rows_of(out)) != rows:
        raise FailedRunError(f"saw {seen:,} of {rows:,} rows")


def median(runs: Sequence[Run]) -> Run:
    """The median of each figure by itself."""
    return Run(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        round(statistics.median(run.peak_bytes for run in runs)),
    )
