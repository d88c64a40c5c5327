"""Requests to a server on this machine, which fails in the ways that servers do."""

from __future__ import annotations

import datetime as dt
import email.utils
import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from support.alerts import Clock, away, http_server

from trueserve.transforms.alerts import transport
from trueserve.transforms.alerts.transport import DeliveryError, Request, in_attempts, post

Answer = tuple[int, Mapping[str, str], bytes]


def failure(*answers: Answer, url: str | None = None, path: str = "/hook") -> DeliveryError:
    with http_server(*answers, path=path) as server:
        request = Request(url or server.url, b"{}")
        with pytest.raises(DeliveryError) as caught:
            post(request, [request.url])
    return caught.value


def test_request_arrives_with_its_headers() -> None:
    with http_server((202, {}, b"accepted")) as server:
        assert post(Request(server.url, b'{"a": 1}', {"Idempotency-Key": "k"})) == b"accepted"
    ((path, headers, body),) = server.requests
    assert (path, headers["Idempotency-Key"], headers["Content-Type"]) == ("/hook", "k", "application/json")
    assert body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("status", "may_pass"), [(400, False), (403, False), (404, False), (429, True), (500, True), (503, True)]
)
def test_status_says_whether_another_attempt_may_help(status: int, may_pass: bool) -> None:
    error = failure((status, {}, b"no\r\nroute \x1b[31m"))
    assert error.may_pass is may_pass
    assert str(error) == f"the receiver answered HTTP {status}: no route \\x1b[31m"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    with http_server() as other:
        error = failure((status, {"Location": other.url}, b""))
        assert f"HTTP {status}" in str(error)
        assert other.requests == []


def test_time_to_wait_is_seconds_or_a_date() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    assert failure((429, {"Retry-After": "7"}, b"")).retry_after == 7
    dated = failure((503, {"Retry-After": email.utils.format_datetime(soon, usegmt=True)}, b"")).retry_after
    assert dated is not None
    assert 60 < dated < 101
    for wrong in ("-1", "soon", "9" * 400, "nan", "Wed, 99 Nov 9999"):
        assert failure((503, {"Retry-After": wrong}, b"")).retry_after is None


def test_answer_that_repeats_the_url_does_not_show_it() -> None:
    error = failure((403, {}, b"invalid: /services/s3cr3t-token"), path="/services/s3cr3t-token")
    assert "s3cr3t-token" not in str(error)
    long = b"x" * 190 + b"/services/s3cr3t-token"
    assert "s3cr3t" not in str(failure((403, {}, long), path="/services/s3cr3t-token"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/s3cr3t-token", "nothing:s3cr3t-token", "http://[s3cr3t-token"]
)
def test_url_that_leads_nowhere_is_not_shown(url: str) -> None:
    error = failure(url=url)
    assert "s3cr3t" not in str(error)
    assert error.may_pass is url.startswith("http://127")


def test_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert str(error).startswith("no answer within")


def test_server_that_talks_nonsense_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_nonsense, args=(server,))
        thread.start()
        error = failure(url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()
    assert error.may_pass
    assert str(error) == "no answer that can be read (BadStatusLine)"


def _answer_nonsense(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")


def test_attempts_have_pauses_that_grow() -> None:
    clock, left = Clock(), [away(), away(), None]
    in_attempts(lambda: _next(left), clock.pace(), until=100)
    assert (clock.pauses, left) == ([1.0, 2.0], [])


def test_attempts_end_with_the_time_and_with_what_will_not_pass() -> None:
    clock, left = Clock(), [away(retry_after=9), away()]
    with pytest.raises(DeliveryError):
        in_attempts(lambda: _next(left), clock.pace(), until=9.5)
    assert clock.pauses == [9]
    clock = Clock()
    with pytest.raises(DeliveryError):
        in_attempts(lambda: _next([DeliveryError("no", may_pass=False)]), clock.pace(), until=100)
    assert clock.pauses == []


def test_pauses_differ_by_chance() -> None:
    pace = transport.Pace(random=lambda: 0.0)
    assert [pace.pause(attempt, None) for attempt in range(3)] == [0.5, 1.0, 2.0]


def _next(left: list[Any]) -> None:
    if (error := left.pop(0)) is not None:
        raise error
