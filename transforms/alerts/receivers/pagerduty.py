"""PagerDuty, by the Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview.

The key `dedup_key` is that of the incident or the run: what is sent twice opens one incident there, and its
end closes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, ClassVar

from trueserve.transforms.alerts import secrets
from trueserve.transforms.alerts.message import Event, Message
from trueserve.transforms.alerts.receivers.receiver import Environment, to_bytes, url_problem
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import Table, text
from trueserve.transforms.alerts.transport import DeliveryError, Request, post
from trueserve.transforms.publish.formatting import cut

URL = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1_024


@dataclasses.dataclass(frozen=True)
class PagerDuty:
    """Attributes:
    routing_key: of the integration; a secret.
    url: where events go, such as that of another region of the service.
    """

    routing_key: Secret
    url: str = URL
    is_for_single_events: ClassVar[bool] = True

    def send(self, message: Message, environment: Environment) -> None:
        key = self.routing_key.value(environment)
        if len(key) > 100:
            raise DeliveryError(f"{self.routing_key.reference} is longer than a routing key", may_pass=False)
        post(Request(self.url, to_bytes(payload(message, key))), [key])


def parse(table: Table) -> PagerDuty:
    return PagerDuty(
        table.required("routing_key", secrets.parse, Secret("")), table.optional("url", _url, URL)
    )


def _url(value: Any) -> str:
    url = text(value, 500)
    if (problem := url_problem(url)) is not None:
        raise ValueError(problem)
    return url


def payload(message: Message, routing_key: str) -> dict[str, Any]:
    """The body of the request for the first event; each message has one."""
    event = message.events[0]
    return {
        "routing_key": routing_key,
        "event_action": "resolve" if event.is_over else "trigger",
        "dedup_key": dedup_key(message.series, event.subject),
        "client": "trueserve",
        **({"client_url": event.link, "links": [_link(event.link)]} if event.link else {}),
        "payload": _payload(message, event),
    }


def dedup_key(series: str, subject: str) -> str:
    """The same for all that is about one incident, or one run, of a series."""
    text = f"{series}\0{subject}".encode("utf-8", "backslashreplace")
    return f"trueserve-{hashlib.sha256(text).hexdigest()[:40]}"


def _payload(message: Message, event: Event) -> dict[str, Any]:
    return {
        "summary": cut(f"{cut(message.series, 80)}: {event.title}", _LONGEST_SUMMARY),
        "source": cut(message.series, 80),
        "severity": event.severity,
        "class": event.kind,
        "component": "training-serving skew",
        "custom_details": {
            "details": event.details,
            "subject": event.subject,
            "window_start": event.start,
            "window_end": event.end,
            "since": event.first_start,
            "alert": message.footer,
        },
    }


def _link(url: str) -> dict[str, str]:
    return {"href": url, "text": "The page"}
