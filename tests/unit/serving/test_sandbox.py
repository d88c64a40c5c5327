"""The sandbox: its filter run by hand, the rights it asks for, and what it says where the system has none."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from pathlib import Path
from typing import Any

import pytest

from trueserve.transforms.serving import sandbox

ALLOW, DENY = 0x7FFF0000, 0x00050000 | 13


def answer(code: bytes, architecture: int, call: int) -> int:
    """What a program of BPF gives for a system call (`struct seccomp_data`: number, then architecture)."""
    lines = [struct.unpack_from("HBBI", code, at) for at in range(0, len(code), 8)]
    data, at, register = {0: call, 4: architecture}, 0, 0
    while True:
        kind, if_true, if_false, value = lines[at]
        if kind == 0x20:
            register, jump = data[value], 0
        elif kind == 0x15:
            jump = if_true if register == value else if_false
        elif kind == 0x35:
            jump = if_true if register >= value else if_false
        else:
            assert kind == 0x06
            return int(value)
        at += 1 + jump


@pytest.mark.parametrize("machine", sandbox._DENIED)
def test_the_filter_denies_the_calls_of_its_list_and_those_of_other_machines(machine: str) -> None:
    architecture, denied = sandbox._DENIED[machine]
    code = sandbox._filter(architecture, denied)
    assert {call for call in range(600) if answer(code, architecture, call) == DENY} == set(denied)
    assert all(answer(code, architecture, call) == ALLOW for call in range(600) if call not in denied)
    # Calls of the x32 interface have their own numbers.
    assert answer(code, architecture, 0x40000000) == DENY
    assert answer(code, architecture, 0x40000001) == DENY
    assert answer(code, architecture, 0x3FFFFFFF) == ALLOW
    assert all(answer(code, architecture + 1, call) == DENY for call in range(600))


def test_denied_calls_are_those_of_the_kernels_headers() -> None:
    # From asm/unistd_64.h and asm-generic/unistd.h.
    assert sandbox._DENIED["x86_64"] == (
        0xC000003E,
        (41, 59, 322, 101, 311, 321, 425, 165, 272, 308, 250, 323),
    )
    assert sandbox._DENIED["aarch64"] == (
        0xC00000B7,
        (198, 221, 281, 117, 271, 280, 425, 40, 97, 268, 219, 282),
    )


class Kernel:
    """A kernel that has Landlock of a version, and notes what it is asked for."""

    def __init__(self, version: int, *, refuses: int = 0, filters: int = 0) -> None:
        self.version, self._refuses, self._filters = version, refuses, filters
        self.rulesets: list[tuple[bytes, int]] = []
        self.rules: list[tuple[int, str]] = []
        self.restricted = 0
        self.prctl_calls: list[int] = []

    def prctl(self, option: int, *_: Any) -> int:
        self.prctl_calls.append(option)
        return self._filters if option == 22 else 0

    def syscall(self, number: int, *arguments: Any) -> int:
        if number == self._refuses and arguments[0] is not None:
            return -1
        # Older kernels refuse flags that they do not know; the version is asked for by one.
        if arguments[-1] != (1 if number == 444 and arguments[0] is None else 0):
            return -1
        if number == 444:
            if arguments[0] is None:
                return self.version
            self.rulesets.append((arguments[0], arguments[1].value))
            return os.open(os.devnull, os.O_RDONLY)
        if number == 445:
            rights, descriptor = struct.unpack("=Qi", arguments[2])
            self.rules.append((rights, str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        if number == 446:
            self.restricted += 1
        return 0


CHANGES = 0b1_1111_1111_0010  # write_file, then remove_dir up to make_sym


@pytest.mark.parametrize(
    ("version", "files", "network", "scoped", "size"),
    [
        (1, CHANGES, 0, 0, 8),
        (2, CHANGES | 1 << 13, 0, 0, 8),
        (3, CHANGES | 1 << 13 | 1 << 14, 0, 0, 8),
        (4, CHANGES | 1 << 13 | 1 << 14, 3, 0, 16),
        (5, CHANGES | 1 << 13 | 1 << 14, 3, 0, 16),
        (6, CHANGES | 1 << 13 | 1 << 14, 3, 3, 24),
    ],
)
def test_landlock_is_asked_for_what_its_version_has(
    tmp_path: Any, version: int, files: int, network: int, scoped: int, size: int
) -> None:
    kernel = Kernel(version)
    assert sandbox._landlock(kernel, str(tmp_path)) == version  # type: ignore[arg-type]
    [(attributes, given)] = kernel.rulesets
    assert struct.unpack("QQQ", attributes) == (files, network, scoped)
    assert given == size
    # In the folder everything, and to the null device writing.
    assert kernel.rules == [(files, str(tmp_path)), (files & (1 << 1 | 1 << 14), os.devnull)]
    assert kernel.restricted == 1


@pytest.mark.parametrize(("version", "refuses"), [(0, 0), (-1, 0), (3, 444), (3, 446)])
def test_a_kernel_without_landlock(tmp_path: Any, version: int, refuses: int) -> None:
    kernel = Kernel(version, refuses=refuses)
    assert sandbox._landlock(kernel, str(tmp_path)) == 0  # type: ignore[arg-type]
    assert kernel.restricted == 0


def test_no_filter_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert sandbox._seccomp(Kernel(0)) == "no filter for riscv64"  # type: ignore[arg-type]
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert sandbox._seccomp(Kernel(0)) is None  # type: ignore[arg-type]
    assert str(sandbox._seccomp(Kernel(0, filters=-1))).startswith("seccomp: ")  # type: ignore[arg-type]


def entered(
    monkeypatch: pytest.MonkeyPatch, folder: Any, kernel: Kernel, machine: str = "x86_64"
) -> dict[str, str]:
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", limits.setdefault)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_more: kernel)
    monkeypatch.setattr("platform.machine", lambda: machine)
    enforced = sandbox.enter(str(folder))
    assert limits == {resource.RLIMIT_CORE: (0, 0), resource.RLIMIT_FSIZE: (1 << 30, 1 << 30)}
    return enforced


def test_what_holds_is_said(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    all_allowed = Kernel(6)
    assert entered(monkeypatch, tmp_path, all_allowed) == {
        "network": "denied by seccomp",
        "writes": "denied by Landlock",
        "programs": "denied by seccomp",
    }
    # No new privileges, before anything else.
    assert all_allowed.prctl_calls == [38, 22]
    assert entered(monkeypatch, tmp_path, Kernel(0))["writes"] == "not enforced: this kernel has no Landlock"
    nothing = "not enforced: no filter for riscv64"
    for version, network in ((3, nothing), (4, "TCP denied by Landlock"), (0, nothing)):
        enforced = entered(monkeypatch, tmp_path, Kernel(version), "riscv64")
        assert (enforced["network"], enforced["programs"]) == (network, nothing)


def test_other_systems_have_none(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    kernel = Kernel(6)
    nothing = "not enforced: Darwin has no Landlock and no seccomp"
    assert set(entered(monkeypatch, tmp_path, kernel).values()) == {nothing}
    assert (kernel.rulesets, kernel.prctl_calls) == ([], [])


def test_a_process_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, ended = Kernel(0), list[int]()
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: kernel)
    monkeypatch.setattr(os, "_exit", ended.append)
    sandbox.end_with_parent(os.getppid())
    assert (kernel.prctl_calls, ended) == ([1], [])
    sandbox.end_with_parent(os.getppid() + 1)
    assert ended == [1]
