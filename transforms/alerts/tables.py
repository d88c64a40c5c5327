"""Tables of a configuration, checked key by key: all problems are collected, none stops the others."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.wording import plain

T = TypeVar("T")
_LONGEST = 60


class SettingsError(UsageError):
    """All that is wrong with `[[alerts]]`.

    Attributes:
      problems: a path of keys (`alerts[0].url`) and a sentence, in the order of the tables. No sentence
        quotes the value of a key that holds a reference to a secret.
    """

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{path}: {sentence}" for path, sentence in problems))
        self.problems = problems


class Table:
    """A table of the configuration, read one key at a time.

    Attributes:
      path: its own path of keys, such as `alerts[0]`.
      problems: what was wrong, as in SettingsError; shared by all tables of one file.
    """

    def __init__(self, path: str, values: Mapping[str, Any], problems: list[tuple[str, str]]) -> None:
        self.path, self.problems = path, problems
        self._values, self._read = values, set[str]()

    def required(self, key: str, convert: Callable[[Any], T], instead: T) -> T:
        """The value of a key that must be there; `instead` once its problem is noted."""
        self._read.add(key)
        if key not in self._values:
            self.problem(key, "is missing")
            return instead
        return self.optional(key, convert, instead)

    def optional(self, key: str, convert: Callable[[Any], T], default: T) -> T:
        """The value of a key, as `convert` makes it, which raises ValueError for a wrong one."""
        self._read.add(key)
        if key not in self._values:
            return default
        try:
            return convert(self._values[key])
        except (ValueError, OverflowError) as error:
            self.problem(key, str(error))
            return default

    def problem(self, key: str, sentence: str) -> None:
        self.problems.append((f"{self.path}.{key}", sentence))

    def close(self) -> None:
        """Notes each key that nobody has read."""
        for key in sorted(set(self._values) - self._read):
            near = difflib.get_close_matches(key, self._read, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; the keys are {', '.join(sorted(self._read))}"
            self.problem(shown(key), f"is no key here{hint}")


def text(value: Any, longest: int = 200) -> str:
    """A line that can be printed."""
    if isinstance(value, str) and value.strip() and len(value) <= longest and value.isprintable():
        return value.strip()
    raise ValueError(f"expected a line of 1 to {longest} characters, got {shown(value)}")


def choice(*allowed: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise ValueError(f"expected {' or '.join(allowed)}, got {shown(value)}")

    return convert


def choices(*allowed: str) -> Callable[[Any], frozenset[str]]:
    """A list without repetition, not empty, of the words that are allowed."""

    def convert(value: Any) -> frozenset[str]:
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            if not (wrong := [each for each in value if each not in allowed]):
                return frozenset(value)
            raise ValueError(f"expected some of {', '.join(allowed)}, got {shown(wrong[0])}")
        raise ValueError(f"expected a list of some of {', '.join(allowed)}, got {shown(value)}")

    return convert


def shown(value: Any) -> str:
    """A value as a message may show it: short, on one line, none of a table's content."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return plain(str(value))[:_LONGEST]
