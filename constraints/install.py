"""Makes `.venv`: a pinned stack, and the project in it. The Makefile runs `python -m constraints.install`.

Standard library only. Everything is pinned, so nothing is resolved (--no-deps) and nothing is fetched to
build with (--no-build-isolation): the pinned setuptools goes in first. What is fetched must have one of the
hashes that stand beside its pin (--require-hashes); the project itself comes last and fetches nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from constraints.choose import (
    SECTIONS,
    Facts,
    NoStackError,
    Stack,
    candidates,
    choose,
    installable,
    locked_pins,
    probe,
)

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".installed"
TO_RUN = ("runtime", "aws")


class WrongFileError(Exception):
    """What was fetched is not what was tested; the message is one line that names package and hash."""


def main(argv: list[str]) -> int:
    """Installs; 2 with one line on stderr where the machine cannot, 3 where a hash differs, or pip's code."""
    parsed = _parser().parse_args(argv)
    venv = Path(parsed.into) if parsed.into else ROOT / ".venv"
    step = install_to_run if parsed.into else install
    try:
        step(venv, *choose(candidates(parsed.python or None, venv), parsed.stack or None))
    except NoStackError as error:
        print(f"trueserve: {error}", file=sys.stderr)
        return 2
    except WrongFileError as error:
        print(f"trueserve: {error}", file=sys.stderr)
        return 3
    except subprocess.CalledProcessError as error:
        print("trueserve: the installation stopped; what pip said stands above", file=sys.stderr)
        return error.returncode
    return 0


def install(venv: Path, facts: Facts, stack: Stack) -> None:
    """Fills the environment, made anew where it is missing, broken or of another Python; then stamps it.

    Raises:
      NoStackError: a package has to be compiled and cannot be.
      WrongFileError: a file that was fetched has none of its pin's hashes.
      CalledProcessError: a step failed.
    """
    lines = installable(stack, facts, SECTIONS)
    print(
        f"Installing {len(lines)} packages of {stack.name} into {venv.name}, once. Python: {facts}",
        flush=True,
    )
    (venv / STAMP).unlink(missing_ok=True)
    if not _usable(venv, facts):
        subprocess.run([facts.executable, "-m", "venv", "--clear", str(venv)], check=True)
    install_pins(venv, stack, locked_pins(stack, ("build",)))
    install_pins(venv, stack, lines)
    _pip(venv, stack, "--no-index", "-e", str(ROOT))
    (venv / STAMP).write_text(f"{stack.name}\n", encoding="utf-8")


def install_to_run(venv: Path, facts: Facts, stack: Stack) -> None:
    """Fills an environment for running alone, as in an image: no tests, and no link to this checkout.

    Raises as `install`.
    """
    print(f"Installing {stack.name} into {venv}. Python: {facts}", flush=True)
    subprocess.run([facts.executable, "-m", "venv", "--clear", str(venv)], check=True)
    install_pins(venv, stack, locked_pins(stack, ("build",)))
    install_pins(venv, stack, installable(stack, facts, TO_RUN))
    _pip(venv, stack, "--no-index", str(ROOT))


def _usable(venv: Path, facts: Facts) -> bool:
    inside = probe(str(venv / "bin" / "python"))
    return inside is not None and inside.python == facts.python and (venv / "bin" / "pip").is_file()


def install_pins(venv: Path, stack: Stack, lines: list[str]) -> None:
    """Installs pins into the environment, all or none, from files that have one of their hashes.

    Raises:
      WrongFileError: a file has another hash.
      CalledProcessError: a pin has no hash, or no file; what pip said stands on stderr.
    """
    requirements = venv / "requirements.txt"
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _pip(venv, stack, "--require-hashes", "-r", str(requirements))


def _pip(venv: Path, stack: Stack, *what: str) -> None:
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    build = ["--use-pep517", "--no-build-isolation", "--disable-pip-version-check"]
    environment = {**os.environ, "TRUESERVE_STACK": stack.name}
    command = [*pip, *build, *what]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, env=environment, cwd=ROOT)
    if done.returncode and (wrong := _wrong_file(done.stderr, stack)):
        raise WrongFileError(wrong)
    sys.stderr.write(done.stderr)
    done.check_returncode()


def _wrong_file(stderr: str, stack: Stack) -> str | None:
    """The line for a hash that differs, made of the many that pip prints; None where pip failed otherwise."""
    if "DO NOT MATCH THE HASHES" not in stderr:
        return None
    package = re.search(r"^ {4}(\S+==\S+)", stderr, re.MULTILINE)
    digest = re.search(r"^ +Got +([0-9a-f]{64})", stderr, re.MULTILINE)
    return (
        f"{package.group(1) if package else 'a package'} is not the file that was tested: its SHA-256 "
        f"{digest.group(1) if digest else ''} is not in constraints/{stack.name}.txt. Nothing "
        "of this step was installed. Look at the package index or mirror that pip uses"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m constraints.install", description=__doc__)
    parser.add_argument("--python", help="the interpreter to use; default: the first on PATH that fits")
    parser.add_argument("--into", help="a folder for what runs the command alone, in place of .venv")
    parser.add_argument("--stack", help="tfdv-1.16 or tfdv-1.21; default: the newest that fits")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
