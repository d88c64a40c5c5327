"""HTTP requests with a time limit, and attempts with growing pauses between them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trueserve.transforms.alerts.secrets import redacted
from trueserve.transforms.publish.formatting import visible

#: Seconds that a connection, and each wait for bytes, may take.
TIMEOUT = 10.0
_LONGEST_ANSWER = 16 << 10  # bytes that are read of an answer
_LONGEST_RESPONSE = 20.0  # seconds
_SHOWN = 200
# Too many requests, a time-out on the other side, too early.
_AGAIN = frozenset({408, 425, 429})


class DeliveryError(Exception):
    """What was not delivered, in one line without a secret.

    Attributes:
      may_pass: whether another attempt may do better.
      retry_after: the seconds that the receiver asks to wait; None if it does not.
    """

    def __init__(self, text: str, *, may_pass: bool, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.may_pass, self.retry_after = may_pass, retry_after


class PartlyDeliveredError(Exception):
    """Some got it and others never will: another attempt would give it to the first again."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is sent by HTTP. `url` and `headers` may hold secrets: they are in no message."""

    url: str
    body: bytes
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    method: str = "POST"


@dataclasses.dataclass(frozen=True)
class Pace:
    """Clock, pauses and chance; tests put others here.

    Attributes:
      attempts: of one message in one run.
      first_pause: seconds after the first attempt; each later pause is twice as long, and each is cut by
        chance to between half of it and all of it, so that many senders do not come back at once.
      longest: seconds that one run spends on one receiver at most, pauses included.
    """

    attempts: int = 4
    first_pause: float = 1.0
    longest: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    def pause(self, attempt: int, retry_after: float | None) -> float:
        """Seconds after attempt number `attempt` (from 0)."""
        longest = self.first_pause * 2.0**attempt
        return max(longest * (0.5 + self.random() / 2), retry_after or 0.0)


def in_attempts(send: Callable[[], None], pace: Pace, until: float) -> None:
    """Sends; again while that may help and fits before `until` (`pace.monotonic`).

    Raises DeliveryError: the last one.
    """
    for attempt in range(pace.attempts):
        try:
            send()
        except DeliveryError as error:
            pause = pace.pause(attempt, error.retry_after)
            is_last = attempt + 1 == pace.attempts or pace.monotonic() + pause > until
            if not error.may_pass or is_last:
                raise
            pace.sleep(pause)
        else:
            return


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the alert to where nobody asked for it to go."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def post(request: Request, secrets: Iterable[str] = ()) -> bytes:
    """Sends a request and returns the beginning of the answer; proxies are those of the environment.

    Raises DeliveryError for what is no answer of 200 to 299.
    """
    headers = {"User-Agent": "trueserve", "Content-Type": "application/json", **request.headers}
    try:
        prepared = urllib.request.Request(request.url, request.body, headers, method=request.method)
        with _OPENER.open(prepared, timeout=TIMEOUT) as response:
            return _beginning(response)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, secrets) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError is raised for a URL or a header that is none, and may quote it.
        text = redacted(_reason(error), secrets)
        raise DeliveryError(text, may_pass=not _is_wrong(error)) from None


def _beginning(response: Any) -> bytes:
    """The first bytes of an answer; whoever sends them one at a time is not waited for."""
    until, data = time.monotonic() + _LONGEST_RESPONSE, b""
    while len(data) < _LONGEST_ANSWER and time.monotonic() < until:
        piece = response.read1(_LONGEST_ANSWER - len(data))
        if not piece:
            break
        data += piece
    return data


def _refusal(error: urllib.error.HTTPError, secrets: Iterable[str]) -> DeliveryError:
    try:
        answer = _beginning(error).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        answer = ""
    # Hidden before it is cut: half of a secret would not be recognised.
    shown = visible(" ".join(redacted(answer, secrets).split()), _SHOWN)
    text = f"the receiver answered HTTP {error.code}{f': {shown}' if shown else ''}"
    may_pass = error.code in _AGAIN or error.code >= 500
    return DeliveryError(text, may_pass=may_pass, retry_after=_seconds(error.headers.get("Retry-After")))


def _seconds(value: str | None) -> float | None:
    """A Retry-After, which is seconds or a date; None for what is neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value) if len(value) < 10 else None
    try:
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _is_wrong(error: Exception) -> bool:
    """Whether the request itself is wrong, and would be at the next attempt."""
    is_no_url = isinstance(error, urllib.error.URLError) and not isinstance(error.reason, Exception)
    return is_no_url or isinstance(error, ValueError)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return _reason(error.reason) if isinstance(error.reason, Exception) else "the URL cannot be opened"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return f"no connection: {visible(error.strerror, _SHOWN)}"
    return f"no answer that can be read ({type(error).__name__})"
