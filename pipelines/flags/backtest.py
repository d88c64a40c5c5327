"""The flags of `trueserve backtest`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt

from trueserve.pipelines.flags import beam, comparison, reading
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import flag, parse_some_names
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows
from trueserve.transforms.files.windows import Span

#: Each window is summarised and compared on its own.
MAX_WINDOWS = 1000

EXAMPLE = """example:
  trueserve backtest --baseline=baseline --logs='logs/%Y/%m/%d/*' \\
      --start=2013-02-01 --end=2013-08-01 --every=P1D --budget=P30D \\
      --known_bad=2013-02-09

Each window of --every from --start is compared with the baseline, as `validate`
would have done. OUTPUT gets backtest.html and backtest.json: what would have
fired. It also gets thresholds.toml and schema.pbtxt: limits under which the
windows, except the known bad ones, raise at most one alarm per --budget.
Nothing takes effect before you put them into the baseline.
"""
EXIT_CODES_HELP = """exit codes:
  0  done, whatever would have fired
  2  wrong usage or configuration; nothing was written
  3  the input or the job failed; nothing was written
  4  no window had enough rows; nothing was written
"""


def parse_duration(text: str) -> dt.timedelta:
    """An ISO 8601 duration above zero.

    Raises:
      ArgumentTypeError: the text is none.
    """
    try:
        duration = windows.duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than time") from None
    if not duration:
        raise argparse.ArgumentTypeError(f"expected a duration above zero, got {text!r}")
    return duration


def parse_spans(text: str) -> tuple[Span, ...]:
    """Comma-separated spans, each as `--window` takes it.

    Raises:
      ArgumentTypeError: a part is no span, or there is none.
    """
    return tuple(reading.parse_window(part) for part in parse_some_names(text, "2013-02-09,2013-03-01/P2D"))


BUDGET = flag(
    "--budget",
    type=parse_duration,
    default=dt.timedelta(days=30),
    metavar="P30D",
    help="time in which one false alarm, over all features, is acceptable; default P30D",
)
OUTPUT = flag("--output", default="backtest", metavar="DIR", help="folder to write; default %(default)s")

GROUPS = {
    "common flags": (
        comparison.BASELINE.but(required=True),
        reading.LOGS,
        OUTPUT,
        reading.START.but(help="start of the first window (included), UTC"),
        reading.END.but(help="end of the last window (excluded), UTC"),
        flag(
            "--every",
            required=True,
            type=parse_duration,
            metavar="P1D",
            help="length of each window, such as PT1H or P7D",
        ),
        BUDGET,
        flag(
            "--known_bad",
            type=parse_spans,
            action="extend",
            default=[],
            metavar="SPAN,...",
            help="times of known faults, such as 2013-02-09; no limits are learnt from them; repeatable",
        ),
        reading.EXCLUDE,
        comparison.THRESHOLDS,
    ),
    "input": (
        reading.FORMAT,
        reading.COLUMNS,
        *reading.TEXT,
        reading.VERSION_FEATURE,
        reading.MAX_REJECTS,
        reading.SAMPLE,
        reading.RANGE_MIB,
        reading.IGNORE_SAMPLING_RATE,
    ),
    "window": (reading.WINDOW, reading.TIME_FEATURE),
    "comparison": (comparison.ONLY, comparison.IGNORE, comparison.SPACES, comparison.GROUP_BY),
    **beam.GROUP_OF_LOGS,
}


@dataclasses.dataclass(frozen=True)
class BacktestOptions:
    """What `trueserve backtest` was asked to do.

    Attributes:
      start, end: of all windows together, in UTC.
      every: how long each window is.
      budget: the time in which one false alarm is accepted, over all features.
      known_bad: spans in which something was wrong: no limits are learnt from windows that touch one.
      thresholds, only, ignore, group_by: as in `ValidateOptions`.
    """

    baseline: str
    logs: str
    start: dt.datetime | None
    end: dt.datetime | None
    every: dt.timedelta
    budget: dt.timedelta = BUDGET.default
    known_bad: tuple[Span, ...] = ()
    output: str = OUTPUT.default
    thresholds: str | None = None
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    group_by: str | None = None
    spaces: tuple[str, ...] = comparison.SPACES.default
    time_feature: str | None = None
    version_feature: str | None = None
    columns: tuple[str, ...] = ()
    csv_separator: str | None = None
    missing_values: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    ignore_sampling_rate: bool = False
    format: str = reading.FORMAT.default
    max_rejects: float = reading.MAX_REJECTS.default
    sample: float = reading.SAMPLE.default
    range_mib: int = reading.RANGE_MIB.default
    shared_filesystem: bool = False
    profile: bool = False
    dry_run: bool = False
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start is None or self.end is None:
            raise UsageError("expected --start and --end, or --window: the time that the windows fill")
        if (count := (self.end - self.start) // self.every) > MAX_WINDOWS:
            raise UsageError(
                f"--every makes {count:,} windows; the maximum is {MAX_WINDOWS:,}. Use a longer --every, or a"
                " shorter time from --start to --end"
            )
        self.as_validate()  # checks what both have

    def as_validate(self) -> ValidateOptions:
        """What `validate` would be asked for all windows together."""
        shared = {field.name for field in dataclasses.fields(ValidateOptions)}
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return ValidateOptions(**{name: value for name, value in values.items() if name in shared})


COMMAND = Command(
    "backtest",
    "Past windows to limits that keep to a budget of false alarms.",
    BacktestOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
)
