"""Slack, by an incoming webhook: blocks of mrkdwn.

Limits and escapes: https://docs.slack.dev/reference/block-kit/blocks and
https://docs.slack.dev/messaging/formatting-message-text. Slack has no key by which it knows a repetition.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, ClassVar

from trueserve.transforms.alerts import secrets
from trueserve.transforms.alerts.message import Event, Message
from trueserve.transforms.alerts.receivers.receiver import Environment, fitted, post_secret, to_bytes
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import Table

_LONGEST_TEXT, _LONGEST_SECTION = 1_000, 2_900  # Slack takes 40,000 and 3,000
_LONGEST_LINE = 1_400
_MARKS = {"error": ":red_circle:", "warning": ":large_yellow_circle:", "info": ":white_circle:"}
_OVER = ":white_check_mark:"
# Between a mark and its text: `*a*` would be bold, and strangers name features as they like.
_NO_BREAK = "\u2060"
# Within a word `_` formats nothing: `trip_distance` can be copied as it is.
_MARK = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])")


@dataclasses.dataclass(frozen=True)
class Slack:
    """Attributes: `url`, the webhook's, which is a secret."""

    url: Secret
    is_for_single_events: ClassVar[bool] = False

    def send(self, message: Message, environment: Environment) -> None:
        post_secret(self.url, to_bytes(payload(message)), environment, message)


def parse(table: Table) -> Slack:
    return Slack(table.required("url", secrets.parse, Secret("")))


def payload(message: Message) -> dict[str, Any]:
    """The body of the request; `text` is for notifications."""
    blocks = [_section(fitted(message.title, _LONGEST_SECTION, escaped))]
    blocks += [_section(_paragraph(event)) for event in message.shown]
    rest = " ".join(filter(None, (message.left_out, message.footer)))
    blocks.append({"type": "context", "elements": [_mrkdwn(fitted(rest, _LONGEST_TEXT, escaped))]})
    return {"text": fitted(message.title, _LONGEST_TEXT, escaped), "blocks": blocks}


def escaped(text: str) -> str:
    """Text that neither links, mentions nor formats anything."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARK.sub(f"{_NO_BREAK}\\g<0>{_NO_BREAK}", text)


def _paragraph(event: Event) -> str:
    mark = _OVER if event.is_over else _MARKS[event.severity]
    lines = [f"{mark} {fitted(event.title, _LONGEST_LINE, escaped)}"]
    lines += [fitted(event.details, _LONGEST_LINE, escaped)] if event.details else []
    # A link that does not fit would be cut to one that leads elsewhere.
    link = _link(event.link)
    text = "\n".join([*lines, link])
    return text if link and len(text) <= _LONGEST_SECTION else "\n".join(lines)


def _link(url: str) -> str:
    return f"<{url.replace('|', '%7C').replace('>', '%3E').replace('<', '%3C')}|the page>" if url else ""


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: nothing that looks like a URL or a channel becomes a link.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
