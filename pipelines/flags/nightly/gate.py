"""The flags of `trueserve gate`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
import datetime as dt

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag
from trueserve.pipelines.flags.nightly import common

EXAMPLE = """examples:
  trueserve gate gs://bucket/flights                      the latest window
  trueserve gate gs://bucket/flights --max_age=P2D
  trueserve gate skew --window=2013-07-14 --fail_on=warning
  trueserve gate skew/windows/2013-07-14T00Z_P1D/verdict.json
"""
EXIT_CODES_HELP = """exit codes:
  0  no skew, or with --fail_on=never a verdict on it
  1  skew; with --fail_on, an incident of that severity
  2  no verdict
  3  the run of the window failed
  4  the window is incomplete or older than --max_age, or nothing was examined
"""

GROUPS = {
    "common flags": (
        flag(
            "VERDICT",
            metavar="VERDICT|OUTPUT",
            help="a verdict.json or latest.json, an output folder of `run`, or of `validate`",
        ),
        flag(
            "--window",
            dest="span",
            metavar="SPAN",
            help="of an output of `run`: the window, such as 2013-07-14 (UTC), or the name of its folder;"
            " default: the latest",
        ),
        flag(
            "--fail_on",
            choices=("error", "warning", "new", "never"),
            metavar="WHAT",
            help="what gives exit code 1: error, warning, new (errors that are new or got worse) or never;"
            " default: what the run itself failed on",
        ),
        flag(
            "--max_age",
            type=common.parse_duration,
            metavar="DURATION",
            help="how long ago the window may have ended, such as P2D; older ones give exit code 4",
        ),
    ),
}


@dataclasses.dataclass(frozen=True)
class GateOptions:
    """What `trueserve gate` was asked to do.

    Attributes:
      verdict: a file or a folder.
      span: a window of a series; None for the latest.
      fail_on: what gives exit code 1; None for what the run itself failed on.
      max_age: how long ago the window may have ended; None for ever.
    """

    verdict: str
    span: str | None = None
    fail_on: str | None = None
    max_age: dt.timedelta | None = None


COMMAND = Command(
    "gate",
    "The exit code of a published verdict, for a launcher that is another machine.",
    GateOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="nightly",
)
