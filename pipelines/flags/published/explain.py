"""The flags of `trueserve explain`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag

EXAMPLE = """examples:
  trueserve explain skew                                   the worst incident
  trueserve explain skew/verdict.json --incident=distance-3f2a9c
  trueserve explain skew --all
"""

EXIT_CODES_HELP = """exit codes:
  0  something was explained, or there is no incident
  2  no verdict, or no such incident
"""

GROUPS = {
    "common flags": (
        flag("VERDICT", metavar="VERDICT", help="a verdict.json, a run's folder, or validate's --output"),
        flag("--incident", metavar="ID", help="the incident to explain; without it the worst"),
        flag("--all", action="store_true", help="explain each incident, the worst first"),
    ),
}


@dataclasses.dataclass(frozen=True)
class ExplainOptions:
    """What `trueserve explain` was asked to do.

    Attributes:
      verdict: a file or a folder.
      incident: an id; None for the worst.
      all: whether each is explained.
    """

    verdict: str
    incident: str | None = None
    all: bool = False


COMMAND = Command(
    "explain",
    "One incident with all its evidence, to be followed by hand.",
    ExplainOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="published",
)
