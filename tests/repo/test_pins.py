"""Pins with hashes: how they are written, and that nothing else is installed. No index is asked."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from constraints import install, lock
from constraints.choose import FOLDER, SECTIONS, STACKS, Stack, choose, pins, this_interpreter

STACK = STACKS[0]
OTHER_HASH = "0" * 64
PINS = """# Why these are here.

# [build]
tiny==1.0

# [runtime]
small==2.0 ; python_version < "3.12"
small==3.0 ; python_version >= "3.12"
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package `tiny`, version 1.0, of one module."""
    path = tmp_path / "index" / "tiny-1.0-py3-none-any.whl"
    path.parent.mkdir()
    files = {
        "tiny.py": "",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files["tiny-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def environment(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What looks like `.venv`: this Python and its pip, which install into `target` and ask no index."""
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    (venv / "bin" / "pip").touch()
    for name, value in {
        "CONFIG_FILE": "/dev/null",
        "NO_INDEX": "1",
        "FIND_LINKS": str(wheel.parent),
        "TARGET": str(tmp_path / "target"),
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return venv


def _locked(digest: str) -> str:
    return f"tiny==1.0 --hash=sha256:{OTHER_HASH} --hash=sha256:{digest}"


def test_file_with_one_of_the_hashes_is_installed(environment: Path, wheel: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    other_python = f'small==1.0 ; python_version < "3" --hash=sha256:{OTHER_HASH}'
    install.install_pins(environment, STACK, [_locked(digest), other_python])
    assert (tmp_path / "target" / "tiny.py").is_file()


def test_file_with_another_hash_is_not_installed(environment: Path, wheel: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with pytest.raises(install.WrongFileError) as caught:
        install.install_pins(environment, STACK, [_locked("1" * 64)])
    message = str(caught.value)
    assert message.startswith(f"tiny==1.0 is not the file that was tested: its SHA-256 {digest} is not in")
    assert "\n" not in message
    assert not (tmp_path / "target").exists()


def test_pin_without_a_hash_is_not_installed(
    environment: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        install.install_pins(environment, STACK, ["tiny==1.0"])
    assert "Hashes are required" in capfd.readouterr().err
    assert not (tmp_path / "target").exists()


def test_installation_stops_with_one_line_at_a_hash_that_differs(environment: Path, tmp_path: Path) -> None:
    """The whole command, on a copy whose only pin has a corrupted hash."""
    stack = choose([this_interpreter()])[1]
    shutil.copytree(FOLDER, tmp_path / "constraints", ignore=shutil.ignore_patterns("*.txt", "__pycache__"))
    text = f"# [build]\n{_locked('1' * 64)}\n# [runtime]\n"
    (tmp_path / "constraints" / f"{stack.name}.txt").write_text(text)
    (tmp_path / "constraints" / "without-compiler.txt").touch()
    command = [
        sys.executable,
        "-m",
        "constraints.install",
        f"--python={sys.executable}",
        f"--stack={stack.name}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("trueserve: tiny==1.0 is not the file that was tested: its SHA-256 ")
    assert done.stderr.count("\n") == 1
    assert not (environment / install.STAMP).exists()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_file_stands_as_lock_writes_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert lock.with_hashes(lock.without_hashes(text), lock.hashes_by_pin(text)) == text


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_versions_for_pip_are_the_pins(stack: Stack) -> None:
    text = (FOLDER / lock.VERSIONS / f"{stack.name}.txt").read_text(encoding="utf-8")
    assert text.splitlines() == pins(stack, SECTIONS)


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_what_pages_are_escaped_with_is_installed_on_workers(stack: Stack) -> None:
    """A dependency of the tests alone would be missing where a verdict is published."""
    assert any(pin.startswith("markupsafe==") for pin in pins(stack, ["runtime"]))


def test_advisories_are_those_of_the_pins() -> None:
    """A pin that moved leaves the table, or is looked at again."""
    page = (FOLDER.parent / "docs" / "dependencies.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9-]+==[^ `]+)`", page))
    assert len(named) > 5
    assert named <= {pin for stack in STACKS for pin in pins(stack, ("runtime",))}


def _uv(folder: Path, output: str, code: int = 0) -> str:
    """A program that answers as uv does: pins in its own order, markers in its own words."""
    (folder / "output").write_text(output)
    program = folder / "uv"
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/command\ncat {folder}/output\nexit {code}\n')
    program.chmod(0o755)
    return str(program)


def _answer(*pins_and_digests: tuple[str, str]) -> str:
    return "".join(
        f"{pin} \\\n    --hash=sha256:{digest * 64} \\\n    --hash=sha256:{'0' * 64}\n"
        for pin, digest in pins_and_digests
    )


def test_lock_rewrites_hashes_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "tfdv-1.0.txt"
    path.write_text(PINS)
    answer = _answer(
        ("small==2.0 ; python_full_version < '3.12'", "2"),
        ("small==3.0 ; python_full_version >= '3.12'", "3"),
        ("tiny==1.0", "1"),
    )
    assert lock.main([f"--uv={_uv(tmp_path, answer)}", str(path)]) == 0
    assert lock.without_hashes(path.read_text()) == PINS
    pinned = [line for line in PINS.splitlines() if "==" in line and not line.startswith("#")]
    assert (tmp_path / "versions" / path.name).read_text().splitlines() == pinned
    assert (
        f'"3.12" \\\n    --hash=sha256:{OTHER_HASH} \\\n    --hash=sha256:{"2" * 64}\nsmall'
        in path.read_text()
    )
    assert "--no-deps --generate-hashes" in (tmp_path / "command").read_text()


def test_lock_forgets_the_hashes_of_a_version_that_moved(tmp_path: Path) -> None:
    path = tmp_path / "tfdv-1.0.txt"
    path.write_text(f"# [build]\ntiny==1.1 \\\n    --hash=sha256:{'a' * 64}\n")
    assert lock.main([f"--uv={_uv(tmp_path, _answer(('tiny==1.1', 'b')))}", str(path)]) == 0
    assert "a" * 64 not in path.read_text()
    stack = Stack("tfdv-1.0", (), ())
    assert pins(stack, ("build",), tmp_path) == ["tiny==1.1"]


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (_answer(("tiny==1.0", "1")), 0, "no file of small==2.0, small==3.0 is listed"),
        ("tiny==1.0\nsmall==2.0\nsmall==3.0\n", 0, "no file of tiny==1.0, small==2.0, small==3.0 is listed"),
        ("", 2, "uv ended with 2"),
    ],
)
def test_lock_says_in_one_line_what_it_cannot_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, code: int, message: str
) -> None:
    path = tmp_path / "tfdv-1.0.txt"
    path.write_text(PINS)
    assert lock.main([f"--uv={_uv(tmp_path, answer, code)}", str(path)]) == 1
    stderr = capsys.readouterr().err
    assert stderr.startswith(f"trueserve: tfdv-1.0.txt: {message}")
    assert stderr.count("\n") == 1
    assert path.read_text() == PINS


def test_lock_without_uv_says_how_to_get_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tfdv-1.0.txt"
    path.write_text(PINS)
    assert lock.main(["--uv=/no/such/uv", str(path)]) == 1
    assert "pip install uv into an environment of its own" in capsys.readouterr().err
