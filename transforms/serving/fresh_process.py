"""A Python process that has seen nothing of the export, for the proof that the saved model stands alone.

It runs a stranger's model: it has a time limit, a session and a temporary folder of its own, ends with this
process whatever ends that, and has given up what rights the system lets it (`sandboxed_main`, `sandbox`).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueserve.transforms.core import child_processes, native_logs
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.serving.tolerance import OutputDifference

#: How long the proof of an export may take, in seconds.
TIMEOUT = 1800.0
_MODULE = "trueserve.transforms.serving.parity"
_MAIN = "trueserve.transforms.serving.sandboxed_main"
_SOURCE_ROOT = Path(__file__).resolve().parents[2]


class FreshProcess:
    """The process of `parity`, or of a module like it, started and waiting for one line.

    Attributes:
      sandbox: what is enforced there, by what it is about; known with its answer.
    """

    def __init__(self, process: subprocess.Popen[str], timeout: float, advice: str) -> None:
        self.sandbox: Mapping[str, str] = {}
        self._advice = advice
        self._process = process
        self._timeout = timeout

    def check(self, folder: str) -> list[OutputDifference]:
        """Proves the SavedModel in `folder`. Raises InputError if it cannot be loaded or run there."""
        failed = "the saved model cannot be loaded and run in a fresh process: %s; nothing was published"
        differences = self.ask(str(Path(folder).resolve()), failed)
        return [OutputDifference(**difference) for difference in differences]

    def ask(self, line: str, failed: str) -> Any:
        """The JSON that the process answers this line with.

        Raises InputError, `failed` with the reason for its `%s`, if it ends otherwise, or in no time.
        """
        try:
            out, err = self._process.communicate(line + "\n", timeout=self._timeout)
        except subprocess.TimeoutExpired:
            child_processes.end_group(self._process)
            reason = f"it was not done after {self._timeout:g} seconds and was ended; {self._advice}"
            raise InputError(failed.replace("%s", reason)) from None
        reply = _reply(out)
        if "error" in reply or "answer" not in reply:
            raise InputError(
                failed.replace("%s", reply.get("error") or _ended(self._process.returncode, err))
            )
        self.sandbox = reply["sandbox"]
        return reply["answer"]


@contextlib.contextmanager
def fresh_process(
    module: str = _MODULE, timeout: float = TIMEOUT, advice: str = "does it have a loop without an end?"
) -> Iterator[FreshProcess]:
    """Starts the process, which loads TensorFlow while the block works; ends it and its group with the block.

    `timeout` is how long it may take to answer, in seconds; `advice` what to do when that was not enough.
    """
    with tempfile.TemporaryDirectory(prefix="trueserve-", ignore_cleanup_errors=True) as folder:
        read, write = os.pipe()
        try:
            process = _start(module, folder, read)
        finally:
            os.close(read)
        try:
            yield FreshProcess(process, timeout, advice)
        finally:
            child_processes.end_group(process)
            os.close(write)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


def _start(module: str, folder: str, lifeline: int) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        # -P: a file in the user's folder must not take the place of one of our modules, or Python's.
        [sys.executable, "-P", "-m", _MAIN, module, str(os.getpid()), folder],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**_environment(folder), child_processes.LIFELINE: str(lifeline)},
        pass_fds=[lifeline],
        start_new_session=True,
    )


def _environment(folder: str) -> dict[str, str]:
    paths = [str(_SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
    # On a processor: a device that other work holds would make the proof fail for want of memory.
    quiet = {native_logs.LEVEL: "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONUTF8": "1", "TMPDIR": folder}
    return {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _reply(out: str) -> dict[str, Any]:
    lines = out.splitlines()
    with contextlib.suppress(ValueError):
        reply = json.loads(lines[-1]) if lines else {}
        return reply if isinstance(reply, dict) else {}
    return {}


def _ended(code: int, err: str) -> str:
    """How it ended comes first: the last line that it wrote may be about anything."""
    lines = [line.strip() for line in err.splitlines() if line.strip() and not native_logs.is_hidden(line)]
    last = f"; the last line that it wrote: {lines[-1][:500]}" if lines else ""
    return child_processes.how_it_ended(code) + last
