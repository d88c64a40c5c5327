"""Commands that are killed at a given write, and what is to be found afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import mmap
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trueserve.transforms.runs import copies

# What changes a file system, as Python's audit events have it. The first argument is a path in each.
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"}
_OPENS, _FIRST_FOLDER = 1, 2
_ENDS_WITHIN_SECONDS = 60.0
_LONGEST_RUN_SECONDS = 300.0
_PR_SET_CHILD_SUBREAPER = 36
MOST_CHANGES = 10_000
_RUN = re.compile(r"[0-9]{8}T[0-9]{6}[Z0-9.]*-[0-9a-f]{8}-[0-9a-f]{12}")
_VERSION = re.compile(r"[0-9]+")


class Kill(NamedTuple):
    """A moment at which everything is killed.

    Attributes:
      change: before which change of the file system, from 0; None for never.
      half: where the change opens a file to write: when it is there, and empty, in place of before.
      alone: the process that makes the change is killed, and no other.
      term: the first process gets SIGTERM, and the one that makes the change waits.
    """

    change: int | None = None
    half: bool = False
    alone: bool = False
    term: bool = False


class Changes:
    """Counts the changes below some folders over all processes of a run, and kills them all at one."""

    def __init__(self, folders: Sequence[Path], kill: Kill) -> None:
        self._folders = tuple(f"{folder.resolve()}/" for folder in folders)
        self._kill = kill
        self._first_process = 0
        # Shared with processes that are forked: the count, then for each change whether it opens a file.
        self._done = mmap.mmap(-1, 8 + MOST_CHANGES)

    @property
    def count(self) -> int:
        return int.from_bytes(self._done[:8], "little")

    @property
    def opened(self) -> list[int]:
        """The changes that open a file to write."""
        return [number for number in range(self.count) if self._done[8 + number] & _OPENS]

    @property
    def in_first_folder(self) -> list[int]:
        """The changes below the first of the folders."""
        return [number for number in range(self.count) if self._done[8 + number] & _FIRST_FOLDER]

    def watch(self) -> None:
        """From now on, in this process and those that it forks; there is no way back."""
        self._first_process = os.getpid()
        sys.addaudithook(self._heard)

    def _heard(self, event: str, details: tuple[Any, ...]) -> None:
        opens = event == "open" and _writes(details)
        if not (opens or event in _CHANGES):
            return
        path = os.path.abspath(_path(event, details))  # noqa: PTH100
        if not path.startswith(self._folders):
            return
        number = self.count
        self._done[8 + number] = _OPENS * opens | _FIRST_FOLDER * path.startswith(self._folders[0])
        self._done[:8] = (number + 1).to_bytes(8, "little")
        if number == self._kill.change:
            self._folders = ()  # what follows is no change of the run's
            self._end(details[0], opens)

    def _end(self, file: str, opens: bool) -> None:
        if self._kill.half and opens:
            os.close(os.open(file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644))
        if not self._kill.term:
            os.kill(os.getpid() if self._kill.alone else 0, signal.SIGKILL)
        os.kill(self._first_process, signal.SIGTERM)
        while os.getpid() != self._first_process:
            signal.pause()


def _path(event: str, details: tuple[Any, ...]) -> str:
    """The path that an event is about; of a removal in an open folder too, as `shutil.rmtree` does it."""
    if not isinstance(details[0], str | bytes | os.PathLike):
        return "/"
    path = os.fsdecode(details[0])
    if event in ("os.remove", "os.rmdir") and details[1] >= 0:
        return os.path.join(os.readlink(f"/proc/self/fd/{details[1]}"), path)  # noqa: PTH115, PTH118
    return path


def _writes(details: tuple[Any, ...]) -> bool:
    _, mode, flags = details
    if isinstance(mode, str):
        return bool(set(mode) & set("wxa+"))
    return bool(flags & os.O_CREAT)


class Later(NamedTuple):
    """A signal after some seconds: SIGKILL for all processes of a run, any other for the first one."""

    seconds: float
    number: signal.Signals


def run_forked(work: Callable[[], int], log: Path, changes: Changes, later: Later | None = None) -> int:
    """Runs `work` in a process group of its own; its exit code, or minus the signal that ended it.

    Args:
      log: gets what it writes to stdout and stderr.
      changes: counted, and perhaps killed at.
    """
    if not (child := os.fork()):
        code = 99
        try:
            os.setpgid(0, 0)
            _write_to(log)
            changes.watch()
            code = work()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    if later is not None:
        time.sleep(later.seconds)
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if later.number is signal.SIGKILL else os.kill)(child, later.number)
    status = _wait(child)
    return os.waitstatus_to_exitcode(status)


def _wait(child: int) -> int:
    limit = time.monotonic() + _LONGEST_RUN_SECONDS
    while time.monotonic() < limit:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    raise TimeoutError(f"it did not end within {_LONGEST_RUN_SECONDS:.0f} s")


def _write_to(log: Path) -> None:
    descriptor = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def adopt_orphans() -> None:
    """Whoever is left behind by a killed process becomes a child of this one, where it is seen."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def living_orphans() -> list[int]:
    """Waits until all children have ended by themselves; those that have not, after a while."""
    limit = time.monotonic() + _ENDS_WITHIN_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < limit:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.02)
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


def listing(folder: Path) -> list[str]:
    """Every file and folder below, hidden ones too; what has a name by chance or time has it no more.

    Runs and versions that are whole are left out: a run that was killed may have made one more.
    """
    names = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted({str(name) for name in names if not _is_whole_extra(folder, name)})


def _is_whole_extra(folder: Path, name: Path) -> bool:
    for index, part in enumerate(name.parts):
        path = folder.joinpath(*name.parts[: index + 1])
        if _RUN.fullmatch(part) and (path / "verdict.json").is_file():
            return True
        if _VERSION.fullmatch(part) and (path / "saved_model.pb").is_file():
            return True
    return False


def broken(folder: Path) -> list[str]:
    """What is not as the documents below a folder say: size and SHA-256 of each file that they name."""
    return [*_broken_runs(folder), *_broken_backtest(folder)]


def _broken_runs(folder: Path) -> Iterator[str]:
    for verdict in folder.rglob("verdict.json"):
        document = json.loads(verdict.read_bytes())
        root = verdict.parent if not _RUN.fullmatch(verdict.parent.name) else verdict.parents[2]
        for name, artifact in document["artifacts"].items():
            data = _content(root / artifact["path"])
            if (len(data), _digest(data)) != (artifact["bytes"], artifact["sha256"]):
                yield f"{verdict}: {name}"
        replaced = document.get("replaces")
        # Of a window of a series only the verdict that stands is kept.
        if (
            replaced
            and root.parent.name != "windows"
            and not (root / "runs" / replaced / "verdict.json").is_file()
        ):
            yield f"{verdict}: the verdict that it replaced is nowhere"
        if root == verdict.parent:
            yield from _broken_copies(root, document["artifacts"])


def _broken_copies(root: Path, artifacts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Copies may be missing, but none may be another verdict's."""
    for copy in (root / name for name in copies.COPIES if (root / name).exists()):
        if _digest(copy.read_bytes()) != artifacts.get(copy.name, {}).get("sha256"):
            yield f"{copy} is a copy of another verdict's"


def _broken_backtest(folder: Path) -> Iterator[str]:
    for result in folder.rglob("backtest.json"):
        known = {name: [digest] for name, digest in json.loads(result.read_bytes())["files"].items()}
        pending = result.with_name("backtest.pending.json")
        # While files are replaced one by one this says which ones may be there.
        may_be = json.loads(pending.read_bytes())["files"] if pending.exists() else {}
        for name, digests in known.items():
            if _digest(_content(result.with_name(name))) not in [*digests, *may_be.get(name, [])]:
                yield f"{result}: {name}"


def snapshot(folder: Path) -> Mapping[str, str]:
    """The digest of each file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _digest(path.read_bytes()) for path in files}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
