"""Runs of which metrics are made, and small servers of other projects, started on a port of the kernel's."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from trueserve.transforms.metrics.families import Run

from .alerts import incident, verdict
from .page_documents import make_entry

STARTED = dt.datetime(2026, 11, 2, 3, tzinfo=dt.UTC)
FINISHED = STARTED + dt.timedelta(seconds=90.5)
HOSTILE = 'a"b\\c\nd{e="f"} 1\u202e\ud800ø'


def make_run(outcome: str = "skew", day: int = 1, series: str = "flights", **fields: Any) -> Run:
    """A run with an incident and three features, one of which was not compared."""
    entries = [
        make_entry("carrier", 0.4, training_missing_share=0.0, psi=None),
        make_entry("fare", 0.01, training_missing_share=0.0, psi=None),
        make_entry("stops", None, training_missing_share=0.0, psi=None, metric=None, least_effect=None),
    ]
    document = verdict(day, incident(), outcome=outcome) | {"features": entries, "findings": [], **fields}
    return Run(document, series, STARTED, FINISHED)


def program(name: str, package: str) -> str:
    """A program of a package of Debian's; the test is skipped without it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def started(command: list[str], ready: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process, once `ready` (a URL) answers; it is ended with the block."""
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            _wait(ready, process, log)
            yield process
        finally:
            process.terminate()


def _wait(ready: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            fetch(ready)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                return  # it answers
        except (urllib.error.URLError, ConnectionError):
            pass
        else:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)  # a server that has ended is not waited for
            break
    raise AssertionError(f"{process.args!r} did not answer: {log.read_text(errors='replace')[-2000:]}")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())
