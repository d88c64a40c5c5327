"""Runs a command in a child process, and cleans up after it, however and in whatever phase it ends.

The parent imports nothing heavy and waits for nothing else, so that it hears a signal at once: while the
child imports TensorFlow, waits for native code or for Beam's threads, writes, or has workers of its own. It
ends the child and all that the child started, and then removes what was under way, as the next run would
after a kill (`transforms.files.lease`). The temporary files of the child, of every library and worker, are in
one folder. What native code logs to standard error does not reach the console (`stderr_filter`).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from trueserve.pipelines.process import cleanup, streams
from trueserve.pipelines.process.stderr_filter import StderrFilter
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.files import lease
from trueserve.transforms.publish import formatting

_TEMPORARY = re.compile(r"trueserve-[0-9a-f]{12}")
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# From linux/prctl.h.
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SECONDS_TO_END = 10.0
# Shells, `make` and `timeout` send a signal to a process and to its group: that is one, not two.
_SAME_SIGNAL_SECONDS = 0.5


class _State:
    """What the child's process and its parent know of each other."""

    submitted: mmap.mmap | None = None
    kept: str | None = None


def mark_submitted() -> None:
    """Says that a remote runner is about to get the job, which goes on when this process ends."""
    if _State.submitted is not None:
        _State.submitted[0] = 1


def folder_for_reports() -> str | None:
    """The folder of temporary files that outlive the command; None for Python's own."""
    return _State.kept


def run(argv: Sequence[str], command: Callable[[Sequence[str]], int]) -> int:
    """Runs a command in a child and returns its exit code; 128 and the signal's number if one ended it."""
    try:
        return _supervise(argv, command)
    except TrueserveError as error:
        streams.say(f"error: {formatting.visible(str(error), 4000)}")
        return error.exit_code


def _supervise(argv: Sequence[str], command: Callable[[Sequence[str]], int]) -> int:
    watched = {number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN}
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a signal that is ignored cannot be waited for
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*watched, signal.SIGCHLD})
    result = cleanup.of_command(argv)
    earlier_state = result.published()
    _State.submitted = mmap.mmap(-1, 1)
    with _temporary_folder() as temporary:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _flush()
        stderr_filter = StderrFilter()
        parent, child = os.getpid(), os.fork()
        if not child:
            _be_child(parent, mask, temporary, lambda: _run_filtered(stderr_filter, command, argv))
        stderr_filter.start()  # after the fork, for a thread would not be in the child
        number, code = _wait(child, watched)
        _end_all(child)
        stderr_filter.finish()
        if number is None and code >= 0:
            return code
        ended_by = signal.Signals(number or -code)
        _end_on_next_signal(watched, ended_by)
        result.clean(_remote_folders(temporary))
    _print_line(_line(ended_by, number is None, result.outcome(earlier_state), bool(_State.submitted[0])))
    return 128 + ended_by


def _be_child(
    parent: int, mask: set[int | signal.Signals], temporary: str, command: Callable[[], int]
) -> None:
    """The rest of the child's life."""
    code = 3
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return
        # A terminal sends it to the parent, too.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _State.kept = tempfile.gettempdir()
        tempfile.tempdir = os.environ["TMPDIR"] = temporary
        lease.record_remote_in(Path(temporary, cleanup.REMOTE))
        code = command()
        _flush()
    finally:
        # TensorFlow's finalisers fail, at length and without harm, in an interpreter that is shutting down.
        os._exit(code)


def _run_filtered(
    stderr_filter: StderrFilter, command: Callable[[Sequence[str]], int], argv: Sequence[str]
) -> int:
    stderr_filter.divert()
    return command(argv)


def _wait(child: int, watched: set[signal.Signals]) -> tuple[int | None, int]:
    """The signal that came here, or None and how the child ended: its code, or minus its signal."""
    while True:
        number = signal.sigwait({*watched, signal.SIGCHLD})
        if number != signal.SIGCHLD:
            return number, 0
        for pid, status in _ended_children():
            if pid == child:
                return None, os.waitstatus_to_exitcode(status)


def _ended_children() -> Iterator[tuple[int, int]]:
    """The child, and processes that it left behind, as far as they have ended; each once."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def _end_all(child: int) -> None:
    """Ends the child and all below it, whatever groups and sessions they made; they come to us one by one."""
    limit = time.monotonic() + _SECONDS_TO_END
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < limit:
            for pid in _children() or [child]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.005)


def _children() -> list[int]:
    """This process's children; none where the system does not tell."""
    with contextlib.suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


def _prctl(option: int, value: int) -> None:
    """Linux alone has it; elsewhere a child's children end with the pipes to it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _end_on_next_signal(watched: set[signal.Signals], ended_by: signal.Signals) -> None:
    """From here on the next signal ends this process at once."""
    first = time.monotonic()

    def end(_number: int, _frame: FrameType | None) -> None:
        if time.monotonic() - first > _SAME_SIGNAL_SECONDS:
            os._exit(128 + ended_by)

    for number in watched:
        signal.signal(number, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, watched)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[str]:
    """A folder for all temporary files of a run; those of dead runs of this user's go first."""
    parent = tempfile.gettempdir()
    lease.sweep(parent, _TEMPORARY, _delete_own)
    folder = str(Path(parent, f"trueserve-{uuid.uuid4().hex[:12]}"))
    with lease.held(folder):
        Path(folder).mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _delete_own(folder: str) -> None:
    """Others may write in the folder for temporary files, too."""
    with contextlib.suppress(OSError):
        if os.lstat(folder).st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)


def _remote_folders(temporary: str) -> Mapping[str, str]:
    """The folders on object stores in which the child was at work, if no remote job is."""
    assert _State.submitted is not None
    with contextlib.suppress(OSError, ValueError):
        if not _State.submitted[0]:
            return dict(json.loads(Path(temporary, cleanup.REMOTE).read_text()))
    return {}


def _line(ended_by: signal.Signals, was_child: bool, outcome: str, submitted: bool) -> str:
    killed = was_child and ended_by is signal.SIGKILL
    ending = f"ended by {ended_by.name}" + (" from outside (out of memory?)" if killed else "")
    remote = "; the job that was submitted goes on and may still publish" if submitted else ""
    return f"{ending}; {outcome}{remote}"


def _print_line(line: str) -> None:
    out = streams.Guarded(sys.stdout)
    if out.isatty():
        out.write("\x1b[?25h")  # the progress bar had hidden the cursor
        out.flush()
    streams.say(line)


def _flush() -> None:
    """What is not written yet would be written by both processes after a fork; streams may be closed."""
    for stream in (sys.stdout, sys.stderr):
        streams.Guarded(stream).flush()
