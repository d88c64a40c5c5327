"""The flags of `trueserve init`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag

EXAMPLE = """examples:
  trueserve init --config=flights.toml                       asks
  trueserve init --config=flights.toml --baseline=baseline \\
      --logs='logs/%Y/%m/%d/*' --output=skew --timezone=America/New_York
"""
EXIT_CODES_HELP = """exit codes:
  0  the file is written
  2  it is there already, or a flag is missing and nobody can be asked
"""

GROUPS = {
    "common flags": (
        flag("--config", required=True, metavar="FILE", help="the file to write; it must not be there"),
        flag("--model", metavar="NAME", help="the model's name; default: that of the file"),
        flag("--baseline", metavar="DIR", help="baseline, as written by `trueserve prepare`"),
        flag("--logs", metavar="GLOB", help="logged requests; time fields such as %%Y/%%m/%%d are filled in"),
        flag("--output", metavar="DIR", help="folder for the verdicts of all windows"),
        flag("--every", metavar="DURATION", help="length of a window, such as P1D or PT1H; default P1D"),
        flag("--timezone", metavar="ZONE", help="time zone of days and hours; default UTC"),
        flag(
            "--lateness", metavar="DURATION", help="how long after a window its last logs come; default PT2H"
        ),
        flag("--keep", metavar="DURATION", help="how long a window is kept; default P400D"),
    ),
}


@dataclasses.dataclass(frozen=True)
class InitOptions:
    """What `trueserve init` was asked to do; what is None is asked for, or has a default."""

    config: str
    model: str | None = None
    baseline: str | None = None
    logs: str | None = None
    output: str | None = None
    every: str | None = None
    timezone: str | None = None
    lateness: str | None = None
    keep: str | None = None


COMMAND = Command(
    "init",
    "Writes the file of a model, with comments.",
    InitOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="nightly",
)
