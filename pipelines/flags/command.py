"""A command, declared as a value: its flags, the options that they make, and its help."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.flags import beam, path_checks, reading
from pipelines.flags.flag import Flag


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of `trueserve`.

    Attributes:
      summary: what it does, in a few words.
      options_class: frozen; has a value for each flag. Raises UsageError for values that do not fit.
      groups: the flags by the title of the group that `--help` shows them in.
      examples: and what else a reader of `--help` needs.
      exit_codes: those of this command, and what each means for it.
    """

    name: str
    summary: str
    options_class: type[Any]
    groups: Mapping[str, Sequence[Flag]]
    examples: str
    exit_codes: str

    @property
    def takes_beam_flags(self) -> bool:
        """Whether it runs a Beam job, to which go the flags that are not ours."""
        return beam.TITLE in self.groups

    @property
    def flags(self) -> list[Flag]:
        """All flags, in the order of `--help`."""
        return [flag for flags in self.groups.values() for flag in flags]

    def options(self, parsed: argparse.Namespace, beam_args: Sequence[str]) -> Any:
        """The frozen options of a parsed command line; `beam_args` are the arguments that are not ours.

        Raises:
          UsageError: a value is empty, or values do not fit together.
        """
        path_checks.check_not_empty(self.flags, parsed)
        values = {flag.attribute: getattr(parsed, flag.attribute) for flag in self.flags}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        reading.resolve_window(values)
        if self.takes_beam_flags:
            values["beam_args"] = tuple(beam_args)
        return self.options_class(**values)
