"""Microsoft Teams, by the webhook of a workflow: an Adaptive Card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using. A message
has 28 KB at most. Text is in text runs, whose content is no Markdown: a name cannot become a link.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from trueserve.transforms.alerts import secrets
from trueserve.transforms.alerts.message import Event, Message
from trueserve.transforms.alerts.receivers.receiver import Environment, bounded, post_secret
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import Table
from trueserve.transforms.publish.formatting import cut

_MOST_BYTES = 27_000
_LONGEST_LINE = 1_000
_COLORS = {"error": "Attention", "warning": "Warning", "info": "Default"}


@dataclasses.dataclass(frozen=True)
class Teams:
    """Attributes: `url`, the workflow's, which is a secret."""

    url: Secret
    is_for_single_events: ClassVar[bool] = False

    def send(self, message: Message, environment: Environment) -> None:
        post_secret(self.url, bounded(message, payload, _MOST_BYTES), environment, message)


def parse(table: Table) -> Teams:
    return Teams(table.required("url", secrets.parse, Secret("")))


def payload(message: Message) -> dict[str, Any]:
    """The body of the request."""
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_text(message.title, size="Medium", weight="Bolder")],
    }
    card["body"] += [block for event in message.shown for block in _blocks(event)]
    rest = " ".join(filter(None, (message.left_out, message.footer)))
    card["body"].append(_text(rest, size="Small", isSubtle=True))
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The page", "url": message.link}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _blocks(event: Event) -> list[dict[str, Any]]:
    color = "Good" if event.is_over else _COLORS[event.severity]
    return [_text(event.title, color=color), *([_text(event.details)] if event.details else [])]


def _text(text: str, **form: Any) -> dict[str, Any]:
    run = {"type": "TextRun", "text": cut(text, _LONGEST_LINE), **form}
    return {"type": "RichTextBlock", "inlines": [run]}
