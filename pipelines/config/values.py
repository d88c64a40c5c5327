"""A value of a TOML file as the value of a flag: by the flag's own type, choices and check."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trueserve.pipelines.flags.flag import Flag
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows

_LISTS = ("append", "extend")
_OF_PATHS = ("DIR", "FILE", "GLOB", "MODEL_DIR")


def option_value(flag: Flag, value: Any, folder: str = "") -> Any:
    """The value of an option.

    Args:
      value: as `tomllib` gives it. Where the command line takes a list with commas, or a flag several times,
        it may be a list of texts.
      folder: that of the file: a relative path is taken from there.

    Raises:
      ValueError: it is none that the flag takes, for a person to read.
    """
    action = flag.settings.get("action")
    if action == "store_true":
        return _typed(value, bool, "true or false")
    if action in _LISTS:
        parsed = [_parsed(flag, each) for each in _texts(value)]
        return tuple(parsed) if action == "append" else tuple(item for each in parsed for item in each)
    if flag.settings.get("metavar") in _OF_PATHS:
        value = ",".join(_from_folder(each, folder) for each in _texts(value))
    result = _parsed(flag, value)
    if flag.check is not None:
        try:
            flag.check(flag.name, result)
        except UsageError as error:
            raise ValueError(str(error).removeprefix(f"{flag.name}: ")) from None
    return result


def text(value: Any) -> str:
    """A text that is not empty. Raises ValueError."""
    result: str = _typed(value, str, "a text in quotes")
    if not result.strip():
        raise ValueError("expected a text, got an empty one")
    return result


def duration(value: Any, *, least: dt.timedelta = dt.timedelta(seconds=1)) -> dt.timedelta:
    """An ISO 8601 duration. Raises ValueError where it is none, or under `least`."""
    try:
        result = windows.duration(text(value))
    except OverflowError:
        raise ValueError(f"{value!r} is longer than time can be") from None
    if result < least:
        raise ValueError(f"expected a duration of {windows.iso_duration(least)} or more, got {value!r}")
    return result


def fraction(value: Any) -> float:
    """A number from 0 to 1. Raises ValueError."""
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"expected a fraction from 0 to 1, got {value}")
    return number


def count(value: Any) -> int:
    """A whole number above 0. Raises ValueError."""
    number: int = _typed(value, int, "a whole number")
    if number < 1:
        raise ValueError(f"expected a number of 1 or more, got {value}")
    return number


def _parsed(flag: Flag, value: Any) -> Any:
    kind = flag.settings.get("type", str)
    if kind in (int, float):
        return _typed(value, int, "a whole number") if kind is int else _number(value)
    content = text(",".join(_texts(value)) if isinstance(value, list) and kind is not str else value)
    try:
        result = kind(content)
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise ValueError(str(error)) from None
    choices = flag.settings.get("choices")
    if choices is not None and result not in choices:
        raise ValueError(f"expected one of {', '.join(map(str, choices))}, got {content!r}")
    return result


def _texts(value: Any) -> Sequence[str]:
    return [text(each) for each in value] if isinstance(value, list) else [text(value)]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, got {_shown(value)}")  # noqa: TRY004 - of a file, not a caller
    return float(value)


def _typed(value: Any, kind: type, description: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"expected {description}, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    names = {dict: "a table", list: "a list", bool: str(value).lower()}
    return names.get(type(value), repr(value))


def _from_folder(path: str, folder: str) -> str:
    """A path as the file means it; one with commas is several."""
    if not folder or folder == ".":
        return path
    parts = [part.strip() for part in path.split(",")]
    return ",".join(
        part if "://" in part or Path(part).is_absolute() or not part else str(Path(folder, part))
        for part in parts
    )
