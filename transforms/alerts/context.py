"""What events are made of: the window of a verdict, the alert, and what it remembers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trueserve.transforms.alerts.ledger import Ledger, time_of
from trueserve.transforms.alerts.settings import AlertSettings

Json = Mapping[str, Any]
#: Outcomes of verdicts that looked for incidents.
EXAMINED = frozenset({"ok", "skew"})


class Window(NamedTuple):
    """The half-open span of a verdict; None where it is unbounded."""

    start: dt.datetime | None
    end: dt.datetime | None

    @property
    def seconds(self) -> float | None:
        return (self.end - self.start).total_seconds() if self.start and self.end else None

    @property
    def name(self) -> str:
        return f"{iso(self.start) or 'all'}/{iso(self.end) or 'all'}"


class Context(NamedTuple):
    """What events are made with.

    Attributes:
      now: the time of the delivery.
      link: the page of a verdict; empty without one.
    """

    alert: AlertSettings
    ledger: Ledger
    now: dt.datetime
    link: Callable[[Json], str]


def window_of(document: Json) -> Window:
    """The window of a verdict. Raises ValueError, TypeError or KeyError for what is none."""
    window = document["window"]
    return Window(time_of(window["start"]), time_of(window["end"]))


def iso(moment: dt.datetime | None) -> str | None:
    """A moment as verdict.json has it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
