"""`rest`: JSON lines of TF Serving's REST bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transforms.logs.features import Settings
from transforms.logs.request import Request


class RestParser:
    """See `request.RequestParser`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def parse(self, record: Mapping[str, Any]) -> Request | None:
        """See `request.RequestParser.parse`."""
        raise NotImplementedError
