"""CSV in ranges: where a row begins, although values in quotes may hold what looks like rows.

Whether a byte is in quotes, only those before tell, all of them. So rows are followed from a good deal before
the place that is asked for, once as if that began in quotes and once as if not, and what makes fewer odd rows
is taken. Who reads up to the place finds out where that errs, because rows then end there in quotes.
"""

from __future__ import annotations

import functools
import io
import re
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from trueserve.transforms.columnar.csv_rows import AFTER_QUOTE, AT_START, IN_QUOTES, IN_VALUE, follow_rows
from trueserve.transforms.files import paths
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.section import Section, WrongCutError, open_section
from trueserve.transforms.logs.carriers.csv_header import read_header
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD
from trueserve.transforms.logs.carriers.table_error import TableError

#: So many bytes before the place that is asked for are looked at, too.
LOOK_BACK = 1 << 20
_PIECE = 1 << 20
_HEADER_BYTES = 1 << 20
_CAUSE = "a quoted value, or a quote is missing"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_AFTER = {b"\n": AT_START, b"\r": AT_START, b'"': AFTER_QUOTE}


class Table(NamedTuple):
    """The names in a header, a stream of the header and rows after it, and what separates values."""

    names: list[str]
    stream: BinaryIO
    separator: str = ","


def open_csv(
    stored: BinaryIO, start: int = 0, stop: int = END_OF_FILE, separator: str | None = None
) -> Table | None:
    """The rows of a file, which can be cut unless all are wanted, that begin from `start` up to `stop`.

    None if there are none. Raises TableError for names that are no header. `separator` is as in `csv_header`.
    """
    stored.seek(0)
    names, separator = read_header(paths.decompressed(stored), separator)
    if not names:
        return None
    if start or stop != END_OF_FILE:
        stream = open_rows(
            stored, start, stop, Header(header_of(stored, separator) or b"", len(names), separator)
        )
        return None if stream is None else Table(names, stream, separator)
    stored.seek(0)
    return Table(names, cast(BinaryIO, _ClosedQuotes(paths.decompressed(stored), separator)), separator)


class Header(NamedTuple):
    """The first row of a file as stored, with its end; how many names it has, and what separates them."""

    line: bytes
    width: int
    separator: str = ","


def header_of(stored: BinaryIO, separator: str = ",") -> bytes | None:
    """The first row of an uncompressed file, with its newline; None where nobody can tell what ends it."""
    stored.seek(0)
    start = stored.read(_HEADER_BYTES)
    mark = len(_BYTE_ORDER_MARK) if start.startswith(_BYTE_ORDER_MARK) else 0
    end, state, _ = _follow(start, AT_START, 0, separator, mark, to_line_end=True)
    line = start[:end]
    is_line = state == AT_START and line.endswith(b"\n") and not _LONE_RETURN.search(line)
    return line if is_line else None


def open_rows(
    stored: BinaryIO, start: int, stop: int, header: Header, look_back: int = LOOK_BACK
) -> BinaryIO | None:
    """The header, and the rows of an uncompressed file that begin from `start` up to `stop`; None for none.

    Rows are those that follow a newline. To read the stream raises WrongCutError, at its end, where the next
    range begins within a row.
    """
    find = functools.partial(first_row, header=header, look_back=look_back)
    section = open_section(stored, start, stop, find, _CAUSE)
    return None if section is None else cast(BinaryIO, _Rows(stored, section, header))


def first_row(
    stored: BinaryIO, at: int, _stop: int, header: Header, look_back: int = LOOK_BACK
) -> int | None:
    """Where the first row of a file begins at byte `at` or later, see `section.FirstRecord`.

    One that begins far beyond is not looked for: the end of the file is in its place.
    """
    first = len(header.line)
    if at <= first:
        return first
    state, position = _state_at(stored, at - 1, header, look_back), at - 1
    # To the end of a row even if that is after `_stop`: others may take it for the end of another one.
    while position < at + LARGEST_RECORD and (piece := stored.read(_PIECE)):
        end, state, _ = _follow(piece, state, header.width, header.separator, to_line_end=True)
        position += end
        if state == AT_START and piece[end - 1 : end] == b"\n":
            return position
    return stored.seek(0, io.SEEK_END)


def _state_at(stored: BinaryIO, at: int, header: Header, look_back: int) -> int:
    """In which state a byte is met, to which `stored` is moved."""
    first, follow = (
        len(header.line),
        functools.partial(_follow, width=header.width, separator=header.separator),
    )
    start = max(at - look_back, first)
    stored.seek(start - 1)
    piece = stored.read(at - start + 1)
    before, piece = piece[:1], piece[1:]
    _, outside, odd_outside = follow(piece, _after(before, header.separator))
    _, inside, odd_inside = follow(piece, IN_QUOTES)
    return inside if start > first and odd_inside < odd_outside else outside


def _after(byte: bytes, separator: str) -> int:
    """The state after a byte that is in no quotes."""
    return _AFTER.get(byte, IN_VALUE) if byte != separator.encode() else AT_START


def _follow(
    data: bytes, state: int, width: int, separator: str = ",", start: int = 0, *, to_line_end: bool = False
) -> tuple[int, int, int]:
    if separator != ",":
        # Rows are followed by commas alone: to change places takes less than a second way to compile.
        data = data.translate(bytes.maketrans(separator.encode() + b",", b"," + separator.encode()))
    end, state, odd = follow_rows(np.frombuffer(data, np.uint8), start, state, width, to_line_end)
    return end, state, odd


class _Quotes:
    """Whether what has been read ends in quotes."""

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._state = AT_START

    @property
    def are_open(self) -> bool:
        """Whether a quoted value has begun and not ended."""
        return self._state == IN_QUOTES

    def see(self, data: bytes) -> None:
        """What follows; most of it has no quotes at all."""
        if b'"' in data:
            _, self._state, _ = _follow(data, self._state, 0, self._separator)
        elif data and not self.are_open:
            self._state = _after(data[-1:], self._separator)


def _not_closed() -> TableError:
    return TableError("bad_csv", "cannot read it as CSV: a quote is not closed, and hides the rows after it")


class _ClosedQuotes:
    """The stream of a file. To read it raises TableError at its end, where that is in quotes."""

    def __init__(self, stream: BinaryIO, separator: str) -> None:
        self._stream = stream
        self._quotes = _Quotes(separator)
        self._is_start = True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        return self._seen(self._stream.read(size), size)

    def read1(self, size: int = -1) -> bytes:
        """Those that are there at once, if the stream tells; else as `read`."""
        return self._seen(getattr(self._stream, "read1", self._stream.read)(size), size)

    def _seen(self, data: bytes, size: int) -> bytes:
        self._quotes.see(data.removeprefix(_BYTE_ORDER_MARK) if self._is_start else data)
        self._is_start = False
        if size and not data and self._quotes.are_open:
            raise _not_closed()
        return data


class _Rows(Section):
    """A section after its file's header, which sees where the rows end that are read of it."""

    def __init__(self, stored: BinaryIO, section: Section, header: Header) -> None:
        super().__init__(stored, section.start, section.end)
        self.before = header.line
        self._quotes = _Quotes(header.separator)

    def read(self, size: int = -1) -> bytes:
        """As `Section.read`. In quotes it raises WrongCutError at its end, TableError at that of the file."""
        if size < 0:
            return self.readall()
        is_header = bool(self.before)
        data = super().read(size)
        if not is_header:
            self._quotes.see(data)
        if size and not data and self._quotes.are_open:
            raise WrongCutError(self.end, _CAUSE) if self._stored.read(1) else _not_closed()
        return data
