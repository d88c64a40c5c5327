"""Machine code is kept between processes, found again, and never used for other sources than its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_PROGRAM = """
import numba.core.compiler as compiler
compiled = []
original = compiler.compile_extra
compiler.compile_extra = lambda *args, **kw: (compiled.append(args[2].__name__), original(*args, **kw))[1]
import numpy as np
from transforms.summaries.lists import Lists
from transforms.summaries.quantiles import Scratch
lists = Lists()
lists.add(np.array([0, 2, 3]), np.empty(0, np.uint8), 0, Scratch())
assert (lists.least, lists.most, lists.total) == (1, 2, 3)
print("compiled" if "pass_over" in compiled else "kept")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The few modules that the program needs, in a folder of their own."""
    for name in ("columnar", "summaries"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / "transforms" / name, tmp_path / "transforms" / name, ignore=ignore)
    shutil.copy(_ROOT / "transforms" / "__init__.py", tmp_path / "transforms")
    return tmp_path


def _run(root: Path, cache: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    kept |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", _PROGRAM]
    # The working directory comes first among the places that `-c` imports from.
    done = subprocess.run(
        command, cwd=root, env=kept | environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_code_is_kept_until_any_source_changes(copy: Path) -> None:
    assert _run(copy, copy / "cache") == "compiled"
    assert _run(copy, copy / "cache") == "kept"
    with (copy / "transforms" / "columnar" / "wire.py").open("a") as file:
        file.write("# changed\n")
    assert _run(copy, copy / "cache") == "compiled"


def test_code_is_kept_where_it_can_be(copy: Path) -> None:
    # A file where a folder should be: nobody, not even root, can write there.
    for name in ("columnar", "summaries"):
        (copy / "transforms" / name / "__pycache__").write_text("")
    assert _run(copy, copy / "cache") == "compiled"
    assert _run(copy, copy / "cache") == "kept"
    (copy / "file").write_text("")
    assert _run(copy, copy / "file") == "compiled"
    assert _run(copy, copy / "file", NUMBA_CACHE_DIR=str(copy / "given")) == "compiled"
    assert _run(copy, copy / "file", NUMBA_CACHE_DIR=str(copy / "given")) == "kept"
