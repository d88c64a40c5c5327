"""Beam's own job server and worker pools, each in a process of its own, as on a cluster of one machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import grpc

from support.repo import ROOT

_SERVER = "apache_beam.runners.portability.local_job_service_main"
_POOL = "apache_beam.runners.worker.worker_pool_main"
#: Names the jar of a job server for Flink, to be used in place of Beam's local one (`make flink-test`).
FLINK_JOB_SERVER = "TRUESERVE_FLINK_JOB_SERVER"
_SECONDS_TO_START = 120
# The pool runs `python -c CODE`; this one does something before, in a module that the code will import.
_PYTHON = """#!/bin/sh
exec {python} -c 'import os, signal, sys
from trueserve.transforms.core import heartbeats
def act(*_):
    {act}
heartbeats.Heartbeat.add = act
exec(sys.argv[1])' "$2"
"""
_BROKEN_PYTHON = "#!/bin/sh\nexit 1\n"


class Service(NamedTuple):
    """A process that listens on a port of this machine."""

    address: str
    pid: int


def free_address() -> str:
    """An address on which nothing listens."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return f"localhost:{free.getsockname()[1]}"


@contextlib.contextmanager
def job_server(folder: Path) -> Iterator[Service]:
    """Beam's local job service, or Flink's in one process with it, with logs in `folder`."""
    address = free_address()
    port = address.split(":")[1]
    command = _python(_SERVER, f"--port={port}")
    if jar := os.environ.get(FLINK_JOB_SERVER):
        ports = (f"--job-port={port}", "--artifact-port=0", "--expansion-port=0")
        command = ("java", "-jar", jar, "--flink-master=[local]", f"--artifacts-dir={folder}/staged", *ports)
    with _service(command, address, folder, {}) as service:
        yield service


@contextlib.contextmanager
def worker_pool(folder: Path, act: str | None = None, *, is_broken: bool = False) -> Iterator[Service]:
    """Starts a process for each worker that it is asked for.

    Args:
      act: a statement that workers run where they would count rows.
      is_broken: workers end as soon as they are started.
    """
    programs = folder / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    if act is not None or is_broken:
        (programs / "python").write_text(
            _BROKEN_PYTHON if is_broken else _PYTHON.format(python=sys.executable, act=act)
        )
        (programs / "python").chmod(0o755)
    search = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    address = free_address()
    command = _python(_POOL, f"--service_port={address.split(':')[1]}")
    with _service(command, address, folder, {"PATH": search}) as service:
        yield service


def _python(module: str, flag: str) -> tuple[str, ...]:
    return (sys.executable, "-W", "ignore", "-m", module, flag)


@contextlib.contextmanager
def _service(
    command: Sequence[str], address: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[Service]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{address}.log").open("w") as log:
        process = subprocess.Popen(
            command,
            # Relative paths lead nowhere in a folder of its own.
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=_SECONDS_TO_START)
        yield Service(address, process.pid)
    finally:
        # Its workers are in its session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
