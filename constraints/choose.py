"""Which stack of dependencies a machine can install, and with which of its Pythons.

Standard library only, and no syntax newer than Python 3.8: this runs before anything is installed, with
whatever `python3` happens to be.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Iterable, Sequence  # noqa: UP035  (this file must run on older Pythons)

FOLDER = Path(__file__).resolve().parent
SECTIONS = ("build", "runtime", "demo", "test", "aws", "dask")
# Names to look for on PATH, the machine's own first.
PYTHONS = ("python3", "python3.11", "python3.13", "python3.12", "python")


class NoStackError(Exception):
    """Nothing here can install a stack; the message is one line that says what each would need."""


@dataclass(frozen=True)
class Platform:
    """Wheels exist for this system and machine, from this version of glibc or macOS on."""

    system: str
    machine: str
    oldest: tuple[int, int]

    def __str__(self) -> str:
        name = "Linux with glibc" if self.system == "Linux" else "macOS"
        return f"{name} {dotted(self.oldest)} or newer ({self.machine})"


@dataclass(frozen=True)
class Stack:
    """One set of pins: `constraints/NAME.txt`."""

    name: str
    pythons: tuple[tuple[int, int], ...]
    platforms: tuple[Platform, ...]

    def __str__(self) -> str:
        pythons = " or ".join(dotted(version) for version in self.pythons)
        return f"{self.name} needs Python {pythons} on {' or '.join(map(str, self.platforms))}"


# What the wheels are tagged for, on the package index: TFDV 1.21 is manylinux_2_39 (x86_64 alone), TFDV and
# tfx-bsl 1.16 are manylinux2014 (x86_64; Beam 2.72 has no wheel for macOS on x86_64). Newest stack first.
STACKS = (
    Stack(
        "tfdv-1.21",
        ((3, 11), (3, 12), (3, 13)),
        (Platform("Linux", "x86_64", (2, 39)), Platform("Darwin", "arm64", (12, 0))),
    ),
    Stack("tfdv-1.16", ((3, 11),), (Platform("Linux", "x86_64", (2, 17)),)),
)


@dataclass(frozen=True)
class Facts:
    """What one interpreter says of itself; `libc` is None where the C library is not glibc (musl)."""

    executable: str
    python: tuple[int, int]
    implementation: str
    free_threaded: bool
    system: str
    machine: str
    libc: tuple[int, int] | None
    macos: tuple[int, int] | None
    has_pip: bool
    has_compiler: bool

    def __str__(self) -> str:
        threads = " free-threaded" if self.free_threaded else ""
        library = f"glibc {dotted(self.libc)}" if self.libc else "no glibc"
        if self.macos:
            library = f"macOS {dotted(self.macos)}"
        name = f"{self.implementation} {dotted(self.python)}{threads}"
        return f"{self.executable} ({name}, {self.system} {self.machine}, {library})"


def dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def fits(stack: Stack, facts: Facts) -> bool:
    """Whether pip, run by this interpreter, finds a wheel of every large package of the stack."""
    if facts.implementation != "CPython" or facts.free_threaded or facts.python not in stack.pythons:
        return False
    library = facts.libc if facts.system == "Linux" else facts.macos
    return library is not None and any(
        (platform.system, platform.machine) == (facts.system, facts.machine) and library >= platform.oldest
        for platform in stack.platforms
    )


def choose(candidates: Sequence[Facts], wanted: str | None = None) -> tuple[Facts, Stack]:
    """The first interpreter that can install a stack, with the newest stack it can install.

    Args:
      candidates: interpreters, the preferred one first.
      wanted: a stack's name, when no other will do.

    Raises:
      NoStackError: there is none; says in one line what is needed and what was found.
    """
    stacks = [stack for stack in STACKS if wanted in (None, stack.name)]
    if not stacks:
        raise NoStackError(f"there is no stack {wanted!r}, only {', '.join(s.name for s in STACKS)}")
    able = [(facts, stack) for facts in candidates for stack in stacks if fits(stack, facts)]
    for facts, stack in able:
        if facts.has_pip:
            return facts, stack
    if able:
        raise NoStackError(f"{able[0][0].executable} cannot make a virtual environment: install python3-venv")
    needs = "; ".join(map(str, stacks))
    descriptions = ", ".join(map(str, candidates)) or "no Python that runs"
    raise NoStackError(
        f"no stack can be installed here: {needs}; found {descriptions}. Name another: make PYTHON=..."
    )


def pins(stack: Stack, sections: Sequence[str], folder: Path = FOLDER) -> list[str]:
    """The lines `NAME==VERSION [; MARKER]` of the stack's file that stand in these sections."""
    return [requirement(line) for line in locked_pins(stack, sections, folder)]


def ranges(section: str, folder: Path = FOLDER) -> list[str]:
    """What the package needs of this section, as `NAME>=OLDEST,<NEXT`: whatever the tests were run with."""
    return _in_sections(folder / "ranges.txt", (section,))


def locked_pins(stack: Stack, sections: Sequence[str], folder: Path = FOLDER) -> list[str]:
    """The same pins, each followed in its line by ` --hash=sha256:...` of every file it may come from."""
    return _in_sections(folder / f"{stack.name}.txt", sections)


def _in_sections(path: Path, sections: Sequence[str]) -> list[str]:
    """The requirements below the headings `# [SECTION]`, in the file's order."""
    requirements: list[str] = []
    section = None
    for line in _logical_lines(path):
        heading = re.fullmatch(r"# \[(\w+)\]", line)
        section = heading.group(1) if heading else section
        if section in sections and line and not line.startswith("#"):
            requirements.append(line)
    return requirements


def requirement(locked: str) -> str:
    """A locked pin without its hashes."""
    return locked.split(" --hash=", 1)[0]


def installable(stack: Stack, facts: Facts, sections: Sequence[str], folder: Path = FOLDER) -> list[str]:
    """The locked pins, those without a wheel replaced where this machine has no compiler."""
    lines = locked_pins(stack, sections, folder)
    if facts.has_compiler:
        return lines
    if facts.system != "Linux":
        raise NoStackError("pyfarmhash must be compiled here and there is no C++ compiler: install one")
    wheels = _logical_lines(folder / "without-compiler.txt")
    instead = {line.split("==")[0]: line for line in wheels if "==" in line}
    return [instead.get(line.split("==")[0], line) for line in lines]


def _logical_lines(path: Path) -> list[str]:
    return re.sub(r" \\\n +", " ", path.read_text(encoding="utf-8")).splitlines()


def this_interpreter() -> Facts:
    """The facts of the Python that runs this."""
    return Facts(
        executable=sys.executable,
        python=(sys.version_info[0], sys.version_info[1]),
        implementation=platform.python_implementation(),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        system=platform.system(),
        machine=platform.machine(),
        libc=_glibc(),
        macos=_numbers(platform.mac_ver()[0]),
        has_pip=_has_pip(),
        has_compiler=_has_compiler(),
    )


def probe(executable: str) -> Facts | None:
    """The facts of another Python; None where it does not run, or is too old to run this file."""
    command = [executable, str(Path(__file__).resolve())]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        answers: dict[str, Any] = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    values: dict[str, Any] = {name: _frozen(value) for name, value in answers.items()}
    return Facts(**values)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def candidates(named: str | None, venv: Path) -> list[Facts]:
    """The interpreters to choose from: the one named alone, or the environment's own, then those on PATH."""
    names = [named] if named else [str(venv / "bin" / "python"), *PYTHONS]
    paths = [path for name in names if (path := shutil.which(name))]
    runnable = [facts for path in paths if (facts := probe(path))]
    return list(dict.fromkeys(runnable))


def _glibc() -> tuple[int, int] | None:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError, OSError):
        return None
    return _numbers(version) if name == "glibc" else None


def _numbers(version: str) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.?(\d*)", version)
    return (int(match.group(1)), int(match.group(2) or 0)) if match else None


def _has_pip() -> bool:
    try:
        import ensurepip  # noqa: F401  (Debian ships it in a package of its own)
    except ImportError:
        return False
    return True


def _has_compiler() -> bool:
    compiler = (os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++").split()[0]
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which(compiler) is not None and header.is_file()


if __name__ == "__main__":
    print(json.dumps(asdict(this_interpreter())))
