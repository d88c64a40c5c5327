"""Programs of a few lines, each in a process that has loaded numba and nothing of the product.

They are forks of one process: to load numba takes most of the time of such a program.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_SERVER = """
import json, os, sys, tempfile, traceback
import numba, numba.core.compiler, numba.core.caching

for line in sys.stdin:
    job = json.loads(line)
    read, write = os.pipe()
    if not (child := os.fork()):
        os.dup2(write, 1)
        os.dup2(write, 2)
        code = 1
        try:
            os.chdir(job["folder"])
            os.environ.clear()
            os.environ.update(job["environment"])
            sys.path.insert(0, job["folder"])
            tempfile.tempdir = None
            numba.config.reload_config()
            exec(job["program"], {"__name__": "__main__"})
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as stream:
        out = stream.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([status, out]), flush=True)
"""


class Forks:
    """The process of which programs are forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, program: str, folder: Path, environment: Mapping[str, str]) -> str:
        """What the program writes in this folder, whose modules it finds; fails if the program does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"program": program, "folder": str(folder), "environment": dict(environment)}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        status, out = json.loads(self._process.stdout.readline())
        assert status == 0, out
        return str(out).strip()


@contextlib.contextmanager
def forks(environment: Mapping[str, str]) -> Iterator[Forks]:
    """The process lives as long as the context; its import of numba has this environment."""
    command = [sys.executable, "-c", _SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=dict(environment)) as process:
        yield Forks(process)
