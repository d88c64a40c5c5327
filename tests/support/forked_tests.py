"""pytest in a fork, on a copy of the checkout: libraries are imported once before, product code is not."""

from __future__ import annotations

import compileall
import contextlib
import dataclasses
import gc
import importlib
import os
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

from support import line_tracer

_LIBRARIES = (
    "tensorflow",
    "apache_beam.testing.util",
    "tensorflow_data_validation",
    "tensorflow_transform.beam",
    "tensorflow_serving.apis.prediction_log_pb2",
    "pyarrow.parquet",
    "numba",
    "hypothesis.strategies",
    "xdist",
)
_NOT_COPIED = (".*", "build", "dist", "demo-output", "*.pyc", "*.egg-info")
_OWN_PACKAGES = ("trueserve", "support", "constraints", "examples", "benchmarks")
_NOT_STARTED = 120
# A changed loop may never end, and fill the machine.
_MOST_BYTES = 8 << 30


def import_libraries() -> None:
    """What takes seconds to import and is no part of the product."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for name in _LIBRARIES:
        importlib.import_module(name)
    gc.freeze()


@dataclasses.dataclass(frozen=True)
class Job:
    """Test files to run in their order, up to the first failure.

    Attributes:
      log: gets what pytest prints.
      seconds: of CPU time that one test may take, and a tenth of the time that it may take in all.
      lines: if given, that file gets the lines of the product that are run, and no failure ends the run.
      edit: a file below the checkout, and its content for this run.
    """

    files: Sequence[str]
    log: Path
    seconds: float
    lines: Path | None = None
    edit: tuple[str, bytes] | None = None


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a job ended, and after how long.

    Attributes:
      failed: the first test that failed, or why nothing was run to its end; "" if all passed.
      cpu_seconds: of the process and of those that it waited for.
    """

    failed: str
    seconds: float
    cpu_seconds: float


class Tree:
    """A copy of the checkout that one process at a time runs tests in, and its folder for temporary files."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        """Copies the checkout, with the machine code that is kept beside it."""
        self.root, self._temporary, self._site = (folder / name for name in ("checkout", "tmp", "site"))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(checkout, self.root, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True)
        for name in ("transforms", "pipelines"):
            compileall.compile_dir(self.root / name, quiet=1)
        self._site.mkdir()
        shutil.copy(line_tracer.__file__, self._site / "sitecustomize.py")
        self._original: tuple[Path, bytes, int] | None = None

    def start(self, job: Job) -> int:
        """The id of the process that runs it, which leads a process group."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        if job.edit is not None:
            path = self.root / job.edit[0]
            self._original = path, path.read_bytes(), path.stat().st_mtime_ns
            path.write_bytes(job.edit[1])
            # Bytecode is known by the size and the second: another second than the original's.
            later = self._original[2] + 2_000_000_000
            os.utime(path, ns=(later, later))
        if child := os.fork():
            with contextlib.suppress(OSError):
                os.setpgid(child, child)
            return child
        self._run(job)
        raise AssertionError("a child lives on")

    def restore(self) -> None:
        """Takes back what a job changed, with its time: files of bytecode are known by it."""
        if self._original is not None:
            path, content, modified = self._original
            path.write_bytes(content)
            os.utime(path, ns=(modified, modified))
            self._original = None

    def _run(self, job: Job) -> None:
        """The rest of this process's life."""
        code = _NOT_STARTED
        try:
            os.setpgid(0, 0)
            self._enter(job)
            code = _run_pytest(job)
        except BaseException:  # noqa: BLE001 - goes to the log; the code says that nothing was run
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _enter(self, job: Job) -> None:
        """Makes this process one that was started in the copy."""
        file = os.open(job.log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.chdir(self.root)
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]))
        for name in [name for name in sys.modules if name.split(".")[0] in _OWN_PACKAGES]:
            del sys.modules[name]
        own = [str(self.root), str(self.root / "tests")]
        sys.path[:] = own + [path for path in sys.path if not (Path(path) / "support").is_dir()]
        site = [str(self._site)] if job.lines else []
        sys.dont_write_bytecode = True
        os.environ |= {
            "PYTHONPATH": os.pathsep.join([*site, *own]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self._temporary),
        }
        if job.lines is not None:
            os.environ |= {line_tracer.LINES: str(job.lines), line_tracer.ROOT: str(self.root)}
            line_tracer.start()
        if job.edit is not None:
            self._keep_machine_code()

    def _keep_machine_code(self) -> None:
        """What is compiled from changed sources must not replace what is kept beside the copy."""
        from numba import config

        config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = str(self._temporary / "machine-code")


class _Limits:
    """Ends the process if a test takes too long. Examples of property tests may take their time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def pytest_sessionstart(self) -> None:
        hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
        hypothesis.settings.load_profile("unhurried")
        self.pytest_runtest_logstart()

    def pytest_runtest_logstart(self) -> None:
        # A loop without an end takes CPU time, whatever else the machine does; a wait takes none.
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        signal.setitimer(signal.ITIMER_REAL, 10 * self._seconds)


def _run_pytest(job: Job) -> int:
    options = [
        "-q",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "--tb=short",
        *([] if job.lines else ["-x"]),
    ]
    return int(pytest.main([*options, *job.files], plugins=[_Limits(job.seconds)]))


def run_all(trees: Sequence[Tree], jobs: Iterable[Job]) -> Iterator[tuple[Job, Ended]]:
    """Runs a job in each tree at once; each as soon as it has ended.

    Raises:
      RuntimeError: pytest ran nothing, which says nothing about the tests.
    """
    waiting, free, running = iter(jobs), [*trees], dict[int, tuple[Job, Tree, float]]()
    try:
        while True:
            while free and (job := next(waiting, None)):
                tree = free.pop()
                running[tree.start(job)] = job, tree, time.monotonic()
            if not running:
                return
            child, status, usage = os.wait4(-1, 0)
            _kill_group(child)
            job, tree, began = running.pop(child)
            tree.restore()
            free.append(tree)
            cpu_seconds = usage.ru_utime + usage.ru_stime
            yield job, Ended(_first_failure(status, job.log), time.monotonic() - began, cpu_seconds)
    finally:
        for child in running:
            _kill_group(child)


def _kill_group(leader: int) -> None:
    """Ends what a process has started, and itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_COULD_NOT_START, _NO_CONFTEST = 4, "ImportError while loading conftest"
_RAN_NOTHING = {
    _COULD_NOT_START: "pytest could not start",
    5: "there is no test",
    _NOT_STARTED: "nothing was run",
}


def _first_failure(status: int, log: Path) -> str:
    code, text = os.waitstatus_to_exitcode(status), log.read_text(errors="replace")
    if code == _COULD_NOT_START and _NO_CONFTEST in text:
        return "an import of tests/conftest.py"
    if code in _RAN_NOTHING:
        raise RuntimeError(f"{_RAN_NOTHING[code]}: {text[-2000:]}")
    if code < 0:
        return (
            "a test hangs"
            if -code in (signal.SIGALRM, signal.SIGPROF)
            else f"ended by {signal.Signals(-code).name}"
        )
    failed = _FAILED.search(text)
    return failed[1] if failed else f"pytest ended with {code}" if code else ""
