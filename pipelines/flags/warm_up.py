"""The flags of `trueserve warm_up`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag

EXAMPLE = """examples:
  trueserve warm_up            once on a machine, or while an image is built
  trueserve warm_up --check    in a test of the image
"""

EXIT_CODES_HELP = """exit codes:
  0  all machine code is kept
  1  with --check: something had to be compiled
  2  no folder can keep machine code
"""

GROUPS = {
    "common flags": (
        flag("--check", action="store_true", help="exit with 1 if something had to be compiled"),
    ),
}


@dataclasses.dataclass(frozen=True)
class WarmUpOptions:
    """What `trueserve warm_up` was asked to do.

    Attributes:
      check: whether it is a failure that something had to be compiled.
    """

    check: bool = False


COMMAND = Command(
    "warm_up",
    "Compile once what the first run would compile.",
    WarmUpOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
)
