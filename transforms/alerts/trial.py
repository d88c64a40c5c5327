"""A message to each receiver that says that it is a test: does an alert arrive?"""

from __future__ import annotations

from collections.abc import Iterable

from trueserve.transforms.alerts.message import Event, Message, message_id
from trueserve.transforms.alerts.sending import Delivery, Occasion, attempt
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.transport import DeliveryError, PartlyDeliveredError


def send(settings: Iterable[AlertSettings], occasion: Occasion) -> tuple[Delivery, ...]:
    """Sends the tests, quiet hours or not; no ledger is read or written."""
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
