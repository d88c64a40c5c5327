"""The error of whatever reads a table."""

from __future__ import annotations


class TableError(Exception):
    """A table that cannot be read as one; `reason` is the short word for it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
