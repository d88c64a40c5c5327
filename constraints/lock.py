"""Writes the SHA-256 of every file of every pinned version into the pins: `python -m constraints.lock`.

Standard library, and `uv`, which asks the package index that it is set up for. All files of a version are
listed, wheels and sdist, so that one list serves every machine and Python. Pins, markers, sections and
comments stay as they are; hashes that stood there are forgotten, so a pin that moved gets its own. The pins
alone go into `versions/`, for `pip install --constraint`, which takes no hashes beside a local package.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from constraints.choose import FOLDER

HASH = re.compile(r" \\\n    (--hash=sha256:[0-9a-f]{64})")
PIN = re.compile(r"^([a-z0-9-]+==[^ ;\n]+)", re.MULTILINE)
OLDEST_PYTHON = "3.11"
VERSIONS = "versions"


class LockError(Exception):
    """The hashes cannot be had; the message is one line."""


def main(argv: list[str]) -> int:
    """Rewrites the files, all or none; 1 with one line on stderr where uv fails or does not know a pin."""
    parser = argparse.ArgumentParser(prog="python -m constraints.lock", description=__doc__)
    parser.add_argument("--uv", default="uv", help="the program to ask; default: the uv on PATH")
    parser.add_argument("files", nargs="*", type=Path, help="default: the stacks' and without-compiler.txt")
    parsed = parser.parse_args(argv)
    paths = parsed.files or sorted({*FOLDER.glob("*.txt")} - {FOLDER / "ranges.txt"})
    try:
        texts = {path: lock(path, parsed.uv) for path in paths}
    except LockError as error:
        print(f"trueserve: {error}", file=sys.stderr)
        return 1
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        if path.stem.startswith("tfdv-"):
            (path.parent / VERSIONS).mkdir(exist_ok=True)
            (path.parent / VERSIONS / path.name).write_text(versions(text), encoding="utf-8")
    return 0


def versions(text: str) -> str:
    """The pins of a file without hashes, sections and comments, one a line."""
    lines = without_hashes(text).splitlines(keepends=True)
    return "".join(line for line in lines if PIN.match(line))


def lock(path: Path, uv: str) -> str:
    """The text of a file of pins, with the hashes that the package index has today.

    Raises:
      LockError: uv is missing or failed, or lists no file of a pin.
    """
    text = without_hashes(path.read_text(encoding="utf-8"))
    try:
        return with_hashes(text, hashes_by_pin(_compile(text, uv)))
    except LockError as error:
        raise LockError(f"{path.name}: {error}") from error


def without_hashes(text: str) -> str:
    """The pins as a maintainer writes them."""
    return HASH.sub("", text)


def with_hashes(text: str, hashes: dict[str, list[str]]) -> str:
    """The pins, each followed by its hashes, one a line and sorted.

    Args:
      text: pins without hashes, with sections, comments and markers.
      hashes: `--hash=sha256:...` by `NAME==VERSION`.

    Raises:
      LockError: a pin has none.
    """
    missing = [pin for pin in PIN.findall(text) if not hashes.get(pin)]
    if missing:
        raise LockError(f"no file of {', '.join(missing)} is listed: correct the pin")
    return "".join(_locked(line, hashes) for line in text.splitlines(keepends=True))


def hashes_by_pin(text: str) -> dict[str, list[str]]:
    """The hashes in a requirements file, by `NAME==VERSION`."""
    blocks = re.split(r"\n(?! )", text)
    return {pin.group(1): HASH.findall(block) for block in blocks if (pin := PIN.match(block))}


def _locked(line: str, hashes: dict[str, list[str]]) -> str:
    pin = PIN.match(line)
    if not pin:
        return line
    return " \\\n    ".join([line.rstrip("\n"), *sorted(set(hashes[pin.group(1)]))]) + "\n"


def _compile(text: str, uv: str) -> str:
    program = shutil.which(uv)
    if program is None:
        raise LockError(f"there is no {uv} to run: pip install uv into an environment of its own")
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text(text, encoding="utf-8")
        command = [program, "pip", "compile", "--quiet", "--no-deps", "--generate-hashes", "--universal"]
        command += ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate", "--refresh", str(pins)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise LockError(f"uv ended with {done.returncode}: {reason}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
