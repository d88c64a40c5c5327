"""Standard streams that may be full, closed or gone: that changes nothing of what was published."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from trueserve.transforms.files.file_systems import reason


class Guarded:
    """A text stream that remembers why it could not be written, in place of raising.

    Characters that the stream's encoding lacks are spelled out. What is written after a failure is dropped.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.unwritable: str | None = "it is closed" if stream is None else None

    def write(self, text: str) -> int:
        if self._stream is not None and self.unwritable is None:
            with self._remembering():
                self._stream.write(self._encodable(text))
        return len(text)

    def flush(self) -> None:
        if self._stream is not None and self.unwritable is None:
            with self._remembering():
                self._stream.flush()

    def flushed(self) -> str | None:
        """Why not all of what was written has gone out; None where it has."""
        self.flush()
        return self.unwritable

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def _encodable(self, text: str) -> str:
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    @contextlib.contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.unwritable = reason(error)
        except ValueError:
            self.unwritable = "it is closed"


def say(text: str, stream: TextIO | None = None) -> None:
    """One line on standard error, if that can be written."""
    guarded = Guarded(stream or sys.stderr)
    guarded.write(f"trueserve: {text}\n")
    guarded.flush()


def open_missing() -> None:
    """Opens the null device for standard streams that are closed: no file may get their numbers.

    The programs that are started from here have it, too: in them a file could get the number as well.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(descriptor, True)
