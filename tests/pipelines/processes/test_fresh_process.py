"""The process that runs a stranger's model: its limits, its end, and what is said of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.repo import ROOT
from support.saved_models import landlock

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.serving.fresh_process import fresh_process

FAILED = "the model m: %s"
_FOR_SURE = 60  # seconds; what is waited for comes in a fraction of one


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module for the fresh process to run; `plant` writes it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return str(tmp_path / "planted.py")


def plant(file: str, code: str) -> None:
    body = "\n".join(f"    {line}" for line in code.splitlines())
    Path(file).write_text(
        f"import os, signal, socket, sys, time\ndef prepare(): pass\ndef answer(line):\n{body}\n"
    )


def answer_of(line: str = "x", timeout: float = _FOR_SURE) -> object:
    with fresh_process("planted", timeout, "raise --timeout") as fresh:
        return fresh.ask(line, FAILED)


def test_it_answers_and_says_what_is_enforced(module: str) -> None:
    plant(module, "print('noise'); return line + '!'")
    with fresh_process("planted", _FOR_SURE) as fresh:
        assert fresh.ask("x", FAILED) == "x!"
    assert set(fresh.sandbox) == {"network", "writes", "programs"}


def test_a_loop_without_an_end_is_ended_and_named(module: str) -> None:
    plant(module, "while True: pass")
    with pytest.raises(InputError) as caught:
        answer_of(timeout=0.5)
    assert str(caught.value) == (
        "the model m: it was not done after 0.5 seconds and was ended; raise --timeout"
    )


def test_the_return_code_comes_before_the_last_line_of_a_log(module: str) -> None:
    plant(module, "print('all is well', file=sys.stderr); os.kill(os.getpid(), 9)")
    with pytest.raises(InputError) as caught:
        answer_of()
    assert str(caught.value) == (
        "the model m: it was ended by signal 9 (SIGKILL), perhaps for want of memory;"
        " the last line that it wrote: all is well"
    )
    native = "I0000 00:00:1795927033.045042    5714 port.cc:153] oneDNN custom operations are on."
    plant(module, f"os.write(2, b'all is well\\n{native}\\n'); os._exit(4)")
    with pytest.raises(InputError, match=r"it ended with code 4; the last line that it wrote: all is well$"):
        answer_of()
    plant(module, "os._exit(3)")
    with pytest.raises(InputError, match=r"the model m: it ended with code 3$"):
        answer_of()


def test_an_error_is_said_whatever_a_log_says_after_it(module: str) -> None:
    plant(module, "import atexit; atexit.register(os.write, 2, b'bye'); raise ValueError('no such op')")
    with pytest.raises(InputError, match=r"the model m: ValueError: no such op$"):
        answer_of()


def _has_seccomp() -> bool:
    status = Path("/proc/self/status")
    return status.exists() and "Seccomp:" in status.read_text()


def test_it_writes_nothing_outside_its_folder(module: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    plant(module, f"import tempfile; tempfile.TemporaryFile(); open({str(target)!r}, 'w')")
    with fresh_process("planted", _FOR_SURE) as fresh, contextlib.suppress(InputError):
        fresh.ask("x", FAILED)
    assert target.exists() == (landlock() < 1)


def test_it_has_no_network(module: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        plant(
            module,
            f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5); return 'connected'",
        )
        connected = False
        with contextlib.suppress(InputError):
            connected = answer_of() == "connected"
    assert connected == (not _has_seccomp() and landlock() < 4)


def test_it_starts_no_program(module: str) -> None:
    plant(module, "import subprocess; subprocess.run([sys.executable, '-V']); return 'started'")
    started = False
    with contextlib.suppress(InputError):
        started = answer_of() == "started"
    assert started == (not _has_seccomp())


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_whoever_started_it(module: str, tmp_path: Path, ending: signal.Signals) -> None:
    """The read end of a pipe that the child alone still holds comes to its end when the child has gone."""
    plant(module, "os.write(int(line), b'.')\nwhile True: pass")
    read, write = os.pipe()
    os.set_inheritable(write, True)
    code = (
        "import sys, subprocess\nfrom trueserve.transforms.serving import fresh_process as f\n"
        "start = subprocess.Popen\n"
        f"f.subprocess.Popen = lambda *a, pass_fds, **k: start(*a, pass_fds=[*pass_fds, {write}], **k)\n"
        f"with f.fresh_process('planted') as p: p.ask('{write}', '%s')\n"
    )
    root = str(ROOT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(tmp_path)])}
    parent = subprocess.Popen([sys.executable, "-c", code], pass_fds=[write], env=environment)
    os.close(write)
    assert os.read(read, 1) == b"."
    parent.send_signal(ending)
    parent.wait(_FOR_SURE)
    assert select.select([read], [], [], _FOR_SURE)[0]
    assert os.read(read, 1) == b""
    os.close(read)
