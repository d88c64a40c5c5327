"""A real SMTP server on this machine, with STARTTLS, a password, and addresses that it refuses."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "skew", "pa55word-of-the-mail"


@dataclasses.dataclass
class Mailbox:
    """What has come: the addresses and the content of each mail."""

    port: int = 0
    mails: list[tuple[list[str], bytes]] = dataclasses.field(default_factory=list)


class _Handler:
    def __init__(self, box: Mailbox, answers: list[str]) -> None:
        self._box, self._answers = box, answers

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self._answers:
            return self._answers.pop(0)
        self._box.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@contextlib.contextmanager
def mail_server(*answers: str, certificate: Path | None = None) -> Iterator[Mailbox]:
    """Gives the answers to the first mails and takes those after; with a certificate asks for a login."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)

    options: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        options = {"tls_context": context, "require_starttls": True, "auth_required": True}
        options["authenticator"] = authenticate

    class _OnAnyPort(Controller):
        def _trigger_server(self) -> None:
            self.port = box.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    box = Mailbox()
    controller = _OnAnyPort(_Handler(box, list(answers)), hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def write_certificate(path: Path) -> Path:
    """A key and a certificate for 127.0.0.1, signed by itself, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
