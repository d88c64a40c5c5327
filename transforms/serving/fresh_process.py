"""A Python process that has seen nothing of the export, for the proof that the saved model stands alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transforms.errors import InputError
from transforms.serving.parity import Difference

_MODULE = "transforms.serving.parity"
_SOURCE_ROOT = Path(__file__).resolve().parents[2]


class FreshProcess:
    """The process of `parity`, or of a module like it, started and waiting for one line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def check(self, folder: str) -> list[Difference]:
        """Proves the SavedModel in `folder`. Raises InputError if it cannot be loaded or run there."""
        failed = "the saved model cannot be loaded and run in a fresh process: %s; nothing was published"
        differences = self.ask(str(Path(folder).resolve()), failed)
        return [Difference(**difference) for difference in differences]

    def ask(self, line: str, failed: str) -> Any:
        """The JSON that the process answers this line with.

        Raises InputError, `failed` with the last line of stderr for its `%s`, if it ends otherwise.
        """
        out, err = self._process.communicate(line + "\n")
        if self._process.returncode:
            raise InputError(failed.replace("%s", _last_line(err)))
        return json.loads(out.splitlines()[-1])


@contextlib.contextmanager
def fresh_process(module: str = _MODULE) -> Iterator[FreshProcess]:
    """Starts the process, which loads TensorFlow while the block works; ends it with the block."""
    # -P: a file in the user's folder must not take the place of one of our modules, or Python's.
    command = [sys.executable, "-P", "-m", module]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=_environment(),
    ) as p:
        try:
            yield FreshProcess(p)
        finally:
            p.kill()


def _environment() -> dict[str, str]:
    paths = [str(_SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
    # On a processor: a device that other work holds would make the proof fail for want of memory.
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONUTF8": "1"}
    return {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it was ended from outside"
