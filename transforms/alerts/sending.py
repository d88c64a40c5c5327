"""One alert's delivery: what follows from the verdicts is written down, then sent, message by message."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from trueserve.transforms.alerts import events, ledger, run_events
from trueserve.transforms.alerts.context import Context, Window, window_of
from trueserve.transforms.alerts.ledger import HELD, MALFORMED, QUEUED, SENDING, UNDELIVERED, Ledger, Waiting
from trueserve.transforms.alerts.message import SEVERITIES, Event, Message, message_id
from trueserve.transforms.alerts.secrets import SecretError
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.transport import DeliveryError, Pace, PartlyDeliveredError, in_attempts
from trueserve.transforms.files import paths
from trueserve.transforms.runs.series import LATEST, WINDOWS, window_name

Json = Mapping[str, Any]
_REPORT = "report.html"
_LONGEST_WAIT = dt.timedelta(days=1)
_MOST_EVENTS = 100  # of a message: receivers have limits in bytes


@dataclasses.dataclass(frozen=True)
class Delivery:
    """What became of one alert in one delivery.

    Attributes:
      sent: messages that were delivered now.
      waiting: messages that wait for the end of the quiet hours, or for the time that a receiver asked for.
      undelivered: messages that could not be delivered (dead letters); the next delivery sends them.
      problems: what went wrong, one line each, without secrets.
    """

    alert: str
    sent: int = 0
    waiting: int = 0
    undelivered: int = 0
    problems: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Occasion:
    """What one delivery is about, the same for all alerts.

    Attributes:
      output: the folder of the series.
      documents: verdicts, as verdict.json has them, in the order of their windows.
      missing: windows that should have a verdict and do not.
      page_url: where `output` can be read by people; empty if nowhere.
      series: its name for people.
    """

    output: str
    now: dt.datetime
    documents: Sequence[Json] = ()
    missing: Sequence[Window] = ()
    page_url: str = ""
    series: str = ""
    environment: Mapping[str, str] = dataclasses.field(default_factory=lambda: os.environ)
    pace: Pace = dataclasses.field(default_factory=Pace)


class Delivering:
    """One alert's delivery."""

    def __init__(self, alert: AlertSettings, occasion: Occasion, kept: Ledger) -> None:
        self._alert, self._occasion, self._ledger = alert, occasion, kept
        self._problems: list[str] = []
        self._sent = 0

    def run(self) -> Delivery:
        for group in self._groups():
            self._ledger.messages += self._messages(group)
        # From here on nothing is lost: what is to be sent is written down.
        self._keep()
        self._send_all()
        if self._ledger.dropped:
            self._problems.append(f"{self._ledger.dropped:,} messages were given up: too many waited")
            self._ledger.dropped = 0
            self._keep()
        states = [message.state for message in self._ledger.messages]
        waiting = states.count(QUEUED) + states.count(HELD)
        return Delivery(self._alert.name, self._sent, waiting, len(states) - waiting, tuple(self._problems))

    def _groups(self) -> Iterator[list[Event]]:
        """The events of each window; those of missing windows together."""
        context = Context(self._alert, self._ledger, self._occasion.now, self._link)
        for document in self._occasion.documents:
            try:
                yield events.of_document(document, context)
            except MALFORMED:
                self._problems.append("a document that is no verdict was left out")
        yield run_events.of_missing(self._occasion.missing, context)

    def _link(self, document: Json) -> str:
        occasion = self._occasion
        in_series = bool(occasion.page_url) and paths.exists(paths.join(occasion.output, LATEST))
        return page_link(occasion.page_url, document, in_series=in_series)

    def _messages(self, group: list[Event]) -> list[Waiting]:
        is_single = self._alert.receiver.is_for_single_events or not self._alert.is_grouped
        most = 1 if is_single else _MOST_EVENTS
        parts = [group[at : at + most] for at in range(0, len(group), most)]
        return [
            Waiting(message_id(self._alert.name, [event.key for event in part]), tuple(part))
            for part in parts
        ]

    def _send_all(self) -> None:
        pace = self._occasion.pace
        until = pace.monotonic() + pace.longest
        self._hold()
        for message in list(self._ledger.messages):
            # A message that may pass later shows that the receiver is away: the others wait as well.
            if self._is_due(message) and not self._send(message, until):
                return

    def _hold(self) -> None:
        """Says of what was never tried that it waits for the end of the quiet hours, if it does."""
        held = [each for each in self._ledger.messages if each.state == QUEUED and not self._is_loud(each)]
        for message in held:
            message.state = HELD
        if held:
            self._keep()

    def _is_due(self, message: Waiting) -> bool:
        now, not_before = self._occasion.now, ledger.time_of(message.not_before)
        if not_before is not None and now < not_before <= now + _LONGEST_WAIT:
            return False
        return self._is_loud(message)

    def _is_loud(self, message: Waiting) -> bool:
        """Whether quiet hours do not hold it back now."""
        quiet = self._alert.quiet
        if quiet is None or not quiet.contain(self._occasion.now):
            return True
        loud, severity = self._alert.loud, self._message(message).severity
        return loud is not None and SEVERITIES.index(severity) >= SEVERITIES.index(loud)

    def _send(self, waiting: Waiting, until: float) -> bool:
        """Sends one message; False if the receiver is away."""
        waiting.is_repeat |= waiting.state == SENDING
        waiting.state, waiting.attempts = SENDING, waiting.attempts + 1
        self._keep()
        is_here = True
        try:
            attempt(self._alert, self._message(waiting), self._occasion, until)
        except PartlyDeliveredError as error:
            self._problems.append(str(error))
        except DeliveryError as error:
            self._fail(waiting, error)
            is_here = not error.may_pass
        if waiting.state == SENDING:
            self._sent += 1
            self._ledger.messages.remove(waiting)
        self._keep()
        return is_here

    def _message(self, waiting: Waiting) -> Message:
        return Message(waiting.id, self._occasion.series, self._alert.name, waiting.events, waiting.is_repeat)

    def _fail(self, waiting: Waiting, error: DeliveryError) -> None:
        waiting.state, waiting.error = UNDELIVERED, str(error)
        waiting.not_before = None
        if error.retry_after is not None:
            wait = dt.timedelta(seconds=min(error.retry_after, _LONGEST_WAIT.total_seconds()))
            waiting.not_before = (self._occasion.now + wait).isoformat()
        self._problems.append(str(error))

    def _keep(self) -> None:
        ledger.write(self._occasion.output, self._alert.name, self._ledger)


def send_tests(settings: Iterable[AlertSettings], occasion: Occasion) -> tuple[Delivery, ...]:
    """Sends each receiver a message that says that it is a test, quiet hours or not.

    No ledger is read or written. Raises nothing.
    """
    return tuple(_tested(alert, occasion) for alert in settings)


def _tested(alert: AlertSettings, occasion: Occasion) -> Delivery:
    key = f"test:{occasion.now.isoformat()}"
    title = "info: a test of this alert; nothing has happened"
    event = Event(key, "test", key, "info", title, link=occasion.page_url)
    message = Message(message_id(alert.name, [key]), occasion.series or "trueserve", alert.name, (event,))
    try:
        attempt(alert, message, occasion, occasion.pace.monotonic() + occasion.pace.longest)
    except PartlyDeliveredError as error:
        return Delivery(alert.name, sent=1, problems=(str(error),))
    except DeliveryError as error:
        return Delivery(alert.name, undelivered=1, problems=(str(error),))
    return Delivery(alert.name, sent=1)


def attempt(alert: AlertSettings, message: Message, occasion: Occasion, until: float) -> None:
    """Raises DeliveryError, also where a secret cannot be read or a receiver fails otherwise."""

    def send() -> None:
        try:
            alert.receiver.send(message, occasion.environment)
        except SecretError as error:
            raise DeliveryError(str(error), may_pass=False) from None
        except (DeliveryError, PartlyDeliveredError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a client raises, a verdict is not lost by it
            # Its text may quote what was sent, or a secret.
            raise DeliveryError(f"not sent: {type(error).__name__}", may_pass=False) from None

    in_attempts(send, occasion.pace, until)


def page_link(page_url: str, document: Json, *, in_series: bool = False) -> str:
    """The page of a verdict's run, or of its window in a series; empty where there is none, or no URL."""
    artifacts = document.get("artifacts")
    report = artifacts.get(_REPORT) if isinstance(artifacts, Mapping) else None
    path = report.get("path") if isinstance(report, Mapping) else None
    if not page_url or not isinstance(path, str):
        return ""
    folder = "failed/" if document.get("verdict") == "failed" else ""
    if in_series:
        # A rerun replaces the runs of a window, and not the page beside its verdict.
        start, end = window_of(document)
        try:
            name = window_name(start, end) if start and end else ""
        except ValueError:  # no window of a series
            name = ""
        if not name:
            return ""
        folder, path = f"{WINDOWS}/{name}/{folder}", _REPORT
    return f"{page_url.rstrip('/')}/{folder}{quote(path, errors='replace')}"
