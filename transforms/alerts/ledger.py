"""What one alert has sent, and what waits: one file below `OUTPUT/alerts/`, always replaced as a whole.

A message is in the file before it is sent, as `sending`, and leaves it once it was delivered. Whoever finds
one that is `sending` knows that a process was killed on the way: it is sent again, with the same id.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueserve.transforms.alerts.message import Event, event_of
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import documents, file_systems, paths

FOLDER = "alerts"
FORMAT = 1
QUEUED, HELD, SENDING, UNDELIVERED = "queued", "held", "sending", "undelivered"
_STATES = (QUEUED, HELD, SENDING, UNDELIVERED)
_FLAGS = ("worse_waits", "is_over")
#: What is raised where a document is not what trueserve writes.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError)
_LARGEST = 64 << 20  # bytes of a ledger
# What is kept of the past, the newest of each.
_MOST_KEYS, _MOST_OPEN, _MOST_RUNS, _MOST_MESSAGES = 10_000, 5_000, 2_000, 1_000
_MOST_LENGTHS = 20


@dataclasses.dataclass
class Waiting:
    """A message that was not delivered yet.

    Attributes:
      state: QUEUED and to be sent at once; HELD until quiet hours are over, and never tried; SENDING; or
        UNDELIVERED, which is a dead letter until it is sent.
      attempts: runs that have tried.
      error: why the last of them failed, without secrets.
      not_before: the time before which the receiver asked not to come back, as ISO 8601; None without.
    """

    id: str
    events: tuple[Event, ...]
    state: str = QUEUED
    attempts: int = 0
    error: str = ""
    not_before: str | None = None
    is_repeat: bool = False


@dataclasses.dataclass
class Ledger:
    """The memory of one alert.

    Attributes:
      through: the end of the newest window that was looked at, ISO 8601, by the length of the windows in
        seconds (`86400.0`); windows of a day and of an hour do not make one another old.
      keys: those of the events that were alerted, with the time; the oldest first.
      incidents: those that were announced, by id: `window` (the first one's name), `seconds` (its length),
        `title`, `severity`, `at` (the time of the last message about it), `worse_waits`, and `is_over`.
      runs: windows that failed or were missing and were alerted, by their start.
      messages: those that wait, the oldest first.
      dropped: messages that were given up since there were too many.
    """

    through: dict[str, str] = dataclasses.field(default_factory=dict)
    keys: dict[str, str] = dataclasses.field(default_factory=dict)
    incidents: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    runs: dict[str, str] = dataclasses.field(default_factory=dict)
    messages: list[Waiting] = dataclasses.field(default_factory=list)
    dropped: int = 0

    def trim(self) -> None:
        """Forgets the oldest of what is too much."""
        tables = ((self.keys, _MOST_KEYS), (self.incidents, _MOST_OPEN), (self.runs, _MOST_RUNS))
        for kept, most in (*tables, (self.through, _MOST_LENGTHS)):
            for name in list(kept)[: max(0, len(kept) - most)]:
                del kept[name]
        over = max(0, len(self.messages) - _MOST_MESSAGES)
        self.dropped += over
        del self.messages[:over]

    def newest_end(self) -> dt.datetime | None:
        """The end of the newest window; of lengths that differ, earlier by the longest of them."""
        ends = [end for text in self.through.values() if (end := time_of(text)) is not None]
        if not ends:
            return None
        longest = max(map(float, self.through)) if len(self.through) > 1 else 0.0
        return max(ends) - dt.timedelta(seconds=longest)


def path_of(output: str, name: str) -> str:
    return paths.join(output, FOLDER, f"{name}.json")


def read(output: str, name: str) -> Ledger:
    """The ledger of an alert; a new one where there is none.

    Raises InputError where it cannot be read, or is none: a new one would send everything again.
    """
    path = path_of(output, name)
    if not paths.exists(path):
        return Ledger()
    if not paths.is_plain(path):
        raise InputError(f"{path} is no file")
    with paths.open_stored(path) as stream, file_systems.explained("read", path):
        data = stream.read(_LARGEST + 1)
    try:
        return _parsed(json.loads(data))
    except (*MALFORMED, RecursionError) as error:
        raise InputError(
            f"{path} is not what trueserve writes: mend it, or delete it to begin anew"
        ) from error


def write(output: str, name: str, ledger: Ledger) -> None:
    """Replaces the ledger. Raises InputError where it cannot be written: the old one is there then."""
    ledger.trim()
    values = {"format": FORMAT, **dataclasses.asdict(ledger)}
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    documents.replace(path_of(output, name), (text + "\n").encode("utf-8", "backslashreplace"))


def _parsed(values: Any) -> Ledger:
    if values.pop("format") != FORMAT:
        raise ValueError("another format")
    messages = [_waiting(each) for each in values.pop("messages")]
    ledger = Ledger(**values, messages=messages)
    tables = (ledger.keys, ledger.incidents, ledger.runs, ledger.through)
    if not all(isinstance(table, dict) for table in tables) or not isinstance(ledger.dropped, int):
        raise TypeError("no tables")
    for entry in ledger.incidents.values():
        time_of(entry["at"])
        if not isinstance(entry["title"], str) or not {"window", "seconds", "severity", *_FLAGS} <= set(
            entry
        ):
            raise TypeError("no incident")
    ledger.newest_end()
    times = (*ledger.through.values(), *ledger.keys.values())
    for moment in (*times, *(each.not_before for each in messages)):
        time_of(moment)
    return ledger


def _waiting(values: Mapping[str, Any]) -> Waiting:
    events = tuple(event_of(event) for event in values["events"])
    message = Waiting(**{**values, "events": events})
    if message.state not in _STATES or not events or not isinstance(message.id, str):
        raise ValueError("no message")
    return message


def time_of(text: str | None) -> dt.datetime | None:
    """A time of a ledger or a verdict, in UTC. Raises ValueError for what is none."""
    if text is None:
        return None
    moment = dt.datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


@contextlib.contextmanager
def locked(output: str) -> Iterator[bool]:
    """Whether nobody else on this machine delivers for `output` meanwhile; an object store has no locks.

    Raises InputError where the folder cannot be written.
    """
    if not file_systems.is_local(output):
        yield True
        return
    path = Path(output, FOLDER, ".lock")
    with file_systems.explained("write", str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        yield _is_locked(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
