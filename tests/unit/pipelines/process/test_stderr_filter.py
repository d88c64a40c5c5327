"""Lines of native code are left out; a console that takes nothing keeps its file descriptor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from trueserve.pipelines.process import stderr_filter
from trueserve.pipelines.process.stderr_filter import StderrFilter

_HIDDEN = b"I0000 00:00:1795927033.045042    5714 port.cc:153] oneDNN custom operations are on.\n"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """The ends of a pipe that stands for the console; the filter owns the one that is written."""
    reading, writing = os.pipe()
    monkeypatch.setattr(os, "dup", lambda _: writing)
    monkeypatch.setattr(stderr_filter, "_SECONDS_TO_END", 0.05)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    yield reading, writing
    os.close(reading)


def _started(data: bytes) -> StderrFilter:
    """A filter into which `data` was written, and nobody will write more."""
    lines = StderrFilter()
    os.write(lines._input, data)
    lines.start()
    return lines


def _fill(pipe: int) -> int:
    """Writes until the pipe takes no more; how many bytes that were."""
    filled = 0
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += os.write(pipe, b"x" * 4096)
    os.set_blocking(pipe, True)
    return filled


def test_the_console_gets_all_lines_but_those_of_native_code(console: tuple[int, int]) -> None:
    reading, writing = console
    lines = _started(_HIDDEN + b"trueserve: error: no such file\n")
    lines._thread.join()
    lines.finish()
    assert os.read(reading, 1000) == b"trueserve: error: no such file\n"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writing)


def test_the_number_of_a_console_that_is_written_is_not_given_away(console: tuple[int, int]) -> None:
    reading, writing = console
    filled = _fill(writing)
    lines = _started(b"the last line\n")
    lines.finish()
    assert os.fstat(writing)
    output = b""
    while not output.endswith(b"the last line\n"):
        output += os.read(reading, 1 << 16)
    assert len(output) == filled + len(b"the last line\n")
    lines._thread.join()
    lines.finish()


def test_in_a_block_lines_of_native_code_are_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, _HIDDEN)
    with stderr_filter.filtered():
        os.write(2, _HIDDEN + b"shown\n")
    os.write(2, _HIDDEN)
    hidden = _HIDDEN.decode()
    assert capfd.readouterr().err == f"{hidden}shown\n{hidden}"
