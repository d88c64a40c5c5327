"""What CI runs, with stand-ins for the programs: the order, the exit codes, and what a machine lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.repo import ROOT

# In place of a root: says what would run there, but for the first call, which asks whether it may mount.
LAST = 'for word in "$@"; do last=$word; done'
SAYS = '[ "$last" = true ] || echo "in the root: $last"'
Done = subprocess.CompletedProcess[str]
ROOT_USER = "[ $1 = -u ] && echo 0"
MIRROR = "[ $1 = indextargets ] && echo http://mirror.invalid/debian"
# Makes the root that `.ci/compat` looks for; its folder is the last but two of debootstrap's arguments.
MAKES_ROOT = (
    'for new in "$@"; do [ -d "$new" ] && break; done; mkdir -p "$new"/{usr/bin,etc/ssl/certs,src};'
    ' touch "$new/usr/bin/python3.13"; chmod +x "$new/usr/bin/python3.13"'
)


class Checkout:
    """A checkout with the scripts of CI alone, and programs that stand for others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        shutil.copytree(ROOT / ".ci", folder / "checkout" / ".ci")
        subprocess.run(["git", "init", "-q", str(folder / "checkout")], check=True)

    def program(self, name: str, code: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{code}\n")
        path.chmod(0o755)

    def run(self, script: str, *arguments: str, minutes: str | None = None) -> Done:
        environment = {
            "PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            "TRUESERVE_COMPAT_ROOT": str(self.folder / "cache" / "debian"),
            "HOME": str(self.folder),
        } | ({"TRUESERVE_COMPAT_MINUTES": minutes} if minutes else {})
        command = [str(self.folder / "checkout" / ".ci" / script), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.program("make", 'echo "make $*"')
    for name in ("chromium", "prometheus", "prometheus-pushgateway", "prometheus-node-exporter"):
        checkout.program(name, "")
    checkout.program("uname", "echo Linux x86_64")
    checkout.program("id", ROOT_USER)
    checkout.program("apt-get", MIRROR)
    checkout.program("debootstrap", MAKES_ROOT)
    checkout.program("unshare", f"{LAST}; {SAYS}")
    return checkout


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 0), (1, 1), (2, 2)])
def test_the_newer_stack_comes_before_the_own_one_and_may_be_impossible(
    checkout: Checkout, code: int, expected: int
) -> None:
    script = checkout.folder / "checkout" / ".ci" / "compat"
    script.write_text(f"#!/bin/bash\necho compat $TRUESERVE_COMPAT_MINUTES; exit {code}\n")
    completed = checkout.run("run")
    before = ["make docs", "make detection-quick", "make cluster-test CASES=--or-skip"]
    assert completed.returncode == expected
    lines = completed.stdout.splitlines()
    # A busy machine takes a second or two for what comes before.
    assert int(lines.pop(3).removeprefix("compat ")) in range(80, 87)
    assert lines == (before if expected else [*before, "make test"])


@pytest.mark.parametrize(("minutes", "line"), [(12, "compat 52"), (20, "compat 29"), (24, "compat 18")])
def test_what_has_taken_long_leaves_less_time_for_the_newer_stack(
    checkout: Checkout, minutes: int, line: str
) -> None:
    assert line in _after(checkout, minutes).stdout.splitlines()


@pytest.mark.parametrize("minutes", [27, 90])
def test_a_slow_machine_runs_its_own_tests_alone(checkout: Checkout, minutes: int) -> None:
    completed = _after(checkout, minutes)
    *_, why, tests = completed.stdout.splitlines()
    assert (completed.returncode, tests) == (0, "make test")
    assert why == f"compat: not run: this machine is slow, what came before took {minutes} minutes"


def _after(checkout: Checkout, minutes: int) -> Done:
    """CI, where what comes before the newer stack has taken so long."""
    folder = checkout.folder / "checkout" / ".ci"
    (folder / "compat").write_text("#!/bin/bash\necho compat $TRUESERVE_COMPAT_MINUTES\n")
    # Bash counts on from what SECONDS is set to.
    script = (folder / "run").read_text()
    changed = script.replace("set -euo pipefail", f"set -euo pipefail; SECONDS={minutes * 60}")
    (folder / "run").write_text(changed)
    return checkout.run("run")


@pytest.mark.parametrize("target", ["docs", "detection-quick", "cluster-test", "test"])
def test_what_fails_before_the_tests_fails_the_run(checkout: Checkout, target: str) -> None:
    (checkout.folder / "checkout" / ".ci" / "compat").write_text("#!/bin/bash\n")
    checkout.program("make", f"echo make $1; [ $1 != {target} ] || exit 2")
    completed = checkout.run("run")
    assert (completed.returncode, completed.stdout.splitlines()[-1]) == (2, f"make {target}")


def test_it_runs_the_tests_in_the_root(checkout: Checkout) -> None:
    completed = checkout.run("compat")
    made, ran = completed.stdout.splitlines()
    assert (completed.returncode, ran) == (0, "in the root: test"), completed.stderr
    assert made.startswith("compat: making a Debian 13 root in ")
    # The root is kept.
    assert checkout.run("compat", "make", "types").stdout.splitlines() == ["in the root: types"]


def test_tests_that_fail_in_the_root_fail(checkout: Checkout) -> None:
    checkout.program("unshare", f"{LAST}; [ $last != test ] || exit 2")
    assert checkout.run("compat").returncode == 2


@pytest.mark.parametrize(
    ("program", "code", "why"),
    [
        ("uname", "echo Darwin arm64", "it needs Linux on x86_64, this is Darwin arm64"),
        ("id", "echo 1000", "it needs root, for chroot and its mounts"),
        ("unshare", "exit 1", "it needs to mount, which this machine forbids"),
        ("flock", "exit 1", "another run uses "),
        ("df", "echo 1048576 1048576 1048576 1048576", "it needs 6 GiB in "),
        ("apt-get", "exit 100", "it needs a Debian mirror in apt's sources"),
        ("apt-get", "exit 0", "it needs a Debian mirror in apt's sources"),
        ("debootstrap", "echo 'E: cannot fetch'; exit 1", "debootstrap failed; its output is in "),
    ],
)
def test_what_a_machine_lacks_is_one_line_and_exit_code_3(
    checkout: Checkout, program: str, code: str, why: str
) -> None:
    checkout.program(program, code)
    completed = checkout.run("compat")
    assert (completed.returncode, completed.stderr) == (3, "")
    assert completed.stdout.splitlines()[-1].startswith(f"compat: not run: {why}")
    assert completed.stdout.count("not run") == 1


BROKEN = (
    "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError()': /simple/numpy/"
)
WRONG = (
    "trueserve: numpy==2.4.0 is not the file that was tested: its SHA-256 is not in constraints/tfdv-1.21.txt"
)


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (BROKEN, 3),
        ("OSError: [Errno 28] No space left on device", 3),
        ("ERROR: No matching distribution found for numpy==9", 1),
        (WRONG, 1),
        (f"{BROKEN}\n{WRONG}", 1),
    ],
)
def test_only_a_lack_of_network_or_room_excuses_an_installation(
    checkout: Checkout, output: str, code: int
) -> None:
    fails = f"[ $last != .venv/.installed ] || {{ cat {checkout.folder}/output >&2; exit 2; }}"
    (checkout.folder / "output").write_text(f"{output}\n")
    checkout.program("unshare", f"{LAST}; {fails}; {SAYS}")
    completed = checkout.run("compat")
    assert (completed.returncode, "in the root" in completed.stdout) == (code, False)
    assert ("compat: not run: the packages cannot be installed" in completed.stdout) == (code == 3)
    assert (output in completed.stdout) == (code != 3)


def test_tests_that_take_too_long_are_ended(checkout: Checkout) -> None:
    checkout.program("timeout", '[ "$2" != 45m ] || exit 124; shift; exec "$@"')
    code = 'while [ $# -gt 0 ] && [ "$1" != timeout ]; do shift; done; exec "$@"'
    checkout.program("unshare", code)
    completed = checkout.run("compat", minutes="45")
    assert (completed.returncode, completed.stdout.splitlines()[-1]) == (
        3,
        "compat: not run: it was not done after 45 minutes",
    )


def test_the_scripts_can_be_run() -> None:
    for name in ("run", "compat"):
        assert os.access(ROOT / ".ci" / name, os.X_OK)
        assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / name)], check=False).returncode == 0
