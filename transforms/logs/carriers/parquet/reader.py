"""Parquet files to batches, read in a process that a damaged file may bring down (`child`).

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
import shutil
import tempfile
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from trueserve.transforms.core import arrow
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.tfrecord import is_of_data
from trueserve.transforms.logs.carriers.parquet.child import POSITION
from trueserve.transforms.logs.carriers.parquet.reader_process import DiedError, ReaderProcess
from trueserve.transforms.logs.carriers.table_error import TableError

_COPY_BYTES = 8 << 20
_MOST_IDLE = 4


def read_batches(
    source: BinaryIO, rows: int, start: int = 0, stop: int = END_OF_FILE
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file in order, in batches of at most `rows`: of all row groups, or of some.

    Those are some that begin at byte `start` or later, and before `stop`.
    `source`, which must be able to seek, is left about as far on as its bytes have been read. One that is no
    local file is copied to a temporary one first. Raises TableError: `bad_parquet` for a file that cannot be
    read, or not to its end; `no_reader` where no process can be started. Raises OSError of a file system.
    """
    for kind, body in _read(source, _Request(rows, start, stop)):
        if kind == b"B":
            source.seek(POSITION.unpack(body[: POSITION.size])[0])
            yield _batch(body[POSITION.size :])


def read_schema(source: BinaryIO) -> pa.Schema:
    """The Arrow schema that the footer of a Parquet file gives. Raises as `read_batches`."""
    [(_, body)] = _read(source, _Request(0))
    try:
        return arrow.read_schema(body)
    except (pa.ArrowException, ValueError) as error:
        raise _parquet_error("its schema is none") from error


class _Readers:
    """The readers that wait for a file; those at work belong to who took them. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[ReaderProcess] = []
        self._pid = os.getpid()

    def take(self) -> tuple[ReaderProcess, bool]:
        """A reader, and whether it has read nothing before."""
        with self._lock:
            if self._pid != os.getpid():  # after a fork they are another process's
                self._idle, self._pid = [], os.getpid()
            if self._idle:
                return self._idle.pop(), False
        return ReaderProcess(), True

    def give_back(self, reader: ReaderProcess) -> None:
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


class _Request(NamedTuple):
    """What is asked of a reader, see `child`; rows of 0 are for the schema alone."""

    rows: int
    start: int = 0
    stop: int = END_OF_FILE


def _read(source: BinaryIO, request: _Request) -> Iterator[tuple[bytes, pa.Buffer]]:
    """What a reader says of a file before its end."""
    with _local(source) as path:
        num_read = 0
        reader, fresh = _READERS.take()
        try:
            for frame in _frames(reader, path, request):
                num_read += 1
                yield frame
        except DiedError as error:
            if fresh:
                raise _parquet_error(str(error)) from error
        else:
            return
        # The same comes in every reading.
        try:
            yield from itertools.islice(_frames(ReaderProcess(), path, request), num_read, None)
        except DiedError as error:
            raise _parquet_error(str(error)) from error


def _frames(reader: ReaderProcess, path: str, request: _Request) -> Iterator[tuple[bytes, pa.Buffer]]:
    """The same of this reader, which then waits for the next file; it is ended if left before."""
    ended = False
    try:
        reader.ask(path, *request)
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


def is_local(source: BinaryIO) -> bool:
    """Whether what the stream reads can be read without a copy of it."""
    return _path_of(source) is not None


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
