"""Google Cloud Pub/Sub, by its REST interface: https://cloud.google.com/pubsub/docs/reference/rest.

A message has the alert's id as an attribute, so that whoever receives it can tell a repetition.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from typing import Any, ClassVar

from trueserve.transforms.alerts.message import Message
from trueserve.transforms.alerts.receivers import webhook
from trueserve.transforms.alerts.receivers.receiver import Environment, to_bytes
from trueserve.transforms.alerts.tables import Table, shown
from trueserve.transforms.alerts.transport import DeliveryError, Request, post

_TOPIC = re.compile(r"projects/[a-z0-9.:-]{1,100}/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
_SCOPE = "https://www.googleapis.com/auth/pubsub"
# Where a local emulator is, by the name that all clients of the service read.
_EMULATOR = "PUBSUB_EMULATOR_HOST"


@dataclasses.dataclass(frozen=True)
class PubSub:
    """Attributes: `topic`, as `projects/PROJECT/topics/TOPIC`. Credentials are the machine's own."""

    topic: str
    is_for_single_events: ClassVar[bool] = False

    def send(self, message: Message, environment: Environment) -> None:
        body = to_bytes({"messages": [payload(message)]})
        if host := environment.get(_EMULATOR):
            post(Request(f"http://{host}/v1/{self.topic}:publish", body))
            return
        token = _token()
        url = f"https://pubsub.googleapis.com/v1/{self.topic}:publish"
        post(Request(url, body, {"Authorization": f"Bearer {token}"}), [token])


def parse(table: Table) -> PubSub:
    return PubSub(table.required("topic", _topic, ""))


def payload(message: Message) -> dict[str, Any]:
    """A message: the webhook's document, and attributes to filter by."""
    data = base64.b64encode(to_bytes(webhook.payload(message))).decode()
    first = message.events[0]
    attributes = {
        "id": message.id,
        "alert": message.alert,
        "severity": message.severity,
        "kind": first.kind,
        "is_repeat": str(message.is_repeat).lower(),
    }
    return {"data": data, "attributes": attributes}


def _token() -> str:
    """A token of the machine's own credentials. Raises DeliveryError where there are none."""
    try:
        import google.auth
        import google.auth.transport.requests
    except ImportError:
        raise DeliveryError("google-auth is not installed", may_pass=False) from None
    try:
        credentials: Any = google.auth.default(scopes=[_SCOPE])[0]
        credentials.refresh(google.auth.transport.requests.Request())
    except google.auth.exceptions.TransportError:
        raise DeliveryError("no token of Google Cloud: no connection", may_pass=True) from None
    except google.auth.exceptions.GoogleAuthError as error:
        why = type(error).__name__  # its text may quote a file of credentials
        raise DeliveryError(f"no token of Google Cloud: {why}", may_pass=False) from None
    return str(credentials.token)


def _topic(value: Any) -> str:
    if isinstance(value, str) and _TOPIC.fullmatch(value):
        return value
    raise ValueError(f"expected projects/PROJECT/topics/TOPIC, got {shown(value)}")
