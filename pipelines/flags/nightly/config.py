"""The flags of `trueserve config`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag
from trueserve.pipelines.flags.nightly import common

EXAMPLE = """examples:
  trueserve config check --config=flights.toml
"""
EXIT_CODES_HELP = """exit codes:
  0  the file can be used
  2  it cannot; each error is a line on stderr, with its line in the file
"""

GROUPS = {
    "common flags": (
        flag(
            "ACTION",
            choices=("check",),
            metavar="check",
            help="check: look at the whole file, and run nothing",
        ),
        common.CONFIG,
    ),
}


@dataclasses.dataclass(frozen=True)
class ConfigOptions:
    """What `trueserve config` was asked to do.

    Attributes:
      action: `check`.
    """

    action: str
    config: str


COMMAND = Command(
    "config",
    "Checks the file of a model as a whole.",
    ConfigOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="nightly",
)
