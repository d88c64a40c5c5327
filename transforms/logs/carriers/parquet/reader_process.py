"""A process that reads Parquet files (`child`), from the side of whoever started it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

from trueserve.transforms.core import child_processes
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.carriers.parquet.child import FRAME, MEMORY
from trueserve.transforms.logs.carriers.table_error import TableError

_MODULE = "trueserve.transforms.logs.carriers.parquet.child"
_SOURCE_ROOT = Path(__file__).resolve().parents[4]
_START_SECONDS = 120
# A batch has some MB, and is there in far less than a second.
_SILENT_SECONDS = 600


class DiedError(Exception):
    """A reader ended, or had to be ended, while it read."""


class ReaderProcess:
    """A process that reads one file after the other. Raises TableError if it cannot be started."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        # -P: a file in the user's folder must not take the place of one of our modules, or Python's.
        command = [_python(), "-P", "-m", _MODULE]
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={**_environment(), child_processes.LIFELINE: str(lifeline)},
                pass_fds=[lifeline],
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            os.close(self._lifeline)
            raise _no_reader(type(error).__name__) from error
        finally:
            os.close(lifeline)
        try:
            kind, _ = self.receive(_START_SECONDS)
        except DiedError as error:
            raise _no_reader(str(error)) from error
        if kind != b"H":
            self.end()
            raise _no_reader("what runs is another program")

    def ask(self, path: str, rows: int, start: int, stop: int) -> None:
        """Asks for row groups of a file, see `child`. Raises _DiedError if nobody is there any more."""
        line = (
            json.dumps({"path": os.fsencode(path).hex(), "rows": rows, "start": start, "stop": stop}) + "\n"
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
        except OSError as error:
            raise self._died() from error

    def receive(self, seconds: float = _SILENT_SECONDS) -> tuple[bytes, pa.Buffer]:
        """The next frame. Raises _DiedError if none comes."""
        header = pa.allocate_buffer(FRAME.size)
        self._fill(header, seconds)
        kind, size = FRAME.unpack(header)
        # What it may hold in memory, it may send; more is said only by one that is out of its mind.
        if size > MEMORY:
            raise self._died()
        body = pa.allocate_buffer(size)
        self._fill(body, seconds)
        return kind, body

    def _fill(self, buffer: pa.Buffer, seconds: float) -> None:
        assert self._process.stdout is not None
        pipe, left = self._process.stdout.fileno(), memoryview(buffer).cast("B")
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while left.nbytes:
            if not poll.poll(seconds * 1000):
                raise self._died()
            count = os.readv(pipe, [left])
            if not count:
                raise self._died()
            left = left[count:]

    def _died(self) -> DiedError:
        """Ends it; why it was of no use any more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.poll()
        self.end()
        if code is None:
            return DiedError("the process that reads it did not answer")
        cause = child_processes.how_it_ended(code)
        return DiedError(f"the process that reads it died, or ran out of memory: {cause}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        """Ends the process and waits until it is gone."""
        if self._lifeline < 0:
            return
        child_processes.end_group(self._process)
        os.close(self._lifeline)
        self._lifeline = -1
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _no_reader(detail: str) -> TableError:
    return TableError("no_reader", f"no process could be started to read Parquet in: {detail}")


def _python() -> str:
    """The interpreter to start. Where this one is embedded in a program, that of its installation."""
    running = Path(sys.executable or "")
    if running.name.startswith("python"):
        return str(running)
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    installed = Path(sys.exec_prefix, "bin", name)
    return str(installed) if installed.exists() else (shutil.which(name) or name)


def _environment() -> dict[str, str]:
    # Modules come from where they come from here. Arrow's own pools reserve more than they use.
    paths = os.pathsep.join([str(_SOURCE_ROOT), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": paths, "ARROW_DEFAULT_MEMORY_POOL": "system"}
