"""A part of a file, cut where records begin, as a stream of its own."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from trueserve.transforms.files.ranges import END_OF_FILE

#: Where the first record begins that does so at a byte of a file or later: a function of what the file holds.
#: None if surely none begins before another byte; what it says may be at that one or later, up to the end.
FirstRecord: TypeAlias = Callable[[BinaryIO, int, int], int | None]


class WrongCutError(Exception):
    """A file was cut where no record begins.

    Attributes:
      offset: the byte; `detail`: what may have hidden that.
    """

    def __init__(self, offset: int, cause: str) -> None:
        self.offset = offset
        self.detail = f"the file was cut within {cause}; read files whole with --range_mib=0"
        super().__init__(f"{self.detail} (at byte {offset})")


class Section(io.RawIOBase):
    """The bytes of a file from `start` up to `end`. `stored` is left as far on as it has been read.

    Attributes:
      before: comes first, such as the file's header.
    """

    def __init__(self, stored: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        self.start, self.end = start, end
        self.before = b""
        self._stored = stored
        self._left = end - start
        stored.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills the buffer as far as it can be at once; 0 at the end."""
        read_into = getattr(self._stored, "readinto", None)
        if self.before or read_into is None:
            data = self.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)
        count: int = read_into(buffer[: self._left])
        self._left -= count
        return count

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; b"" at the end."""
        if size < 0:
            return self.readall()
        if self.before:
            data, self.before = self.before[:size], self.before[size:]
            return data
        data = self._stored.read(min(size, self._left))
        self._left -= len(data)
        return data


def open_section(
    stored: BinaryIO, start: int, stop: int, first_record: FirstRecord, cause: str
) -> Section | None:
    """The records of a file that begin at byte `start` or later, and before `stop`; None if there is none.

    The next range begins where this section ends. Its reader must see that a record ends there: if each does,
    from the first range on, the file was cut right. Raises WrongCutError, of this `cause`, where no record
    begins before `stop`, but the next range begins elsewhere than this one would.
    """
    first = first_record(stored, start, stop)
    if first is None:
        return None
    end = END_OF_FILE if stop == END_OF_FILE else _end(stored, stop, first_record)
    if first < stop:
        return Section(stored, first, end)
    if first != end:
        raise WrongCutError(end, cause)
    return None


def _end(stored: BinaryIO, stop: int, first_record: FirstRecord) -> int:
    # Before the search: the file may be longer after it.
    size = stored.seek(0, io.SEEK_END)
    end = first_record(stored, stop, END_OF_FILE)
    return size if end is None else end
