"""Events of runs: those that failed, examined nothing, are missing, or have a verdict at last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueserve.transforms.alerts.context import EXAMINED, Context, Json, Window, iso
from trueserve.transforms.alerts.ledger import MALFORMED
from trueserve.transforms.alerts.message import Event
from trueserve.transforms.publish import formatting

_KINDS = {"failed": "failed", "not_examined": "not_examined"}
_LONGEST_DETAILS = 1_000


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
        iso(window.start),
        iso(window.end),
    )


def of_run(document: Json, window: Window, context: Context) -> Iterator[Event]:
    """The event of a run that did not examine its window."""
    kind = _KINDS.get(document["verdict"])
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
        iso(window.start),
        iso(window.end),
        None,
        context.link(document),
    )
    if _is_first(event, context):
        yield event


def recovered(document: Json, window: Window, context: Context) -> Iterator[Event]:
    """The end of a window's own failure."""
    if document["verdict"] not in EXAMINED or context.ledger.runs.pop(window.name, None) is None:
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
            iso(window.start),
            iso(window.end),
            None,
            context.link(document),
        )


def _headline(document: Json) -> str:
    """The verdict in a sentence; empty where it is not what `validate` writes."""
    try:
        return formatting.visible(formatting.headline(document), _LONGEST_DETAILS)
    except MALFORMED:
        return ""


def _is_first(event: Event, context: Context) -> bool:
    """Whether a run's trouble is to be alerted, and was not; from now on it was."""
    if event.kind not in context.alert.kinds or event.key in context.ledger.keys:
        return False
    context.ledger.keys[event.key] = context.now.isoformat()
    context.ledger.runs[event.subject.removeprefix("run:")] = event.kind
    return True


def _json(window: Window) -> Json:
    return {"start": iso(window.start), "end": iso(window.end)}
