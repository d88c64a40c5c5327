"""Lines of a stream, within bounded memory however long they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from trueserve.transforms.logs.carriers.records import LARGEST_RECORD, explained

#: What a line of a log service's export begins with: its time, and a blank before what was logged.
EXPORTED = re.compile(rb"(\d{4}-\d\d-\d\dT[\d:.]{5,18}Z?) +(?=\S)", re.ASCII)
_PIECE = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines(stream: BinaryIO, *, first: bool = True) -> Iterator[bytes | None]:
    r"""The lines of a stream without their `\n` and without a byte-order mark; None for one that is too long.

    `first` is whether the stream begins as its file does, maybe with such a mark. Raises TableError where
    compressed data end early or are broken, after all whole lines before.
    """
    parts: list[bytes] = []
    size = 0
    for piece in _pieces(stream):
        # Not splitlines, which would end a line at a lone carriage return, too.
        *ends, rest = piece.split(b"\n")
        for end in ends:
            size += len(end)
            yield _line([*parts, end], size, first)
            parts, size, first = [], 0, False
        size += len(rest)
        if size > LARGEST_RECORD:
            parts.clear()
        elif rest:
            parts.append(rest)
    if size:
        yield _line(parts, size, first)


def first_line(stored: BinaryIO, at: int, stop: int) -> int | None:
    """Where the first line of a file begins at byte `at` or later, see `section.FirstRecord`."""
    if at == 0:
        return 0
    stored.seek(at - 1)
    position = at - 1
    while position < stop and (piece := stored.read(_PIECE)):
        if (end := piece.find(b"\n")) >= 0:
            return position + end + 1
        position += len(piece)
    return None


def _line(parts: list[bytes], size: int, first: bool) -> bytes | None:
    if size > LARGEST_RECORD:
        return None
    line = b"".join(parts)
    return line.removeprefix(_BYTE_ORDER_MARK) if first else line


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    # Where data end early, `read` of a decompressing stream loses what it has read; `read1` gives it first.
    read = getattr(stream, "read1", stream.read)
    while True:
        with explained():
            piece: bytes = read(_PIECE)
        if not piece:
            return
        yield piece
