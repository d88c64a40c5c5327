"""What all receivers have, and what several of them share."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from trueserve.transforms.alerts.message import Message
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.transport import DeliveryError, Request, post

Environment = Mapping[str, str]
_LONGEST_URL = 2_000


class Receiver(Protocol):
    """Settings of one receiver, which can send to it.

    Attributes:
      is_for_single_events: whether each event is a message of its own.
    """

    is_for_single_events: ClassVar[bool]

    def send(self, message: Message, environment: Environment) -> None:
        """One attempt. Raises DeliveryError, or SecretError where a secret cannot be read."""


def fitted(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """`text` escaped, cut with `…` so that no more than `limit` characters come of it."""
    if len(escaped := escape(text)) <= limit:
        return escaped
    used, shown = 1, []
    for character in text:
        part = escape(character)
        if (used := used + len(part)) > limit:
            break
        shown.append(part)
    return "".join(shown) + "…"


def to_bytes(document: Any) -> bytes:
    """JSON in UTF-8; half of a surrogate pair, which has no UTF-8, becomes `?`."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def bounded(message: Message, build: Callable[[Message], Any], limit: int) -> bytes:
    """JSON of at most `limit` bytes: with as many of the events shown one by one as fit."""
    for most in range(len(message.shown), -1, -1):
        body = to_bytes(build(dataclasses.replace(message, most=most)))
        if len(body) <= limit:
            return body
    raise DeliveryError(f"the alert has more than {limit:,} bytes", may_pass=False)


def post_secret(secret: Secret, body: bytes, environment: Environment, message: Message) -> None:
    """Posts to a URL that is a secret, by TLS unless it is this machine's."""
    url = secret.value(environment)
    if (problem := url_problem(url)) is not None:
        raise DeliveryError(f"{secret.reference}: {problem}", may_pass=False)
    post(Request(url, body, {"Idempotency-Key": message.id}), [url])


def url_problem(url: str, *, needs_tls: bool = True) -> str | None:
    """What is wrong with a URL, without the URL; None for a good one."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host or len(url) > _LONGEST_URL:
        return "is no URL of https://"
    if needs_tls and parts.scheme == "http" and not is_loopback(host):
        return "is a URL of http://, which anybody on the way can read; use https://"
    return None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
