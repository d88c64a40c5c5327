"""What a verdict means for one alert: which events follow, given what was alerted before.

Not the states of the document alone decide. Its incidents are compared with those that the receiver knows of,
so that an incident is announced once even if the run that would have done it died, and ends once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.alerts.ledger import QUEUED, Ledger, time_of
from trueserve.transforms.alerts.message import SEVERITIES, Event
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.publish import formatting, incident_text

Json = Mapping[str, Any]
_PRESENT = frozenset({"new", "ongoing", "worse", "better"})
_EXAMINED = frozenset({"ok", "skew"})
_RUN_KINDS = {"failed": "failed", "not_examined": "not_examined"}
_LONGEST_TITLE, _LONGEST_DETAILS = 400, 1_000
_MOST_INCIDENTS = 10_000
_ALIKE = 1.5  # lengths of windows


class Window(NamedTuple):
    """The half-open span of a verdict; None where it is unbounded."""

    start: dt.datetime | None
    end: dt.datetime | None

    @property
    def seconds(self) -> float | None:
        return (self.end - self.start).total_seconds() if self.start and self.end else None

    @property
    def name(self) -> str:
        return f"{_iso(self.start) or 'all'}/{_iso(self.end) or 'all'}"


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


def of_document(document: Json, context: Context) -> list[Event]:
    """The events of a verdict, and the ledger brought up to it.

    A window that ends before the newest one that was looked at says nothing of today: it can only end its
    own failure. Raises ValueError, TypeError or KeyError where the document is no verdict.
    """
    window, ledger = window_of(document), context.ledger
    through = time_of(ledger.through)
    events = list(_recovered(document, window, context))
    if through is not None and window.end is not None and window.end < through:
        return events
    if window.end is not None:
        ledger.through = _iso(window.end)
    events += _of_run(document, window, context)
    if document["verdict"] in _EXAMINED:
        events += _of_incidents(document, window, context)
    return events


def of_missing(windows: Sequence[Window], context: Context) -> list[Event]:
    """The events of windows without a verdict."""
    events = [_missing(window) for window in windows]
    return [event for event in events if _is_first(event, context)]


def _missing(window: Window) -> Event:
    title = f"error: no verdict of {formatting.window(_json(window))}"
    details = "The run has not begun, or has ended without a verdict."
    return Event(
        f"missing:{window.name}",
        "missing",
        f"run:{window.name}",
        "error",
        title,
        details,
        _iso(window.start),
        _iso(window.end),
    )


def _of_run(document: Json, window: Window, context: Context) -> Iterator[Event]:
    kind = _RUN_KINDS.get(document["verdict"])
    if kind is None:
        return
    what = "the run failed" if kind == "failed" else "nothing was examined"
    event = Event(
        f"{kind}:{window.name}",
        kind,
        f"run:{window.name}",
        "error",
        f"error: {what}, {formatting.window(_json(window))}",
        _headline(document),
        _iso(window.start),
        _iso(window.end),
        None,
        context.link(document),
    )
    if _is_first(event, context):
        yield event


def _recovered(document: Json, window: Window, context: Context) -> Iterator[Event]:
    """The end of a window's own failure."""
    if document["verdict"] not in _EXAMINED or context.ledger.runs.pop(window.name, None) is None:
        return
    key = f"recovered:{window.name}"
    title = f"resolved: the run has a verdict now, {formatting.window(_json(window))}"
    if "resolved" in context.alert.kinds and key not in context.ledger.keys:
        context.ledger.keys[key] = context.now.isoformat()
        yield Event(
            key,
            "recovered",
            f"run:{window.name}",
            "info",
            title,
            _headline(document),
            _iso(window.start),
            _iso(window.end),
            None,
            context.link(document),
        )


def _headline(document: Json) -> str:
    """The verdict in a sentence; empty where it is not what `validate` writes."""
    try:
        return formatting.visible(formatting.headline(document), _LONGEST_DETAILS)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return ""


def _is_first(event: Event, context: Context) -> bool:
    """Whether a run's trouble is to be alerted, and was not; from now on it was."""
    if event.kind not in context.alert.kinds or event.key in context.ledger.keys:
        return False
    context.ledger.keys[event.key] = context.now.isoformat()
    context.ledger.runs[event.subject.removeprefix("run:")] = event.kind
    return True


def _of_incidents(document: Json, window: Window, context: Context) -> Iterator[Event]:
    if "incidents" not in document:  # a verdict of format 1
        return
    listed = [each for each in document["incidents"][:_MOST_INCIDENTS] if isinstance(each, Mapping)]
    for incident in filter(_is_readable, listed):
        kind = _kind(incident, window, context)
        if kind is not None:
            yield from _wanted(_event(incident, kind, document, window, context), context)
    yield from _gone({str(each.get("id")) for each in listed}, document, window, context)


def _is_readable(incident: Json) -> bool:
    """Whether it has all that an event says: nothing may go wrong once the ledger has changed."""
    try:
        texts = (incident["id"], incident["title"], incident_text.heading(incident))
        texts = (*texts, incident_text.details(incident))
        accepted = incident["acknowledged"]
        is_known = incident["severity"] in SEVERITIES and (accepted is None or "is_valid" in accepted)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False
    return is_known and all(isinstance(text, str) for text in texts)


def _kind(incident: Json, window: Window, context: Context) -> str | None:
    """What happened to an incident for this receiver; None if nothing. The ledger is brought up to it."""
    identity, state = str(incident["id"]), incident["state"]
    known = context.ledger.incidents.get(identity)
    is_open = known is not None and not known["is_over"]
    if state == "resolved":
        return "resolved" if known is not None and is_open and _close(known) else None
    if state not in _PRESENT or _is_left_alone(incident, context.alert):
        return None
    is_cooling = known is not None and _is_cooling(known, context)
    if known is None or not is_open:
        return None if is_cooling else _open(incident, window, context)
    is_worse = bool(known["worse_waits"]) or (state == "worse" and known["window"] != window.name)
    known["worse_waits"] = is_worse and is_cooling
    if not is_worse or is_cooling:
        return None
    known["at"] = context.now.isoformat()
    return "worse"


def _is_left_alone(incident: Json, alert: AlertSettings) -> bool:
    """Whether it is milder than what is alerted, or somebody has accepted it."""
    accepted = incident.get("acknowledged")
    is_mild = SEVERITIES.index(incident["severity"]) < SEVERITIES.index(alert.severity)
    return is_mild or bool(accepted and accepted["is_valid"])


def _is_cooling(known: Json, context: Context) -> bool:
    last = time_of(known["at"])
    return last is not None and context.now - last < context.alert.cooldown


def _open(incident: Json, window: Window, context: Context) -> str:
    incidents, identity = context.ledger.incidents, str(incident["id"])
    incidents.pop(identity, None)  # the newest stands last
    incidents[identity] = {
        "window": window.name,
        "seconds": window.seconds,
        "title": formatting.visible(str(incident["title"]), _LONGEST_TITLE),
        "severity": incident["severity"],
        "at": context.now.isoformat(),
        "worse_waits": False,
        "is_over": False,
    }
    return "new"


def _close(known: dict[str, Any]) -> bool:
    known["is_over"] = True
    return True


def _gone(listed: set[str], document: Json, window: Window, context: Context) -> Iterator[Event]:
    """The end of incidents that a window of the same length does not have, and that no verdict ended."""
    for identity, known in context.ledger.incidents.items():
        if known["is_over"] or identity in listed or not _are_alike(known["seconds"], window.seconds):
            continue
        _close(known)
        event = Event(
            f"{identity}:resolved:{window.name}",
            "resolved",
            identity,
            known["severity"],
            f"resolved: {known['title']}",
            "",
            _iso(window.start),
            _iso(window.end),
            None,
            context.link(document),
        )
        yield from _wanted(event, context)


def _are_alike(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return before <= now * _ALIKE and now <= before * _ALIKE


def _event(incident: Json, kind: str, document: Json, window: Window, context: Context) -> Event:
    identity, since = str(incident["id"]), incident["since"]
    return Event(
        f"{identity}:{kind}:{window.name}",
        kind,
        identity,
        incident["severity"],
        formatting.visible(incident_text.heading(incident), _LONGEST_TITLE),
        formatting.visible(incident_text.details(incident), _LONGEST_DETAILS),
        _iso(window.start),
        _iso(window.end),
        since if isinstance(since, str) else None,
        context.link(document),
    )


def _wanted(event: Event, context: Context) -> Iterator[Event]:
    """The event if it is asked for and was not alerted; the end of what nobody has seen is no event."""
    if event.key in context.ledger.keys or (event.is_over and _was_unseen(event.subject, context.ledger)):
        return
    if event.kind in context.alert.kinds:
        context.ledger.keys[event.key] = context.now.isoformat()
        yield event


def _was_unseen(subject: str, ledger: Ledger) -> bool:
    """Whether the beginning of an incident still waits and was never tried; it is taken back then."""
    was_unseen = False
    for message in ledger.messages:
        if message.state == QUEUED and any(event.subject == subject for event in message.events):
            was_unseen |= any(event.subject == subject and event.kind == "new" for event in message.events)
            message.events = tuple(event for event in message.events if event.subject != subject)
    ledger.messages[:] = [message for message in ledger.messages if message.events]
    return was_unseen


def _json(window: Window) -> Json:
    return {"start": _iso(window.start), "end": _iso(window.end)}


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
