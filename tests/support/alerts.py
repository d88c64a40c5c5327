"""Verdicts of a series of days, receivers that record, and an HTTP server that answers as it is told."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from trueserve.transforms.alerts.deliver import deliver
from trueserve.transforms.alerts.message import Message
from trueserve.transforms.alerts.sending import Delivery
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.transport import DeliveryError, Pace

from .page import make_verdict
from .page_documents import make_incident

Json = dict[str, Any]
FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
CARRIER = "carrier-3f2a9c"


def moment(day: int, hour: int = 3) -> dt.datetime:
    """An hour of the night after day number `day` (from 1)."""
    return FIRST + day * DAY + dt.timedelta(hours=hour)


def incident(state: str = "new", identity: str = CARRIER, first_day: int = 1, **fields: Any) -> Json:
    start = (FIRST + (first_day - 1) * DAY).isoformat().replace("+00:00", "Z")
    gone = state in ("resolved", "not_compared")
    return make_incident(
        identity, ("raw", "carrier"), state=state, since=start, findings=0 if gone else 3, **fields
    )


def verdict(day: int, *incidents: Json, outcome: str | None = None, length: dt.timedelta = DAY) -> Json:
    """The verdict.json of the window that ends with day number `day` (from 1)."""
    end = FIRST + day * DAY
    window = {key: time.isoformat().replace("+00:00", "Z") for key, time in _span(end, length)}
    path = f"runs/2026110{day % 10}T030000Z.000001-1f3a5c7e-0123456789ab/report.html"
    document = make_verdict(outcome or "skew").to_json()
    report = {"path": path, "bytes": 1, "sha256": "0" * 64}
    return {**document, "window": window, "incidents": list(incidents), "artifacts": {"report.html": report}}


def _span(end: dt.datetime, length: dt.timedelta) -> Iterator[tuple[str, dt.datetime]]:
    yield "start", end - length
    yield "end", end


@dataclasses.dataclass(frozen=True)
class Recorder:
    """A receiver that keeps its messages, and raises what it is given first."""

    messages: list[Message] = dataclasses.field(default_factory=list)
    errors: list[Exception] = dataclasses.field(default_factory=list)
    is_single: bool = False
    is_for_single_events: ClassVar[bool] = False

    def send(self, message: Message, environment: Mapping[str, str]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.messages.append(message)

    @property
    def events(self) -> list[tuple[str, str]]:
        """Kind and subject of all events, in the order in which they came."""
        return [(event.kind, event.subject) for message in self.messages for event in message.events]


def recording(**fields: Any) -> tuple[AlertSettings, Recorder]:
    recorder = Recorder(errors=fields.pop("errors", []))
    return AlertSettings(fields.pop("name", "night"), recorder, **fields), recorder


def away(retry_after: float | None = None) -> DeliveryError:
    """A failure that may pass."""
    return DeliveryError("the receiver answered HTTP 503", may_pass=True, retry_after=retry_after)


def night(output: Path | str, settings: AlertSettings, day: int, *incidents: Json, **fields: Any) -> Delivery:
    """The delivery after day number `day`."""
    document = verdict(day, *incidents, outcome=fields.pop("outcome", None))
    return deliver(str(output), [document], [settings], moment(day), **fields)[0]


@dataclasses.dataclass
class Clock:
    """A clock that goes on while somebody sleeps, and at no other time."""

    seconds: float = 0.0
    pauses: list[float] = dataclasses.field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def pace(self, **fields: Any) -> Pace:
        return Pace(sleep=self.sleep, monotonic=lambda: self.seconds, random=lambda: 1.0, **fields)


@dataclasses.dataclass
class Server:
    """What an HTTP server on this machine has got."""

    url: str
    requests: list[tuple[str, Mapping[str, str], bytes]] = dataclasses.field(default_factory=list)

    @property
    def documents(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.requests]


@contextlib.contextmanager
def http_server(*answers: tuple[int, Mapping[str, str], bytes], path: str = "/hook") -> Iterator[Server]:
    """Gives the answers one by one, and 200 after them."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            server.requests.append((self.path, dict(self.headers), body))
            status, headers, answer = left.pop(0) if left else (200, {}, b"ok")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # what a redirect would become

        def log_message(self, *_: Any) -> None:
            """Standard error is for tests that fail."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}{path}")
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def texts(value: Any) -> Iterator[str]:
    """All strings of a JSON document, keys too."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield key
            yield from texts(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value
