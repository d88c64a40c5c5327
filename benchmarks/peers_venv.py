"""The peers' own venv, in the cache: what they need does not go with what this job needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PACKAGES = (
    "whylogs==1.6.4",
    "evidently==0.7.21",
    "scipy==1.17.1",
    "pandas==2.2.3",
    "numpy<2",
    "pyarrow==17.0.0",
    "matplotlib==3.10.7",
)
#: NannyML's, which do not go with those of the others. It imports statsmodels, and does not ask for it.
NANNYML_PACKAGES = (
    "nannyml==0.13.1",
    "statsmodels==0.14.5",
    "scikit-learn==1.5.2",
    "scipy==1.15.3",
    "pandas==2.2.3",
    "numpy<2",
    "pyarrow==17.0.0",
)


def python(cache: Path, notes: list[str], say: Callable[[str], None]) -> Path | None:
    """Its interpreter, installed if it is not there; None, and a note, where it cannot be."""
    return _interpreter(cache / "peers", PACKAGES, "whylogs and Evidently", notes, say)


def nannyml(cache: Path, notes: list[str], say: Callable[[str], None]) -> Path | None:
    """Likewise of NannyML's own venv."""
    return _interpreter(cache / "nannyml", NANNYML_PACKAGES, "NannyML", notes, say)


def _interpreter(
    folder: Path, wanted: Sequence[str], peers: str, notes: list[str], say: Callable[[str], None]
) -> Path | None:
    done, packages = folder / ".installed", " ".join(wanted)
    if not done.exists() or done.read_text(encoding="utf-8") != packages:
        say(f"installing {packages} into {folder}")
        if (failed := _install(folder, wanted)) is not None:
            notes.append(f"{peers} could not be installed: {failed}")
            return None
        done.write_text(packages, encoding="utf-8")
    return folder / "bin" / "python"


def _install(folder: Path, wanted: Sequence[str]) -> str | None:
    """Installs the peers; what pip says last if it fails."""
    path = str(folder / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [path, "-m", "pip", "install", "--quiet", *wanted],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return (done.stderr.strip() or "pip failed").splitlines()[-1]
    return None
