"""The time, where tests can set it."""

from __future__ import annotations

import datetime as dt


def now() -> dt.datetime:
    """The time in UTC."""
    return dt.datetime.now(dt.UTC)
