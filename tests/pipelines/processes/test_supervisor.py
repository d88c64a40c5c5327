"""A command that a signal ends: one line, the exit code that shells know, and nothing left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.repo import ROOT

# Stands for a command: says where it is, and stays there. `work` is what it does first.
COMMAND = """
import os, signal, subprocess, sys, tempfile, threading, time
from pathlib import Path
from trueserve.pipelines.process import supervisor

def work(argv):
    {work}
    print("there", flush=True)
    threading.Event().wait()

os._exit(supervisor.run(sys.argv[1:], work))
"""
OUTPUT = "out"
TEMPORARY = "Path(tempfile.mkdtemp(), 'half').write_text('half')"
CHILDREN = (
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True,"
    " stdin=subprocess.DEVNULL)"
)
WRITING = (
    "from trueserve.transforms.files import lease; lease.acquire('out/.20130714T050000Z-0123abcd');"
    " Path('out/runs/20130714T050000Z-0123abcd-0123456789ab').mkdir(parents=True)"
)
SWALLOWING = "[signal.signal(n, signal.SIG_IGN) for n in (signal.SIGTERM, signal.SIGHUP)]"
PUBLISHING = "Path('out').mkdir(); Path('out/verdict.json').write_text('[]')"
SUBMITTED = "supervisor.mark_submitted()"
DYING = "os.kill(os.getpid(), signal.SIGKILL)"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """No signal is ignored that `nohup`, or a shell that has the tests in its background, lets ignore."""
    of_hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    of_interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGHUP, of_hangup)
    signal.signal(signal.SIGINT, of_interrupt)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

    def start(work: str, *, wait: bool = True) -> subprocess.Popen[str]:
        (tmp_path / "temporary").mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path / "temporary")}
        command = [sys.executable, "-c", COMMAND.format(work=work), "validate", f"--output={OUTPUT}"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
        )
        processes.append(process)
        assert process.stdout is not None
        if wait:
            assert process.stdout.readline() == "there\n"
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    return process.returncode, error


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name
)
@pytest.mark.parametrize("work", [TEMPORARY, CHILDREN, WRITING, SWALLOWING])
def test_a_signal_ends_it_with_one_line_and_nothing_left(
    start: Start, tmp_path: Path, work: str, number: signal.Signals
) -> None:
    # Children of its own hold stderr open as long as they live, and `end` reads it to its end.
    code, error = end(start(work), number)
    assert code == 128 + number
    assert error == f"trueserve: ended by {number.name}; nothing was published\n"
    assert not list((tmp_path / "temporary").iterdir())
    assert not list(tmp_path.glob("out/runs/*"))
    assert not list(tmp_path.glob("out/.*"))


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (PUBLISHING, "the result was published before that, and stays in out"),
        (SUBMITTED, "nothing was published; the job that was submitted goes on and may still publish"),
    ],
)
def test_what_it_says_is_true(start: Start, work: str, says: str) -> None:
    assert end(start(work), signal.SIGTERM) == (143, f"trueserve: ended by SIGTERM; {says}\n")


def test_killed_from_outside_it_still_cleans_up(start: Start, tmp_path: Path) -> None:
    process = start(f"{TEMPORARY}; {DYING}", wait=False)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (137, "")
    assert error == "trueserve: ended by SIGKILL from outside (out of memory?); nothing was published\n"
    assert not list((tmp_path / "temporary").iterdir())


def test_the_next_run_removes_the_temporary_folder_of_a_killed_one(start: Start, tmp_path: Path) -> None:
    process = start(TEMPORARY)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    temporary = tmp_path / "temporary"
    assert len(list(temporary.iterdir())) == 2, "the folder, and its lease"
    assert end(start("pass"), signal.SIGTERM)[0] == 143
    assert not list(temporary.iterdir())


def test_the_child_ends_with_its_parent(start: Start) -> None:
    process = start("print(os.getpid(), flush=True)", wait=False)
    assert process.stdout is not None
    child = os.pidfd_open(int(process.stdout.readline()))
    process.kill()
    process.communicate(timeout=60)
    # Its files are closed before it has ended: its end itself is waited for.
    ended = select.select([child], [], [], 60)[0]
    os.close(child)
    assert ended == [child]


def test_a_child_whose_parent_ended_before_it_could_ask_for_the_signal_ends(tmp_path: Path) -> None:
    nobody = 0  # stands for a parent that is not there any more
    call = f"supervisor._be_child({nobody}, set(), '.', lambda: print('ran'))"
    code = f"from trueserve.pipelines.process import supervisor; {call}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (3, b"")


def test_an_ignored_signal_stays_ignored(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("pass")  # as nohup starts it
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    assert end(process, signal.SIGTERM)[0] == 143


def test_exit_codes_and_output_go_through() -> None:
    code = (
        "import os; from trueserve.pipelines.process import supervisor\n"
        "os._exit(supervisor.run(['join'], lambda _: 4))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"", b"")


# Written past Python, as native code does: by the command and by a process that it starts.
LOGGED = "I0000 00:00:1795927033.045042    5714 port.cc:153] oneDNN custom operations are on."
WARNED = "W0000 00:00:1795929182.533249    6334 local_rendezvous.cc:412] Local rendezvous is aborting."
WRITES = f"""
import os, subprocess, sys
from trueserve.pipelines.process import supervisor

def work(argv):
    os.write(2, b"{LOGGED}\\nof the command\\n")
    subprocess.run([sys.executable, "-c", "import os; os.write(2, b'{LOGGED}\\\\nof a worker\\\\n')"])
    print("of Python", file=sys.stderr)
    os.write(2, b"{WARNED}\\nthe last, without an end")
    return 3

os._exit(supervisor.run(["join"], work))
"""


@pytest.mark.parametrize(("level", "shown"), [(None, []), ("1", [WARNED])])
def test_what_native_code_logs_does_not_reach_the_console(level: str | None, shown: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    command = [sys.executable, "-c", WRITES]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    lines = ["of the command", "of a worker", "of Python", *shown, "the last, without an end"]
    assert (done.returncode, done.stderr.splitlines()) == (3, lines)


def test_a_console_that_takes_nothing_keeps_nobody_waiting() -> None:
    """More than a pipe holds is written, and the standard error of the command is full."""
    code = WRITES.replace("return 3", "os.write(2, b'x' * 200_000 + b'y\\n' * 100_000); return 4")
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, stderr=full, check=False, timeout=60)
    assert done.returncode == 4
