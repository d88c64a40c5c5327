"""The flags of `trueserve history`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
import datetime as dt

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag, parse_some_names
from trueserve.pipelines.flags.reading import parse_time

EXAMPLE = """examples:
  trueserve history skew                     what was found, by window
  trueserve history skew --feature=distance --since=2013-07-01
  trueserve history skew --format=csv > skew.csv
"""

EXIT_CODES_HELP = """exit codes:
  0  the table was written
  2  no run was published there, or no window has such a feature
  3  a file or standard output could not be written
  4  no window starts at --since or later
"""

FORMATS = ("table", "csv", "parquet", "json")

GROUPS = {
    "common flags": (
        flag("OUTPUT", metavar="OUTPUT", help="the --output of validate"),
        flag(
            "--feature",
            type=parse_some_names,
            default=(),
            metavar="NAMES",
            help="of these features alone, comma-separated; raw, transformed and predictions",
        ),
        flag(
            "--since",
            dest="earliest",
            type=parse_time,
            metavar="TIME",
            help="windows that start then or later; a date or time in ISO 8601, UTC without an offset",
        ),
        flag(
            "--format",
            choices=FORMATS,
            default="table",
            help="table for people (the default): what was found; csv, parquet or json: every figure",
        ),
    ),
}


@dataclasses.dataclass(frozen=True)
class HistoryOptions:
    """What `trueserve history` was asked to do.

    Attributes:
      output: where runs were published.
      feature: names to keep; empty for all.
      earliest: when windows start at the earliest; None for all.
      format: one of FORMATS.
    """

    output: str
    feature: tuple[str, ...] = ()
    earliest: dt.datetime | None = None
    format: str = "table"


COMMAND = Command(
    "history",
    "All windows as one long table, also for programs that draw and join tables.",
    HistoryOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="published",
)
