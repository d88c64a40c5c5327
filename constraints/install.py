"""Makes `.venv`: a pinned stack, and the project in it. The Makefile runs `python -m constraints.install`.

Standard library only. Everything is pinned, so nothing is resolved (--no-deps) and nothing is fetched to
build with (--no-build-isolation): the pinned setuptools goes in first.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from constraints.choose import (
    Facts,
    NoStackError,
    Stack,
    candidates,
    choose,
    installable,
    pins,
    probe,
)

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".installed"


def main(argv: list[str]) -> int:
    """Installs; 2 with one line on stderr where the machine cannot, or pip's own exit code."""
    parsed = _parser().parse_args(argv)
    venv = ROOT / ".venv"
    try:
        install(venv, *choose(candidates(parsed.python or None, venv), parsed.stack or None))
    except NoStackError as error:
        print(f"trueserve: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print("trueserve: the installation stopped; what pip said stands above", file=sys.stderr)
        return error.returncode
    return 0


def install(venv: Path, facts: Facts, stack: Stack) -> None:
    """Fills the environment, made anew where it is missing, broken or of another Python; then stamps it.

    Raises:
      NoStackError: a package has to be compiled and cannot be.
      CalledProcessError: a step failed.
    """
    lines = installable(stack, facts, ("build", "runtime", "demo", "test"))
    print(
        f"Installing {len(lines)} packages of {stack.name} into {venv.name}, once. Python: {facts}",
        flush=True,
    )
    (venv / STAMP).unlink(missing_ok=True)
    if not _usable(venv, facts):
        subprocess.run([facts.executable, "-m", "venv", "--clear", str(venv)], check=True)
    (venv / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _pip(venv, stack, *pins(stack, ("build",)))
    _pip(venv, stack, "-r", str(venv / "requirements.txt"))
    _pip(venv, stack, "-e", str(ROOT))
    (venv / STAMP).write_text(f"{stack.name}\n", encoding="utf-8")


def _usable(venv: Path, facts: Facts) -> bool:
    inside = probe(str(venv / "bin" / "python"))
    return inside is not None and inside.python == facts.python and (venv / "bin" / "pip").is_file()


def _pip(venv: Path, stack: Stack, *what: str) -> None:
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    build = ["--use-pep517", "--no-build-isolation", "--disable-pip-version-check"]
    environment = {**os.environ, "TRUESERVE_STACK": stack.name}
    subprocess.run([*pip, *build, *what], check=True, env=environment, cwd=ROOT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m constraints.install", description=__doc__)
    parser.add_argument("--python", help="the interpreter to use; default: the first on PATH that fits")
    parser.add_argument("--stack", help="tfdv-1.16 or tfdv-1.21; default: the newest that fits")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
