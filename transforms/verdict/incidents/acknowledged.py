"""Incidents that somebody accepts for a time: `[[acknowledged]]` of thresholds.toml."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.wording import plain

_KEYS = ("incident", "until", "note")
_ID = re.compile(r"[a-z0-9_]{1,40}-[0-9a-f]{6}")
_LONGEST_NOTE = 200


@dataclasses.dataclass(frozen=True)
class Acknowledged:
    """An entry.

    Attributes:
      incident: its id, as verdict.json has it.
      until: the first day, UTC, on which it counts again.
    """

    incident: str
    until: dt.date
    note: str = ""


def parse(file: str, value: Any) -> tuple[Acknowledged, ...]:
    """The entries of a file. Raises UsageError where one is not what docs/thresholds.md shows."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise UsageError(f"{file}: expected tables [[acknowledged]], each with {', '.join(_KEYS)}")
    entries = tuple(_entries(file, value))
    ids = [entry.incident for entry in entries]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise UsageError(f"{file}: [[acknowledged]] names {twice[0]} twice")
    return entries


def _entries(file: str, tables: list[dict[str, Any]]) -> Iterator[Acknowledged]:
    for number, table in enumerate(tables, 1):
        where = f"{file}: [[acknowledged]] {number}"
        if unknown := sorted(set(table) - set(_KEYS)):
            raise UsageError(
                f"{where}: {plain(unknown[0])[:80]} is no key here, which are {', '.join(_KEYS)}"
            )
        note = checked_note(f"{where}:", table.get("note", ""))
        yield Acknowledged(_incident(where, table), _until(where, table), note)


def _incident(where: str, table: dict[str, Any]) -> str:
    value = table.get("incident")
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise UsageError(
        f"{where}: incident: expected the id of an incident, as verdict.json has it, got {_shown(value)}"
    )


def _until(where: str, table: dict[str, Any]) -> dt.date:
    value = table.get("until")
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = dt.date.fromisoformat(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    raise UsageError(f"{where}: until: expected a day, such as 2026-12-24, got {_shown(value)}")


def checked_note(where: str, value: Any) -> str:
    """A note of thresholds.toml. Raises UsageError, which names `where`, if it is not one short line."""
    if isinstance(value, str) and len(value) <= _LONGEST_NOTE and value.isprintable():
        return value.strip()
    raise UsageError(
        f"{where} note: expected a line of at most {_LONGEST_NOTE} characters, got {_shown(value)}"
    )


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return plain(str(value))[:60]
