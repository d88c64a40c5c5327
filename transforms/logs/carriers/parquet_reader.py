"""Parquet files to batches, read in a process that a damaged file may bring down (`parquet_child`).

Readers stay for the next file, as to start one takes some tenths of a second. One that was left in the middle
of a file is ended. Where one dies that has read other files, a new one decides: those may have damaged it.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from transforms.core import arrow, child_processes
from transforms.core.arrow import pa
from transforms.files.tfrecord import is_of_data
from transforms.logs.carriers.parquet_child import FRAME, MEMORY, POSITION
from transforms.logs.carriers.table_error import TableError

_MODULE = "transforms.logs.carriers.parquet_child"
_SOURCE_ROOT = Path(__file__).resolve().parents[3]
_COPY_BYTES = 8 << 20
_START_SECONDS = 120
# A batch has some MB, and is there in far less than a second.
_SILENT_SECONDS = 600
_MOST_IDLE = 4


def read_batches(source: BinaryIO, rows: int) -> Iterator[pa.RecordBatch]:
    """All rows of a Parquet file in order, in batches of at most `rows`.

    `source`, which must be able to seek, is left about as far on as its bytes have been read. One that is no
    local file is copied to a temporary one first. Raises TableError: `bad_parquet` for a file that cannot be
    read, or not to its end; `no_reader` where no process can be started. Raises OSError of a file system.
    """
    for kind, body in _read(source, rows):
        if kind == b"B":
            source.seek(POSITION.unpack(body[: POSITION.size])[0])
            yield _batch(body[POSITION.size :])


def read_schema(source: BinaryIO) -> pa.Schema:
    """The Arrow schema that the footer of a Parquet file gives. Raises as `read_batches`."""
    [(_, body)] = _read(source, 0)
    try:
        return arrow.read_schema(body)
    except (pa.ArrowException, ValueError) as error:
        raise _parquet_error("its schema is none") from error


class _DiedError(Exception):
    """A reader ended, or had to be ended, while it read."""


class _Reader:
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
        except _DiedError as error:
            raise _no_reader(str(error)) from error
        if kind != b"H":
            self.end()
            raise _no_reader("what runs is another program")

    def ask(self, path: str, rows: int) -> None:
        """Asks for a file. Raises _DiedError if nobody is there any more."""
        line = json.dumps({"path": os.fsencode(path).hex(), "rows": rows}) + "\n"
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

    def _died(self) -> _DiedError:
        """Ends it; why it was of no use any more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.poll()
        self.end()
        if code is None:
            return _DiedError("the process that reads it did not answer")
        cause = child_processes.how_it_ended(code)
        return _DiedError(f"the process that reads it died, or ran out of memory: {cause}")

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


class _Readers:
    """The readers that wait for a file; those at work belong to who took them. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Reader] = []
        self._pid = os.getpid()

    def take(self) -> tuple[_Reader, bool]:
        """A reader, and whether it has read nothing before."""
        with self._lock:
            if self._pid != os.getpid():  # after a fork they are another process's
                self._idle, self._pid = [], os.getpid()
            if self._idle:
                return self._idle.pop(), False
        return _Reader(), True

    def give_back(self, reader: _Reader) -> None:
        """Keeps a reader for the next file, or ends it if enough wait already."""
        with self._lock:
            if len(self._idle) < _MOST_IDLE and self._pid == os.getpid():
                self._idle.append(reader)
                return
        reader.end()

    def end(self) -> None:
        """Ends all that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        if self._pid == os.getpid():
            for reader in idle:
                reader.end()


_READERS = _Readers()
atexit.register(_READERS.end)


def _read(source: BinaryIO, rows: int) -> Iterator[tuple[bytes, pa.Buffer]]:
    """What a reader says of a file before its end; rows of 0 are for the schema alone."""
    with _local(source) as path:
        num_read = 0
        reader, fresh = _READERS.take()
        try:
            for frame in _frames(reader, path, rows):
                num_read += 1
                yield frame
        except _DiedError as error:
            if fresh:
                raise _parquet_error(str(error)) from error
        else:
            return
        # The same comes in every reading.
        try:
            yield from itertools.islice(_frames(_Reader(), path, rows), num_read, None)
        except _DiedError as error:
            raise _parquet_error(str(error)) from error


def _frames(reader: _Reader, path: str, rows: int) -> Iterator[tuple[bytes, pa.Buffer]]:
    """The same of this reader, which then waits for the next file; it is ended if left before."""
    ended = False
    try:
        reader.ask(path, rows)
        while True:
            kind, body = reader.receive()
            if ended := kind in (b"E", b"X"):
                break
            yield kind, body
    finally:
        if ended:
            _READERS.give_back(reader)
        else:
            reader.end()
    if kind == b"X":
        raise _exception(json.loads(body.to_pybytes()))


def _batch(body: pa.Buffer) -> pa.RecordBatch:
    try:
        batch = arrow.open_stream(body, checked=True).read_next_batch()
        batch.validate()
    except (pa.ArrowException, ValueError, StopIteration) as error:
        raise _parquet_error("its batches are not whole") from error
    return batch


def _exception(reply: dict[str, Any]) -> Exception:
    error = OSError(reply["errno"], reply["text"]) if reply["errno"] else OSError(reply["text"])
    return _parquet_error(" ".join(reply["text"].split())[:200]) if is_of_data(error) else error


def _parquet_error(detail: str) -> TableError:
    return TableError("bad_parquet", f"cannot read it as Parquet: {detail}")


def _no_reader(detail: str) -> TableError:
    return TableError("no_reader", f"no process could be started to read Parquet in: {detail}")


@contextlib.contextmanager
def _local(source: BinaryIO) -> Iterator[str]:
    """The path of a local file with what `source` holds."""
    if (path := _path_of(source)) is not None:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="trueserve-", suffix=".parquet") as file:
        source.seek(0)
        shutil.copyfileobj(source, file, _COPY_BYTES)
        file.flush()
        source.seek(0)
        yield file.name


def _path_of(source: BinaryIO) -> str | None:
    """The path of a local file, if that is what the stream reads, and still there under this name."""
    if not isinstance(source, io.BufferedReader) or not isinstance(source.raw, io.FileIO):
        return None
    name = source.raw.name
    if not isinstance(name, str | bytes):
        return None
    path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 - as the file system has it, not resolved
    try:
        return path if os.path.samestat(os.stat(path), os.fstat(source.fileno())) else None  # noqa: PTH116
    except OSError:
        return None


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
