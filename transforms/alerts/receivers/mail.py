"""Mail, by SMTP: plain text to all addresses of one alert. A repetition has the same Message-ID."""

from __future__ import annotations

import dataclasses
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from typing import Any, ClassVar

from trueserve.transforms.alerts import secrets
from trueserve.transforms.alerts.message import Message
from trueserve.transforms.alerts.receivers.receiver import Environment, is_loopback
from trueserve.transforms.alerts.secrets import Secret, redacted
from trueserve.transforms.alerts.tables import Table, choice, shown, text
from trueserve.transforms.alerts.transport import TIMEOUT, DeliveryError, PartlyDeliveredError
from trueserve.transforms.publish.formatting import cut, visible

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\]")
_MOST_ADDRESSES = 50
_LONGEST_SUBJECT, _LONGEST_TEXT = 200, 100_000
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclasses.dataclass(frozen=True)
class Mail:
    """Attributes:
    security: `starttls`, `tls` from the start, or `none`, which no password goes over.
    user, password: for servers that ask for them; both or neither.
    """

    host: str
    sender: str
    addresses: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user: str | None = None
    password: Secret | None = None
    is_for_single_events: ClassVar[bool] = False

    def send(self, message: Message, environment: Environment) -> None:
        password = self.password.value(environment) if self.password else None
        hidden = [password] if password else []
        try:
            left_out = self._sent(letter(message, self.sender, self.addresses), password)
        except smtplib.SMTPException as error:
            raise _failure(error, hidden) from None
        except (OSError, ValueError) as error:
            why = redacted(_reason(error), hidden)
            raise DeliveryError(f"the mail server: {why}", may_pass=True) from None
        if left_out:
            raise PartlyDeliveredError(
                f"the mail server refused {len(left_out)} of {len(self.addresses)} addresses"
            )

    def _sent(self, mail: EmailMessage, password: str | None) -> dict[str, Any]:
        """The addresses that were refused where others were not."""
        context, host = ssl.create_default_context(), self.host.strip("[]")
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, self.port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, self.port, timeout=TIMEOUT)
        with server:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user is not None and password is not None:
                server.login(self.user, password)
            return server.send_message(mail, self.sender, list(self.addresses))


def parse(table: Table) -> Mail:
    security = table.optional("security", choice(*_PORTS), "starttls")
    mail = Mail(
        host=table.required("host", _host, ""),
        sender=table.required("from", _address, ""),
        addresses=table.required("to", _addresses, ()),
        port=table.optional("port", _port, _PORTS[security]),
        security=security,
        user=table.optional("user", text, None),
        password=table.optional("password", secrets.parse, None),
    )
    if (mail.user is None) != (mail.password is None):
        table.problem("user", "user and password go together")
    if mail.password is not None and security == "none" and not is_loopback(mail.host.strip("[]")):
        table.problem("security", "none would send the password as anybody can read it")
    return mail


def letter(message: Message, sender: str, addresses: tuple[str, ...]) -> EmailMessage:
    """The mail. Strangers' text stands in the subject on one line, and in the body as plain text."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = cut(visible(message.title, 400), _LONGEST_SUBJECT)
    mail["From"], mail["To"] = sender, ", ".join(addresses)
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{message.id}@{sender.partition('@')[2]}>"
    mail["X-Trueserve-Alert-Id"] = message.id
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(cut(message.plain_text(), _LONGEST_TEXT).encode("utf-8", "replace").decode())
    return mail


def _failure(error: smtplib.SMTPException, hidden: list[str]) -> DeliveryError:
    code, answer = _answer(error)
    why = visible(" ".join(redacted(answer, hidden).split()), 200)
    may_pass = not isinstance(error, smtplib.SMTPNotSupportedError) and not 500 <= code < 600
    text = f"{code} {why}" if code else why
    return DeliveryError(f"the mail server: {text.strip()}", may_pass=may_pass)


def _answer(error: smtplib.SMTPException) -> tuple[int, str]:
    """The code of the server, 0 where it gave none, and its words."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, data = max(error.recipients.values())
        return (code if min(c for c, _ in error.recipients.values()) >= 500 else 450), _decoded(data)
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code, _decoded(error.smtp_error)
    return 0, str(error) or type(error).__name__


def _decoded(data: Any) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:.0f} s"
    return visible(str(getattr(error, "strerror", None) or type(error).__name__), 200)


def _address(value: Any) -> str:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value
    raise ValueError(f"expected an address such as team@example.com, got {shown(value)}")


def _addresses(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and 0 < len(value) <= _MOST_ADDRESSES:
        return tuple(dict.fromkeys(map(_address, value)))
    raise ValueError(f"expected a list of 1 to {_MOST_ADDRESSES} addresses, got {shown(value)}")


def _host(value: Any) -> str:
    if isinstance(value, str) and _HOST.fullmatch(value):
        return value
    raise ValueError(f"expected the name of a host, got {shown(value)}")


def _port(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536:
        return value
    raise ValueError(f"expected a port, 1 to 65535, got {shown(value)}")
