"""What is sent: events, and messages of one or more of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.publish.formatting import counted, cut

#: Events that a table of `[[alerts]]` can ask for. What follows from `resolved` includes runs that recovered.
KINDS = ("new", "worse", "resolved", "failed", "not_examined", "missing")
#: From the mildest to the worst.
SEVERITIES = ("info", "warning", "error")
_OVER = frozenset({"resolved", "recovered"})
_SHOWN = 20
_LONGEST_TITLE = 400


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened, of one incident or one run.

    Attributes:
      key: of this event alone: incident or run, what happened, and the window. It is alerted once.
      kind: one of KINDS, `recovered` or `test`.
      subject: what it is about: an incident's id, or `run:` and a window. A pager opens and closes by it.
      severity: of SEVERITIES.
      title, details: for people, on one line each; `details` may be empty.
      start, end: the window's, as verdict.json has them; None where it has none.
      first_start: of an incident's first window; None for others.
      link: the page of the window's run; empty without one.
    """

    key: str
    kind: str
    subject: str
    severity: str
    title: str
    details: str = ""
    start: str | None = None
    end: str | None = None
    first_start: str | None = None
    link: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it says that something ended."""
        return self.kind in _OVER

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def event_of(values: Mapping[str, Any]) -> Event:
    """An event as `to_json` wrote it. Raises TypeError, ValueError or KeyError for anything else."""
    event = Event(**values)
    required = (event.key, event.kind, event.subject, event.severity, event.title, event.details, event.link)
    if not all(isinstance(value, str) for value in required) or event.severity not in SEVERITIES:
        raise ValueError("no event")
    if not all(
        value is None or isinstance(value, str) for value in (event.start, event.end, event.first_start)
    ):
        raise ValueError("no event")
    return event


@dataclasses.dataclass(frozen=True)
class Message:
    """What a receiver gets at once.

    Attributes:
      id: the same whenever this message is sent; a digest of the alert's name and the events' keys.
      series: the name of what was compared, as people call it.
      alert: the name of the table of `[[alerts]]`.
      events: at least one.
      is_repeat: whether it may have been sent before by a process that was killed.
      most: so many events are shown one by one at most.
    """

    id: str
    series: str
    alert: str
    events: tuple[Event, ...]
    is_repeat: bool = False
    most: int = _SHOWN

    @property
    def severity(self) -> str:
        """The worst of what is not over; `info` where all of it is."""
        ranks = [SEVERITIES.index(event.severity) for event in self.events if not event.is_over]
        return SEVERITIES[max(ranks, default=0)]

    @property
    def title(self) -> str:
        """One line, with the series: `flights: error, new: carrier is in lower case, and 2 more`."""
        more = f", and {len(self.events) - 1:,} more" if len(self.events) > 1 else ""
        return f"{cut(self.series, 80)}: {cut(self.events[0].title, _LONGEST_TITLE)}{more}"

    @property
    def shown(self) -> tuple[Event, ...]:
        """The events that are shown one by one."""
        return self.events[: self.most]

    @property
    def left_out(self) -> str:
        """`and 3 events more`; empty where all are shown."""
        rest = len(self.events) - len(self.shown)
        return f"and {counted(rest, 'event')} more" if rest else ""

    @property
    def link(self) -> str:
        return next((event.link for event in reversed(self.events) if event.link), "")

    @property
    def footer(self) -> str:
        """The id, and that it may be a repetition, where it may."""
        repeat = "; it may have been sent before, with the same id" if self.is_repeat else ""
        return f"trueserve alert {self.id}{repeat}"

    def plain_text(self) -> str:
        """Paragraphs of lines, for receivers that show text as it is."""
        blocks = ["\n".join(filter(None, (event.title, event.details, event.link))) for event in self.shown]
        return "\n\n".join([*blocks, *filter(None, [self.left_out]), self.footer])


def message_id(alert: str, keys: list[str]) -> str:
    """24 hexadecimal digits."""
    text = "\0".join([alert, *sorted(keys)])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:24]
