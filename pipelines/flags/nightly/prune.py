"""The flags of `trueserve prune`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
import datetime as dt

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import check_range, flag
from trueserve.pipelines.flags.nightly import common
from trueserve.transforms.core.errors import UsageError

EXAMPLE = """examples:
  trueserve prune --config=flights.toml --dry_run
  trueserve prune --output=skew --keep=P400D
  trueserve prune --output=skew --keep_runs=90

A window goes that ended longer than --keep ago, and one that is not among the
--keep_runs latest. The latest window stays in any case. Of an output of
`validate` alone it is runs in place of windows, by the time of the run.
"""
EXIT_CODES_HELP = """exit codes:
  0  done
  2  wrong usage or configuration; nothing was deleted
  3  something could not be deleted
"""

GROUPS = {
    "common flags": (
        flag("--config", metavar="FILE", help="the file of the model, whose [retention] holds"),
        flag("--output", metavar="DIR", help="output folder of `run` or `validate`, in place of the file's"),
        flag(
            "--keep",
            type=common.parse_duration,
            metavar="DURATION",
            help="how long a window is kept after its end, such as P400D",
        ),
        flag(
            "--keep_runs",
            type=int,
            check=check_range(1, 1_000_000),
            metavar="NUMBER",
            help="how many of the latest windows are kept",
        ),
        common.DRY_RUN,
    ),
}


@dataclasses.dataclass(frozen=True)
class PruneOptions:
    """What `trueserve prune` was asked to do; flags win over the file.

    Attributes:
      keep: how long a window is kept after its end.
      keep_runs: how many of the latest are kept.
    """

    config: str | None = None
    output: str | None = None
    keep: dt.timedelta | None = None
    keep_runs: int | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.config is None and self.output is None:
            raise UsageError("expected --config=FILE or --output=DIR")
        if self.config is None and self.keep is None and self.keep_runs is None:
            raise UsageError("expected --keep=DURATION or --keep_runs=NUMBER, or a --config that has them")
        if self.keep_runs is not None and self.keep_runs < 1:
            raise UsageError(f"--keep_runs: expected a number of 1 or more, got {self.keep_runs}")


COMMAND = Command(
    "prune",
    "Deletes windows that are older than they need to be.",
    PruneOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="nightly",
)
