"""Who is at work in a folder: a lock that the kernel drops with its owner, so that what the dead left can go.

Beside a working folder `F` lies the file `F.KERNEL.lease`, locked (`flock`) as long as the run lives. It is
there before the folder and goes after it, so that a run that dies at any moment leaves one that nobody holds.

A lock, not a process id: the kernel drops it however its owner ends, and ids are used again, and mean others
in each container. But a kernel knows its own locks alone. The name of a lease says which one it belongs to (a
digest of the boot id, the same in all containers of a machine, another after a restart): a lease of another
kernel, and a folder without one, is left alone until nothing in it has changed for `ABANDONED_SECONDS`.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import glob
import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trueserve.transforms.core.errors import InputError

#: After so many seconds without a change nobody is at work any more, whatever machine it was.
ABANDONED_SECONDS = 7 * 24 * 3600

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LEASE = re.compile(r"(?P<folder>.+)\.(?P<kernel>[0-9a-f]{12})\.lease", re.DOTALL)


@functools.cache
def kernel() -> str:
    """Twelve hex digits for the running kernel; for the machine's name where the kernel has no boot id."""
    try:
        identity = _BOOT_ID.read_text().strip()
    except OSError:
        identity = socket.gethostname()
    return hashlib.sha256(identity.encode()).hexdigest()[:12]


class Lease:
    """A lease that this process holds, or a dead one's that it has taken over."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def release(self, *, forget: bool = True) -> None:
        """Gives it back; the file goes unless it is to be found again (`forget` False)."""
        try:
            if forget:
                with contextlib.suppress(OSError):
                    self._path.unlink()
        finally:
            os.close(self._descriptor)


class _Remote:
    """A local file for the folders on object stores in which this process works, by what they are for."""

    file: Path | None = None


def record_remote_in(file: Path) -> None:
    """From now on `held` keeps a record of folders on object stores, for whoever outlives this process."""
    _Remote.file = file


@contextlib.contextmanager
def held(folder: str, target: str = "") -> Iterator[None]:
    """Holds the lease of a working folder while the block runs.

    An object store (`scheme://`) has none; there a record of the folder is kept as long, see
    `record_remote_in`, with the `target` that it is for. Raises InputError where nothing can be written.
    """
    if "://" in folder:
        _record({folder: target})
        yield
        _record({})
        return
    try:
        lease = acquire(folder)
    except OSError as error:
        raise InputError(f"cannot write beside {folder}: {error.strerror or error}") from error
    try:
        yield
    finally:
        # What could not be deleted is found by the lease later on.
        lease.release(forget=not os.path.lexists(folder))


def _record(folders: Mapping[str, str]) -> None:
    if _Remote.file is not None:
        with contextlib.suppress(OSError):
            _Remote.file.write_text(json.dumps(folders))


def acquire(folder: str) -> Lease:
    """Takes the lease of a folder that is nobody else's. Raises OSError where its file cannot be written."""
    path = Path(f"{folder}.{kernel()}.lease")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        with contextlib.suppress(OSError):  # a file system without locks: then the age decides
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Somebody may have taken it for a dead one's before it was locked, and deleted it.
        if is_at(descriptor, path):
            os.write(descriptor, _holder())
            return Lease(path, descriptor)
        os.close(descriptor)


def sweep(folder: str, name: re.Pattern[str], remove: Callable[[str], None] | None = None) -> None:
    """Removes the working folders of dead runs whose names match `name`; for any number of runs at once.

    Args:
      folder: local, in which they lie; it may be missing.
      name: matches the name of a working folder as a whole.
      remove: removes one, or keeps it where it is needed still; deletes it by default.
    """
    with contextlib.suppress(OSError):
        for working in sorted({_folder_of(entry) for entry in os.listdir(folder)}):  # noqa: PTH208
            if name.fullmatch(working):
                _remove_if_dead(os.path.join(folder, working), remove or _delete)  # noqa: PTH118


def claim(folder: str) -> Lease | None:
    """The lease of a folder whose run is dead; None where it lives, or may live."""
    leases = [Path(path) for path in glob.glob(f"{glob.escape(folder)}.*.lease")]  # noqa: PTH207
    own = Path(f"{folder}.{kernel()}.lease")
    if own in leases:
        return _take_over(own)
    if not is_abandoned(Path(folder), *leases):
        return None
    lease = acquire(folder)
    for other in leases:
        with contextlib.suppress(OSError):
            other.unlink()
    return lease


def is_live(folder: str) -> bool:
    """Whether somebody holds the lease of a folder, or may hold it; False for one without a lease."""
    if not glob.glob(f"{glob.escape(folder)}.*.lease"):  # noqa: PTH207
        return False
    lease = claim(folder)
    if lease is not None:
        lease.release(forget=False)
    return lease is None


def is_abandoned(*files: Path) -> bool:
    """Whether nothing that is there, nor anything below it, has changed for `ABANDONED_SECONDS`."""
    changes = [change for file in files for change in _changes(file)]
    return bool(changes) and max(changes) < time.time() - ABANDONED_SECONDS


def locked_by_nobody(path: Path) -> int | None:
    """A descriptor of a file of this kernel's with its lock; None where somebody has it, or it has gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_at(descriptor, path):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one that has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def _take_over(path: Path) -> Lease | None:
    descriptor = locked_by_nobody(path)
    return None if descriptor is None else Lease(path, descriptor)


def _remove_if_dead(folder: str, remove: Callable[[str], None]) -> None:
    with contextlib.suppress(OSError):
        if (lease := claim(folder)) is not None:
            try:
                remove(folder)
            finally:
                lease.release(forget=not os.path.lexists(folder))


def _delete(folder: str) -> None:
    if os.path.isdir(folder) and not os.path.islink(folder):  # noqa: PTH112, PTH114
        shutil.rmtree(folder, ignore_errors=True)


def _folder_of(name: str) -> str:
    """The name of the working folder that a file in the same folder is about."""
    lease = _LEASE.fullmatch(name)
    return lease["folder"] if lease else name


def _changes(file: Path) -> Iterator[float]:
    """When a file, or a folder and what is below it, changed last, in seconds since 1970."""
    with contextlib.suppress(OSError):
        yield file.lstat().st_mtime
    for folder, _, names in os.walk(file):
        for name in (".", *names):
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(folder, name)).st_mtime  # noqa: PTH118


def _holder() -> bytes:
    """Who holds it, for whoever looks; the lock alone decides."""
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "created": started}
    return (json.dumps(holder) + "\n").encode()
