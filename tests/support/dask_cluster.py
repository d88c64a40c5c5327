"""A Dask scheduler and workers in processes of their own, and a test's hand on them while they work."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from support.portable import free_address
from support.repo import ROOT

_PYTHON = (sys.executable, "-W", "ignore", "-m")
_SCHEDULER = (*_PYTHON, "distributed.cli.dask_scheduler", "--no-dashboard")
# Without a nanny nobody starts a worker again. The machine's memory is not the tests' to judge.
_WORKER = (*_PYTHON, "distributed.cli.dask_worker", "--no-nanny", "--no-dashboard", "--memory-limit=0")
DIE = "die"

#: What happens when a worker, by its name, has come to a point of its work; it may have to `DIE` there.
Order = Callable[[str], str | None]


class Host(NamedTuple):
    """A machine, or what stands for one: its address, and how commands are run on it."""

    address: str
    prefix: tuple[str, ...] = ()


HERE = Host("127.0.0.1")


class Control:
    """What workers ask at points of their work (`support.worker_hook`).

    Attributes:
      orders: by point, taken by the first worker that comes to it.
      reached: (point, worker) in the order of their coming.
    """

    def __init__(self, host: str = HERE.address) -> None:
        self.orders: dict[str, Order] = {}
        self.reached: list[tuple[str, str]] = []
        control = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, point, worker = self.path.split("/")
                answer = control._answer(point, worker)
                # Who asks may have been killed meanwhile.
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self.url = f"http://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, point: str, worker: str) -> str:
        self.reached.append((point, worker))
        order = self.orders.pop(point, None)
        return (order(worker) if order else None) or ""

    def workers_at(self, point: str) -> set[str]:
        """The workers that came to a point."""
        return {worker for each, worker in self.reached if each == point}


class Cluster:
    """A scheduler and its workers; their folders are below `folder` on their hosts, and logs here, in `logs`.

    Attributes:
      address: of the scheduler.
      processes: that were started, by name; the scheduler is `scheduler`.
    """

    def __init__(
        self, folder: Path, control: Control, environment: Mapping[str, str], logs: Path | None = None
    ) -> None:
        self.control = control
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.address = ""
        self._folder = folder
        self._logs = logs or folder
        self._environment = {"TRUESERVE_TEST_URL": control.url, **environment}

    def start_scheduler(self, host: Host = HERE) -> None:
        port = free_address().rpartition(":")[2]
        self.address = f"tcp://{host.address}:{port}"
        self._start("scheduler", host, [*_SCHEDULER, f"--host={host.address}", f"--port={port}"])

    def start_worker(self, name: str, host: Host = HERE, threads: int = 1) -> None:
        flags = [f"--name={name}", f"--nthreads={threads}", f"--host={host.address}"]
        flags += ["--preload=support.worker_hook", f"--local-directory={self._folder / name}"]
        self._start(name, host, [*_WORKER, self.address, *flags])

    def kill(self, name: str) -> None:
        """Ends a process at once, and returns when it has ended."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def kill_all(self, *, but: str = "") -> None:
        """Kills all processes, or all but one."""
        for name in [*self.processes]:
            if name != but:
                self.kill(name)

    def _start(self, name: str, host: Host, command: Sequence[str]) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= {**self._environment, "TRUESERVE_TEST_WORKER": name}
        with (self._logs / f"{name}.log").open("a") as log:
            self.processes[name] = subprocess.Popen(
                [*host.prefix, *command], cwd="/", env=environment, stdout=log, stderr=log
            )


@contextlib.contextmanager
def cluster(folder: Path, control: Control, **environment: str) -> Iterator[Cluster]:
    """A cluster whose processes end with the block."""
    made = Cluster(folder, control, environment)
    try:
        yield made
    finally:
        made.kill_all()
