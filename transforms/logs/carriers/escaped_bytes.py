"""Any bytes for readers that take UTF-8 alone: what is none is escaped, and put back in what they give.

A byte that is no UTF-8 becomes a character of its own, of a range that nobody has given a meaning to. Where a
file has such characters itself, all of its bytes beyond ASCII are escaped, as long as they stand together.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO

from trueserve.transforms.core.arrow import pa, pc

#: The characters that stand for bytes: of private use, U+10FD00 for byte 0, and so on.
PRIVATE = re.compile("[\U0010fd00-\U0010fdff]")
# Their UTF-8 begins with these bytes.
_FIRST, _PREFIX = 0x10FD00, b"\xf4\x8f"
_ESCAPES = re.compile(b"\xf4\x8f[\xb4-\xb7][\x80-\xbf]")
_ERRORS = "trueserve.escape"
_MOST_INCOMPLETE = 3  # bytes of a character whose end is not there yet


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(chr(_FIRST + byte) for byte in wrong), error.end


codecs.register_error(_ERRORS, _escape)


class EscapedStream(io.RawIOBase):
    """A stream of bytes as a stream of UTF-8.

    Attributes:
      has_escapes: whether anything was escaped so far.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.has_escapes = False
        self._stream = stream
        self._incomplete = b""  # read, and not yet escaped
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            piece = self._stream.read(len(buffer))
            data, self._incomplete = self._incomplete + piece, b""
            if not data:
                return 0
            self._ready = memoryview(self._escaped(data, is_last=not piece))
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _escaped(self, data: bytes, *, is_last: bool) -> bytes:
        if data.isascii():
            return data
        if not is_last:
            end = _end_of_characters(data)
            data, self._incomplete = data[:end], data[end:]
        text = data.decode("ascii" if _PREFIX in data else "utf-8", _ERRORS)
        escaped = text.encode()
        self.has_escapes |= escaped != data
        return escaped


def unescaped(values: pa.Array) -> pa.Array:
    """Binary values with their own bytes in place of escapes."""
    if not pc.any(pc.match_substring(values, pattern=_PREFIX)).as_py():
        return values
    plain = [None if value is None else _ESCAPES.sub(_byte_of, value) for value in values.to_pylist()]
    return pa.array(plain, values.type)


def _byte_of(escape: re.Match[bytes]) -> bytes:
    return bytes([ord(escape[0].decode()) - _FIRST])


def _end_of_characters(data: bytes) -> int:
    """Where the last character ends whose bytes may all be there."""
    for back in range(1, min(_MOST_INCOMPLETE, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if size > back else len(data)
        if byte < 0x80:
            break
    return len(data)
