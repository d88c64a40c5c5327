"""Preloaded by Dask workers of tests: at some points of their work they ask the test what happens to them."""

from __future__ import annotations

import functools
import os
import signal
import urllib.request
from collections.abc import Callable
from typing import Any

from support import collector
from trueserve.transforms import (
    merge_results,
    publish_verdict,  # noqa: F401 - all that a worker needs is loaded now
    read,  # noqa: F401
    reporting,
)
from trueserve.transforms.runs import run_folder

collector.resume()
URL = os.environ.get("TRUESERVE_TEST_URL")


def reach(point: str) -> None:
    """Waits for the test's answer; a worker that is to die does so here, as one that is out of memory."""
    with urllib.request.urlopen(f"{URL}/{point}/{os.environ['TRUESERVE_TEST_WORKER']}") as response:
        if response.read() == b"die":
            os.kill(os.getpid(), signal.SIGKILL)


def hook(owner: Any, name: str, before: str, after: str | None = None) -> None:
    """Makes a function ask before, and maybe after, it does its work."""
    function: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(function)
    def with_questions(*args: Any, **more: Any) -> Any:
        reach(before)
        result = function(*args, **more)
        if after is not None:
            reach(after)
        return result

    setattr(owner, name, with_questions)


if URL is not None:
    hook(reporting.Reporting, "_beat", "read")
    hook(merge_results.MergeResults, "extract_output", "merge")
    hook(run_folder, "publish", "publish")
    hook(run_folder, "_commit", "commit", "committed")
