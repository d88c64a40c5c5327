"""Reads Parquet files in a process of its own: `python -m trueserve.transforms.logs.carriers.parquet.child`.

Arrow's reader is compiled code that damaged files can bring down. Here it takes nothing with it: whoever
started this process (`reader_process`) sees its output end. It imports nothing but Arrow, so that it is there
soon.

A request is a line of JSON on standard input: {"path", "rows", "start", "stop"}. A batch has `rows` at most;
row groups are read that begin in these bytes. Standard output answers in frames: a letter, the length of what
follows as 8 bytes, little-endian, and that. The letters: H, once, when it is there. S, the schema of a file
as Arrow IPC, then B for each batch, 8 bytes of how much of the file has been read before an IPC stream of the
batch alone, with its dictionaries. Last comes E, the end, or X, what is wrong, as JSON: {"errno", "text"}. It
ends with its standard input, with who started it, and where memory does not suffice.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from trueserve.transforms.core import arrow, child_processes
from trueserve.transforms.core.arrow import pa, pq

#: The memory that one reader may have for its data, in bytes.
MEMORY = 2 << 30
#: About how many bytes a batch has at most, unless a single row has more.
BATCH_BYTES = 32 << 20
FRAME = struct.Struct("<cQ")
POSITION = struct.Struct("<Q")


def main() -> None:
    out = _prepare()
    _send(out, b"H")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            path = os.fsdecode(bytes.fromhex(request["path"]))
            _answer(out, path, request["rows"], request["start"], request["stop"])
        except (BrokenPipeError, MemoryError):  # a new process has all the memory that is allowed
            sys.exit(1)
        except Exception as error:  # noqa: BLE001 - told to the one who asked
            # The patch's own text quotes the pickle that it refuses.
            text = arrow.PICKLED_TYPE if arrow.is_pickled_type(error) else str(error)[:2000]
            _send(out, b"X", json.dumps({"errno": _errno(error), "text": text}).encode())


def _prepare() -> int:
    """Limits what this process may take, and gives its output to frames alone; the descriptor of it."""
    child_processes.watch_lifeline()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks ends this process
    for limit, size in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # a lower limit stands already
            resource.setrlimit(limit, (size, size))
    out = os.dup(1)
    os.dup2(2, 1)
    return out


def _answer(out: int, path: str, rows: int, start: int, stop: int) -> None:
    # Mapped, a file takes none of the memory that is limited, however long its row groups are.
    with pa.memory_map(path) as source:
        file = pq.ParquetFile(source)
        arrow.check_types(file.schema_arrow)
        _send(out, b"S", file.schema_arrow.serialize())
        groups = groups_between(_group_starts(file.metadata), start, stop)
        done = sum(file.metadata.row_group(i).num_rows for i in range(groups.start))
        batches = file.iter_batches(
            batch_size=_batch_rows(file.metadata, rows), use_threads=False, row_groups=[*groups]
        )
        for batch in batches if rows else ():
            for part in _parts(batch):
                _check(part)
                done += part.num_rows
                position = source.size() * done // max(file.metadata.num_rows, done, 1)
                _send(out, b"B", POSITION.pack(position), _stream(part))
    _send(out, b"E")


def groups_between(starts: Sequence[int], start: int, stop: int) -> range:
    """The numbers of the row groups that begin at byte `start` of their file or later, and before `stop`.

    All groups are in one of the ranges that make up the file, in order, whatever their starts.
    """
    ascending = list(itertools.accumulate((max(position, 0) for position in starts), max))
    return range(bisect.bisect_left(ascending, start), bisect.bisect_left(ascending, stop))


def _group_starts(metadata: Any) -> list[int]:
    return [_group_start(metadata.row_group(i)) for i in range(metadata.num_row_groups)]


def _group_start(group: Any) -> int:
    column = group.column(0) if group.num_columns else None
    return 0 if column is None else column.dictionary_page_offset or column.data_page_offset


def _batch_rows(metadata: Any, most: int) -> int:
    """How many rows to read at a time, by what the footer says of their length."""
    total_bytes = sum(max(metadata.row_group(i).total_byte_size, 0) for i in range(metadata.num_row_groups))
    fitting: int = BATCH_BYTES * max(metadata.num_rows, 1) // max(total_bytes, 1)
    return max(1, min(most, fitting))


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch, or slices of it, each of about BATCH_BYTES at most."""
    count = max(1, -(-batch.num_rows * BATCH_BYTES // max(batch.nbytes, BATCH_BYTES)))
    if count >= batch.num_rows:
        yield batch
        return
    for start in range(0, batch.num_rows, count):
        yield batch.slice(start, count)


def _check(batch: pa.RecordBatch) -> None:
    """Raises ValueError for values that are not where their column says: they would crash who uses them.

    Its text is not Arrow's, which quotes the value: a time that is none may be a person's.
    """
    for number, column in enumerate(batch.columns, 1):
        try:
            _as_bytes(column).validate(full=True)
        except (pa.ArrowInvalid, IndexError) as error:  # of a dictionary, too
            raise ValueError(f"column {number} holds values that its type cannot have") from error


def _as_bytes(column: pa.Array) -> pa.Array:
    """The column with texts as bytes: it is for others to say what is no UTF-8."""
    if isinstance(column, pa.ExtensionArray):
        return _as_bytes(column.storage)
    if isinstance(column, pa.DictionaryArray):
        column.indices.validate(full=True)
        return pa.DictionaryArray.from_arrays(column.indices, _as_bytes(column.dictionary))
    column.validate()  # a view of what has the wrong lengths is none
    wanted = _bytes_type(column.type)
    return column if wanted == column.type else column.view(wanted)


def _bytes_type(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_string(kind):
        return pa.binary()
    if types.is_large_string(kind):
        return pa.large_binary()
    if types.is_list(kind):
        return pa.list_(_bytes_field(kind.value_field))
    if types.is_large_list(kind):
        return pa.large_list(_bytes_field(kind.value_field))
    if types.is_struct(kind):
        return pa.struct([_bytes_field(kind[i]) for i in range(kind.num_fields)])
    return kind


def _bytes_field(field: pa.Field) -> pa.Field:
    return field.with_type(_bytes_type(field.type))


def _stream(batch: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _send(out: int, kind: bytes, *parts: bytes | pa.Buffer) -> None:
    buffers = [memoryview(part) for part in parts]
    for view in (memoryview(FRAME.pack(kind, sum(view.nbytes for view in buffers))), *buffers):
        while view.nbytes:
            view = view[os.write(out, view) :]  # noqa: PLW2901


def _errno(error: Exception) -> int | None:
    number: int | None = error.errno if isinstance(error, OSError) else None
    return number


if __name__ == "__main__":
    main()
