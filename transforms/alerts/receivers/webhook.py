"""Any server that takes JSON by HTTP: a document of ours, or one by the user's template.

A template is JSON, too: it is parsed before anything is put into it, and what is put in is text of its
strings. So no name of a feature can add a key or end a string.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from trueserve.transforms.alerts import secrets
from trueserve.transforms.alerts.message import Message
from trueserve.transforms.alerts.receivers.receiver import Environment, to_bytes, url_problem
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import Table, shown
from trueserve.transforms.alerts.transport import DeliveryError, Request, post

FIELDS = (
    *("id", "series", "alert", "severity", "title", "text", "link", "count", "kind", "subject"),
    *("window_start", "window_end", "is_repeat"),
)
_EVENTS = "${events}"
_FIELD = re.compile(r"\$\{([^}]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_LONGEST_TEMPLATE = 20_000


@dataclasses.dataclass(frozen=True)
class Webhook:
    """Attributes:
    url: a secret, since many have a token in them.
    headers: secrets by the name of their header.
    template: JSON with `${title}` and the like in its strings; None for the document of docs/alerts.md.
    """

    url: Secret
    headers: Mapping[str, Secret] = dataclasses.field(default_factory=dict)
    template: Any = None
    is_for_single_events: ClassVar[bool] = False

    def send(self, message: Message, environment: Environment) -> None:
        url = self.url.value(environment)
        headers = {name: secret.value(environment) for name, secret in self.headers.items()}
        if (problem := url_problem(url, needs_tls=bool(headers))) is not None:
            raise DeliveryError(f"{self.url.reference}: {problem}", may_pass=False)
        own = {"Idempotency-Key": message.id, "X-Trueserve-Alert-Id": message.id}
        body = to_bytes(payload(message, self.template))
        post(Request(url, body, {**own, **headers}), [url, *headers.values()])


def parse(table: Table) -> Webhook:
    return Webhook(
        table.required("url", secrets.parse, Secret("")),
        table.optional("headers", _headers, {}),
        table.optional("template", _template, None),
    )


def payload(message: Message, template: Any = None) -> Any:
    """The document, or the template with its fields filled in."""
    fields = _fields(message)
    events = [event.to_json() for event in message.events]
    if template is None:
        return {"format": 1, **fields, "events": events}
    return _filled(template, fields, events)


def _fields(message: Message) -> dict[str, Any]:
    first = message.events[0]
    return {
        "id": message.id,
        "series": message.series,
        "alert": message.alert,
        "severity": message.severity,
        "title": message.title,
        "text": message.plain_text(),
        "link": message.link,
        "count": len(message.events),
        "kind": first.kind,
        "subject": first.subject,
        "window_start": first.start,
        "window_end": first.end,
        "is_repeat": message.is_repeat,
    }


def _filled(template: Any, fields: Mapping[str, Any], events: list[dict[str, Any]]) -> Any:
    if isinstance(template, dict):
        return {key: _filled(value, fields, events) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, fields, events) for value in template]
    if not isinstance(template, str):
        return template
    if template == _EVENTS:
        return events
    # A string that is one field takes its type, too: `"${count}"` becomes a number.
    if match := _FIELD.fullmatch(template):
        return fields[match[1]]
    return _FIELD.sub(lambda match: _as_text(fields[match[1]]), template)


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


def _template(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > _LONGEST_TEMPLATE:
        raise ValueError(f"expected JSON as text of at most {_LONGEST_TEMPLATE:,} characters")
    try:
        template = json.loads(value)
        wrong = sorted(set(_names(template)) - set(FIELDS))
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if wrong:
        raise ValueError(f"${{{shown(wrong[0])}}} is no field; they are {', '.join(FIELDS)} and events")
    return template


def _names(template: Any) -> list[str]:
    """The fields that a template names."""
    if isinstance(template, dict):
        return [name for value in template.values() for name in _names(value)]
    if isinstance(template, list):
        return [name for value in template for name in _names(value)]
    return _FIELD.findall(template) if isinstance(template, str) and template != _EVENTS else []


def _headers(value: Any) -> dict[str, Secret]:
    if not isinstance(value, dict) or not all(_HEADER.fullmatch(name) for name in value):
        raise ValueError("expected a table of names of headers, each with env:NAME or file:/PATH")
    return {name: secrets.parse(secret) for name, secret in value.items()}
