"""What is wrong with a configuration: all of it at once, each with its line and a suggestion."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable

from trueserve.pipelines.config import toml_lines
from trueserve.pipelines.config.toml_lines import Path
from trueserve.transforms.core.errors import UsageError

# So many known names can be read through.
_MOST_NAMED = 80


@dataclasses.dataclass(frozen=True)
class Problem:
    """One error of a file.

    Attributes:
      line: from 1; None where none is known.
    """

    message: str
    line: int | None = None


class ConfigError(UsageError):
    """A configuration that cannot be used.

    Attributes:
      file: its path.
      problems: all that is wrong, in the order of lines.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.message)))
        super().__init__("; ".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """Each problem as `FILE:LINE: message`."""
        return [
            ":".join([self.file, *([] if problem.line is None else [str(problem.line)])])
            + f": {problem.message}"
            for problem in self.problems
        ]


class Problems:
    """Collects what is wrong with one file, by the path of the key that it is about."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines
        self.collected: list[Problem] = []

    def add(self, path: Path, message: str) -> None:
        """One more, in the line of the key."""
        self.collected.append(Problem(message, toml_lines.line_of(path, self._lines)))

    def unknown(self, path: Path, known: Iterable[str], kind: str = "key") -> None:
        """A key that nobody knows, and the one that it is like."""
        name = str(path[-1])
        names = sorted(known)
        similar = difflib.get_close_matches(name.replace("-", "_"), names, n=1, cutoff=0.6)
        if similar:
            hint = f"did you mean {similar[0]!r}?"
        else:
            hint = f"expected one of {', '.join(names)}" if len(names) <= _MOST_NAMED else "it is none"
        self.add(path, f"unknown {kind} {name!r}: {hint}")
