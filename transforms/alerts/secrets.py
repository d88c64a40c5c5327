"""Secrets by reference: `env:NAME` or `file:/PATH`. A configuration holds none, and no message shows one."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from trueserve.transforms.core.errors import UsageError

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,99}|file:/[^\0\n]{1,1000}")
_LARGEST = 64 << 10  # bytes of a file
# Shorter parts of a secret are words such as `https` or `services`, which messages need.
_LEAST_PART = 9
HIDDEN = "[secret]"


class SecretError(UsageError):
    """A secret cannot be read; the text names its reference, never its value."""


@dataclasses.dataclass(frozen=True)
class Secret:
    """Where a secret is: `env:NAME` or `file:/PATH`."""

    reference: str

    def value(self, environment: Mapping[str, str]) -> str:
        """The secret without blanks around it. Raises SecretError where it is missing, empty or no text."""
        kind, _, name = self.reference.partition(":")
        text = environment.get(name, "") if kind == "env" else self._content(name)
        if not (stripped := text.strip()):
            raise SecretError(f"{self.reference} is not set, or empty")
        if not stripped.isprintable():
            raise SecretError(f"{self.reference} has characters that cannot be printed")
        return stripped

    def _content(self, name: str) -> str:
        path = Path(name)
        try:
            if not path.is_file():  # a pipe would be waited for
                raise SecretError(f"{self.reference} is no file")
            with path.open("rb") as stream:
                data = stream.read(_LARGEST + 1)
            text = data.decode()
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no UTF-8"
            raise SecretError(f"{self.reference} cannot be read: {reason}") from None
        if len(data) > _LARGEST:
            raise SecretError(f"{self.reference} is longer than a secret")
        return text


def parse(value: object) -> Secret:
    """A reference. Raises ValueError, without the value, which may be the secret itself."""
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        return Secret(value)
    raise ValueError("expected a reference to a secret, env:NAME or file:/PATH, and never the secret itself")


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` with each secret, and each long part of one that is a URL, hidden."""
    hidden = {form for secret in secrets for part in _parts(secret) for form in _forms(part)}
    for part in sorted(hidden, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def _parts(secret: str) -> set[str]:
    """The secret, and of a URL what may be a token: path, query, fragment and user."""
    parts = {secret}
    if "://" in secret:
        try:
            url = urlsplit(secret)
            held = (url.path, url.query, url.fragment, url.username or "", url.password or "")
        except ValueError:
            return parts
        parts |= set(held) | {piece for text in held for piece in re.split(r"[/&=;]", text)}
    return {part for part in parts if len(part) >= _LEAST_PART or part == secret}


def _forms(part: str) -> set[str]:
    return {part, quote(part), quote(part, safe=""), unquote(part)} - {""}
