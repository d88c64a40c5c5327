"""Events of incidents: a verdict's incidents compared with those that the receiver knows of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.alerts.context import Context, Json, Window, iso
from trueserve.transforms.alerts.ledger import HELD, MALFORMED, Ledger, time_of
from trueserve.transforms.alerts.message import SEVERITIES, Event
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.publish import formatting, incident_text

_PRESENT = frozenset({"new", "ongoing", "worse", "better"})
_LONGEST_TITLE, _LONGEST_DETAILS = 400, 1_000
_MOST_INCIDENTS = 10_000
_ALIKE = 1.5  # lengths of windows


def of_incidents(document: Json, window: Window, context: Context) -> Iterator[Event]:
    """What is new, worse or over, as far as it is asked for and was not alerted."""
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
        headings = [incident_text.heading(incident), incident_text.details(incident)]
        texts = [incident["id"], incident["title"], *headings]
        accepted = incident["acknowledged"]
        is_known = incident["severity"] in SEVERITIES and (accepted is None or "is_valid" in accepted)
    except MALFORMED:
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
            iso(window.start),
            iso(window.end),
            None,
            context.link(document),
        )
        yield from _wanted(event, context)


def _are_alike(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return before <= now * _ALIKE and now <= before * _ALIKE


def _event(incident: Json, kind: str, document: Json, window: Window, context: Context) -> Event:
    identity, start = str(incident["id"]), incident["since"]
    return Event(
        f"{identity}:{kind}:{window.name}",
        kind,
        identity,
        incident["severity"],
        formatting.visible(incident_text.heading(incident), _LONGEST_TITLE),
        formatting.visible(incident_text.details(incident), _LONGEST_DETAILS),
        iso(window.start),
        iso(window.end),
        start if isinstance(start, str) else None,
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
    """Whether the beginning of an incident waits for the end of quiet hours; it is taken back then."""
    was_unseen = False
    for message in ledger.messages:
        if message.state == HELD and any(event.subject == subject for event in message.events):
            was_unseen |= any(event.subject == subject and event.kind == "new" for event in message.events)
            message.events = tuple(event for event in message.events if event.subject != subject)
    ledger.messages[:] = [message for message in ledger.messages if message.events]
    return was_unseen
