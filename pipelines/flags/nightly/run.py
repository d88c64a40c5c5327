"""The flags of `trueserve run`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses

from trueserve.pipelines.flags import beam
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag
from trueserve.pipelines.flags.nightly import common

EXAMPLE = """examples:
  trueserve run --config=flights.toml
  trueserve run --config=flights.toml --window=last-hour
  trueserve run --config=flights.toml --window=2013-07-14 --judge_incomplete
  trueserve run --config=flights.toml --runner=dataflow      [runners.dataflow]

windows, in the time zone of the file, for a now that is `lateness` ago:
  yesterday, last-hour, last-week, last-month   the last whole one
  P1D, PT6H                                     up to the last full hour
  2013-07-14, 2013-07-14/P2D, 2013-07-14T05Z    as for validate

Every flag of `validate` wins over the file, such as --spaces=raw; as does
--fail_on=never: skew is published, and the exit code is 0.
"""
EXIT_CODES_HELP = """exit codes:
  0  no skew, or skew with --fail_on=never
  1  skew
  2  wrong usage or configuration; nothing was published
  3  the input or the job failed; `failed` is published for the window
  4  incomplete: fewer files or records than usual, or the window is too young;
     or nothing, or too little, was examined
"""

GROUPS = {
    "common flags": (
        common.CONFIG,
        flag(
            "--window",
            dest="span",
            metavar="SPAN",
            help="the window to judge (see below); default: the last whole one of the file's `every`",
        ),
        common.JUDGE_INCOMPLETE,
    ),
    beam.TITLE: (beam.DRY_RUN,),
}


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What `trueserve run` was asked to do.

    Attributes:
      span: the window in words; None for the last whole one.
      judge_incomplete: whether a window is judged though less has come than usual.
      beam_args: flags of `validate` and of Beam.
    """

    config: str
    span: str | None = None
    judge_incomplete: bool = False
    dry_run: bool = False
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        common.overrides(self.beam_args)


COMMAND = Command(
    "run",
    "One window of a model, from its file to its verdict.",
    RunOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="nightly",
    overrides=common.OVERRIDES,
)
