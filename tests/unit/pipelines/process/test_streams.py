"""Standard streams that cannot be written: the first reason is kept, and nothing is raised."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.repo import ROOT

from trueserve.pipelines.process import streams
from trueserve.pipelines.process.streams import Guarded


class FullStream(io.StringIO):
    """Takes some characters, and has no room for more; a flush fails when it is to."""

    def __init__(self, capacity: int = 0, flush_fails: bool = False) -> None:
        super().__init__()
        self.capacity, self.flush_fails, self.tried = capacity, flush_fails, 0

    def write(self, text: str) -> int:
        self.tried += 1
        if len(text) > self.capacity:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)

    def flush(self) -> None:
        self.tried += 1
        if self.flush_fails:
            raise OSError(errno.EPIPE, "Broken pipe")

    def isatty(self) -> bool:
        return True


def test_what_is_written_reaches_the_stream() -> None:
    out = io.StringIO()
    guarded = Guarded(out)
    assert guarded.write("day") == 3
    assert guarded.flushed() is None
    assert out.getvalue() == "day"


def test_after_a_failure_nothing_is_tried_again() -> None:
    full = FullStream(capacity=3)
    guarded = Guarded(full)
    assert (guarded.write("day"), guarded.write("night"), guarded.write("day")) == (3, 5, 3)
    assert guarded.unwritable == "No space left on device"
    assert guarded.flushed() == "No space left on device"
    assert (full.getvalue(), full.tried) == ("day", 2)


def test_a_flush_can_fail_too() -> None:
    full = FullStream(capacity=9, flush_fails=True)
    guarded = Guarded(full)
    guarded.write("day")
    assert guarded.flushed() == "Broken pipe"
    guarded.write("day")
    assert full.getvalue() == "day"


def test_a_stream_that_was_closed_is_said_to_be() -> None:
    out = io.StringIO()
    out.close()
    guarded = Guarded(out)
    assert guarded.unwritable is None
    guarded.write("day")
    assert guarded.unwritable == "it is closed"
    assert guarded.isatty() is False


def test_a_stream_that_was_never_open_takes_everything() -> None:
    guarded = Guarded(None)
    assert (guarded.write("day"), guarded.flushed()) == (3, "it is closed")
    assert guarded.isatty() is False
    assert guarded.encoding == "utf-8"
    with pytest.raises(OSError, match=r"^the stream is closed$"):
        guarded.fileno()


def test_a_terminal_and_its_number_are_the_streams_own() -> None:
    assert Guarded(FullStream()).isatty() is True
    assert Guarded(io.StringIO()).isatty() is False
    with open("/dev/null", "w") as null:  # noqa: PTH123
        assert Guarded(null).fileno() == null.fileno()


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_characters_that_the_encoding_lacks_are_spelled_out(encoding: str) -> None:
    raw = io.BytesIO()
    guarded = Guarded(io.TextIOWrapper(raw, encoding=encoding))
    assert guarded.encoding == encoding
    guarded.write("größe \ud800")
    guarded.flush()
    plain = "größe" if encoding == "utf-8" else "gr\\xf6\\xdfe"
    assert raw.getvalue() == f"{plain} \\ud800".encode()


def test_a_message_is_a_line_on_the_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    err = io.StringIO()
    streams.say("error: none", err)
    assert err.getvalue() == "trueserve: error: none\n"
    streams.say("two")
    assert capsys.readouterr().err == "trueserve: two\n"
    full: Any = FullStream()
    streams.say("three", full)


CLOSED = """
import os, sys
for descriptor in {closed}:
    os.close(descriptor)
from trueserve.pipelines.process import streams
streams.open_missing()
file = os.open("/dev/null", os.O_RDONLY)
with open({result!r}, "w") as out:
    print(file > 2, *(os.get_inheritable(number) for number in (0, 1, 2)), file=out)
"""


@pytest.mark.parametrize("closed", [(), (0,), (1, 2), (0, 1, 2)])
def test_no_file_gets_the_number_of_a_stream_that_is_closed(tmp_path: Path, closed: tuple[int, ...]) -> None:
    result = tmp_path / "result"
    code = CLOSED.format(closed=closed, result=str(result))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert result.read_text() == "True True True True\n"
