"""The flags of `trueserve backfill`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
import datetime as dt

from trueserve.pipelines.flags import beam
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag
from trueserve.pipelines.flags.nightly import common

EXAMPLE = """examples:
  trueserve backfill --config=flights.toml --from=2013-07-01
  trueserve backfill --config=flights.toml --from=2013-07-01 --to=2013-08-01
  trueserve backfill --config=flights.toml --from=2013-07-14 --to=2013-07-15 \\
      --every=PT1H
  trueserve backfill --config=flights.toml --from=2013-07-14 --rerun

Windows that have a verdict, `ok` or `skew`, are not run again: after a kill the
same command goes on where it was. The oldest window is run first, since each
is compared with the one before it. --to is excluded, as each window's end.
Every flag of `validate` wins over the file.
"""
EXIT_CODES_HELP = """exit codes, of all windows that were run now:
  0  no skew, or none was missing
  1  skew in one
  2  wrong usage or configuration; nothing was published
  3  one failed
  4  one is incomplete, or nothing was examined, and none failed
"""

GROUPS = {
    "common flags": (
        common.CONFIG,
        flag(
            "--from",
            dest="first",
            required=True,
            metavar="ISO",
            help="start of the first window, in the time zone of the file",
        ),
        flag(
            "--to",
            dest="until",
            metavar="ISO",
            help="end of the last window; default: now, less the file's `lateness`",
        ),
        flag(
            "--every",
            type=common.parse_duration,
            metavar="DURATION",
            help="length of a window, such as P1D or PT1H; default: the file's `every`",
        ),
        flag("--rerun", action="store_true", help="run the windows that have a verdict, too"),
        common.JUDGE_INCOMPLETE,
    ),
    beam.TITLE: (common.DRY_RUN,),
}


@dataclasses.dataclass(frozen=True)
class BackfillOptions:
    """What `trueserve backfill` was asked to do.

    Attributes:
      first, until: the half-open span that is cut into windows, as texts in local time.
      every: the length of a window; None for that of the file.
      rerun: whether windows that have a verdict are run, too.
      judge_incomplete: whether a window is judged though less has come than usual.
      beam_args: flags of `validate` and of Beam.
    """

    config: str
    first: str
    until: str | None = None
    every: dt.timedelta | None = None
    rerun: bool = False
    judge_incomplete: bool = False
    dry_run: bool = False
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        common.overrides(self.beam_args)


COMMAND = Command(
    "backfill",
    "All windows of a span that have no verdict yet.",
    BackfillOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="nightly",
    overrides=common.OVERRIDES,
)
