"""Names of runs and of their attempts: they sort by time, and say of a path whose it is."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
import uuid
from collections.abc import Mapping
from typing import Any

RUNS = "runs"
#: The document that makes an attempt a run, and the one that stands.
VERDICT = "verdict.json"
#: The name of an attempt's folder: the run's id, and a part of its own.
ATTEMPT = re.compile(r"[A-Za-z0-9._-]{1,100}-[0-9a-f]{12}")
_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_MICROSECOND = dt.timedelta(microseconds=1)


class _Clock:
    """The time in UTC, to the microsecond; no two readings are equal, and none is before the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = dt.datetime.min.replace(tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        with self._lock:
            self._last = max(dt.datetime.now(dt.UTC), self._last + _MICROSECOND)
            return self._last


_CLOCK = _Clock()


def new_run_id() -> str:
    """An id for one run of the job, such as `20130714T050000Z.000123-1f3a5c7e`; ids sort by time (UTC).

    Ids of older versions end their time with the second (`20130714T050000Z-1f3a5c7e`); `-` sorts before
    `.`, so that they sort before all ids of their second.
    """
    return f"{_CLOCK.now():%Y%m%dT%H%M%SZ.%f}-{uuid.uuid4().hex[:8]}"


def new_attempt(run_id: str) -> str:
    """The name of a folder for one attempt of a run."""
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"a run id is letters, digits, dots and dashes: {run_id!r}")
    return f"{run_id}-{uuid.uuid4().hex[:12]}"


def is_of(run_id: str, attempt: str) -> bool:
    """Whether an attempt is one of the run's."""
    return re.fullmatch(rf"{re.escape(run_id)}-[0-9a-f]{{12}}", attempt) is not None


def time_of(name: str) -> dt.datetime | None:
    """When a run began, as the name of its attempt says; None where it does not."""
    try:
        return dt.datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def attempt_of(verdict: Mapping[str, Any] | None) -> str | None:
    """The attempt whose files a verdict names; None without one."""
    artifacts = verdict.get("artifacts") if verdict is not None else None
    for artifact in artifacts.values() if isinstance(artifacts, Mapping) else ():
        path = artifact.get("path") if isinstance(artifact, Mapping) else None
        parts = path.split("/") if isinstance(path, str) else []
        if len(parts) > 2 and parts[0] == RUNS and ATTEMPT.fullmatch(parts[1]):
            return parts[1]
    return None


def attempt_in(document: bytes) -> str | None:
    """The same of a verdict.json as it is stored; None for what is no verdict, or cut short."""
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):
        return None
    return attempt_of(content if isinstance(content, dict) else None)
