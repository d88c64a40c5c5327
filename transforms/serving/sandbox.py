"""Takes rights from this process that a model needs none of: network, writing, starting programs.

On Linux alone: Landlock (5.13 and newer) denies writing outside of one folder, and from 6.7 on TCP; a seccomp
filter denies sockets of any kind, and to start programs. Neither needs privileges. They hold for this thread
and all that come of it, so that this runs before any other is started, and nothing can lift them. Where the
system lacks one of them, the process goes on without, and says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys

_FILE_BYTES = 1 << 30
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SIGKILL = 9
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
# The rights of Landlock that change files, by the version that has them first.
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_CHANGES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))
_TCP, _SCOPED = 0b11, 0b11
_ALLOW, _ERRNO, _EACCES = 0x7FFF0000, 0x00050000, 13
_X32 = 0x40000000
# By machine: AUDIT_ARCH, then the numbers of socket, execve, execveat, ptrace, process_vm_writev, bpf,
# io_uring_setup (which opens sockets beside the filter), mount, unshare, setns, keyctl, userfaultfd.
_DENIED = {
    "x86_64": (0xC000003E, (41, 59, 322, 101, 311, 321, 425, 165, 272, 308, 250, 323)),
    "aarch64": (0xC00000B7, (198, 221, 281, 117, 271, 280, 425, 40, 97, 268, 219, 282)),
}


def enter(folder: str) -> dict[str, str]:
    """Takes the rights away, but for writing in this folder; what holds now, in words, by subject."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    if sys.platform != "linux":
        nothing = f"not enforced: {platform.system()} has no Landlock and no seccomp"
        return {"network": nothing, "writes": nothing, "programs": nothing}
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    landlock = _landlock(libc, folder)
    seccomp = _seccomp(libc)
    filtered = "denied by seccomp" if seccomp is None else f"not enforced: {seccomp}"
    return {
        "network": "TCP denied by Landlock" if seccomp and landlock >= 4 else filtered,
        "writes": "denied by Landlock" if landlock else "not enforced: this kernel has no Landlock",
        "programs": filtered,
    }


def end_with_parent(parent: int) -> None:
    """Lets the kernel end this process with the thread that started it; ends it if that is over already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _landlock(libc: ctypes.CDLL, folder: str) -> int:
    """The version of Landlock that holds now; 0 for none."""
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return 0
    files = _CHANGES | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("QQQ", files, _TCP if version >= 4 else 0, _SCOPED if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return 0
    try:
        _allow(libc, ruleset, folder, files)
        _allow(libc, ruleset, os.devnull, files & (_WRITE_FILE | _TRUNCATE))
        return version if libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _seccomp(libc: ctypes.CDLL) -> str | None:
    """Installs the filter; why it could not be, else None."""
    machine = platform.machine()
    if machine not in _DENIED:
        return f"no filter for {machine}"
    code = _filter(*_DENIED[machine])
    program = _Program(len(code) // 8, code)
    if libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0):
        return f"seccomp: {os.strerror(ctypes.get_errno())}"
    return None


def _filter(machine: int, denied: tuple[int, ...]) -> bytes:
    """A program of BPF: another machine's calls and these are refused, all others allowed."""
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    count = len(denied)
    lines = [(load, 0, 0, 4), (equal, 0, count + 3, machine), (load, 0, 0, 0), (at_least, count + 1, 0, _X32)]
    lines += [(equal, count - i, 0, number) for i, number in enumerate(denied)]
    lines += [(answer, 0, 0, _ALLOW), (answer, 0, 0, _ERRNO | _EACCES)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)
