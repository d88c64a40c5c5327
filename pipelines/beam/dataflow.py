"""Dataflow's client, as Beam makes it: for one thread at a time."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")

_CALLS = ("get_job", "get_job_metrics", "list_messages", "modify_job_state")


def make_calls_exclusive(result: Any) -> None:
    """Lets several threads ask for a job that runs on Dataflow; other runners' results are left as they are.

    Beam's own thread asks for the job's state, and the display for its metrics. Both use one connection, on
    which two requests at once get each other's answers: the job then has no id, and is asked for in vain.

    Args:
      result: a `PipelineResult`, which no other thread has yet.
    """
    client = getattr(getattr(result, "_runner", None), "dataflow_client", None)
    lock = threading.Lock()
    for name in _CALLS:
        if (call := getattr(client, name, None)) is not None:
            setattr(client, name, _exclusive(call, lock))


def job_id(result: Any) -> str | None:
    """The id that Dataflow gave a job; None on other runners, and where it gave none."""
    get_id = getattr(result, "job_id", None)
    known = (
        get_id()
        if callable(get_id) and hasattr(getattr(result, "_runner", None), "dataflow_client")
        else None
    )
    return known if isinstance(known, str) and known else None


def _exclusive(call: Callable[..., Answer], lock: threading.Lock) -> Callable[..., Answer]:
    @functools.wraps(call)
    def call_alone(*arguments: Any, **named: Any) -> Answer:
        with lock:
            return call(*arguments, **named)

    return call_alone
