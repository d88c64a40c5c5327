"""What `--key` names. Imports nothing heavy: the command line checks it before anything is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

REQUEST_ID = "request_id"


@dataclasses.dataclass(frozen=True)
class KeyPart:
    """One column of the key.

    Attributes:
      feature: of the examples, and of the requests unless `of_log`.
      of_log: requests have it as the request id that the log knows them by, or else as a feature
        `request_id`. It is then compared as text: the examples' 7 is the log's "7".
    """

    feature: str
    of_log: bool = False


def parse_key(texts: Iterable[str]) -> tuple[KeyPart, ...]:
    """Key parts of words: NAME, `request_id`, or NAME=request_id; by name, each once, as TFDV orders them.

    Raises:
      ValueError: another name after `=`, an empty one, or none at all.
    """
    parts = set()
    for word in texts:
        name, equals, source = map(str.strip, word.partition("="))
        if not name or (equals and source != REQUEST_ID):
            raise ValueError(f"expected NAME, or NAME={REQUEST_ID}, got {word!r}")
        parts.add(KeyPart(name, REQUEST_ID in (name, source)))
    if not parts:
        raise ValueError("expected feature names, separated by commas, got none")
    return tuple(sorted(parts, key=lambda part: (part.feature, part.of_log)))
