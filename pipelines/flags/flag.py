"""A flag, declared once as a value; and the types and checks that flags share."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from trueserve.transforms.core.errors import UsageError

#: Takes the flag and its value. Raises UsageError, naming the flag.
Check = Callable[[str, Any], None]


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag of the command line.

    Attributes:
      name: with its dashes; without them it stands for a value alone, in capitals.
      settings: what `argparse` takes: type, default, metavar, help.
      check: what the value must fulfil beside its type; also for options that are made in Python.
    """

    name: str
    settings: Mapping[str, Any]
    check: Check | None = None

    @property
    def default(self) -> Any:
        """The value without the flag."""
        return self.settings.get("default")

    @property
    def attribute(self) -> str:
        """The name of the option that holds the value; `dest` where the flag's own cannot be one."""
        if (dest := self.settings.get("dest")) is not None:
            return str(dest)
        return self.name.removeprefix("--") if self.name.startswith("--") else self.name.lower()

    def but(self, **settings: Any) -> Flag:
        """The same flag, of a command for which some settings differ, such as `required`."""
        return dataclasses.replace(self, settings={**self.settings, **settings})


def flag(name: str, *, check: Check | None = None, **settings: Any) -> Flag:
    """A flag with the settings that `argparse.ArgumentParser.add_argument` takes."""
    return Flag(name, settings, check)


def check_values(options: object, groups: Mapping[str, Iterable[Flag]]) -> None:
    """Checks each option by the check of its flag. Raises UsageError for the first that fails."""
    for declared in (declared for flags in groups.values() for declared in flags):
        if declared.check is not None:
            declared.check(declared.name, getattr(options, declared.attribute))


def check_distance(name: str, value: float | None) -> None:
    """A Check: above 0, at most 1; None passes."""
    if value is not None and not 0 < value <= 1:
        raise UsageError(f"{name}: expected a distance above 0 and at most 1, got {value}")


def check_fraction(name: str, value: float) -> None:
    """A Check: from 0 to 1."""
    if not 0 <= value <= 1:
        raise UsageError(f"{name}: expected a fraction from 0 to 1, got {value}")


def check_not_negative(name: str, value: float) -> None:
    """A Check: finite, 0 or more."""
    if not 0 <= value < math.inf:
        raise UsageError(f"{name}: expected a number of 0 or more, got {value}")


def check_local_file(name: str, path: str | None) -> None:
    """A Check: a file on this machine must exist. One on an object store is looked up later."""
    if path is not None and "://" not in path and not Path(path).is_file():
        raise UsageError(f"{name}: there is no file {path!r}")


def check_range(minimum: float, maximum: float) -> Check:
    """A Check: between two numbers, both included; None passes."""

    def check(name: str, value: float | None) -> None:
        if value is not None and not minimum <= value <= maximum:
            raise UsageError(f"{name}: expected a number from {minimum} to {maximum}, got {value}")

    return check


def parse_names(text: str) -> tuple[str, ...]:
    """Comma-separated names without blanks around them; empty ones are left out."""
    return tuple(name for word in text.split(",") if (name := word.strip()))


def parse_some_names(text: str, example: str = "distance,carrier") -> tuple[str, ...]:
    """Comma-separated names, each once.

    Raises:
      ArgumentTypeError: there is none.
    """
    names = tuple(dict.fromkeys(parse_names(text)))
    if not names:
        raise argparse.ArgumentTypeError(f"expected one or more values, separated by commas: {example}")
    return names
