"""The flags of `trueserve backtest`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt

from pipelines.flags import options as opts
from pipelines.flags import reading as reading_flags
from transforms.core.errors import UsageError
from transforms.files import windows
from transforms.files.windows import Span

#: Each window is summarised and compared on its own.
MOST_WINDOWS = 1000

EXAMPLE = """example:
  trueserve backtest --baseline=baseline --logs='logs/%Y/%m/%d/*' \\
      --start=2013-02-01 --end=2013-08-01 --every=P1D --budget=P30D --known_bad=2013-02-09

Each window of --every from --start is compared with the baseline as `validate` would have done.
OUTPUT gets backtest.html and backtest.json: what would have fired; and thresholds.toml and
schema.pbtxt: the limits under which the windows, but for those known to be bad, raise no more
than one alarm in --budget. Nothing takes effect before you put them into the baseline.

"""
EXIT_CODES = """exit codes:
  0  done, whatever would have fired
  2  wrong usage or configuration; nothing was written
  3  the input or the job failed; nothing was written
  4  no window had enough rows; nothing was written
"""


@dataclasses.dataclass(frozen=True)
class BacktestOptions:
    """What `trueserve backtest` was asked to do.

    Attributes:
      start, end: of all windows together, in UTC.
      every: how long each window is.
      budget: the time in which one false alarm is accepted, over all features.
      known_bad: spans in which something was wrong: no limits are learnt from windows that touch one.
      thresholds, only, ignore: as in `ValidateOptions`.
    """

    baseline: str
    logs: str
    start: dt.datetime | None
    end: dt.datetime | None
    every: dt.timedelta
    budget: dt.timedelta = dt.timedelta(days=30)
    known_bad: tuple[Span, ...] = ()
    output: str = "backtest"
    thresholds: str | None = None
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    spaces: tuple[str, ...] = opts.SPACES
    time_feature: str | None = None
    version_feature: str | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    ignore_sampling_rate: bool = False
    format: str = "auto"
    max_rejects: float = 0.0
    sample: float = 1.0
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start is None or self.end is None:
            raise UsageError("expected --start and --end, or --window: the time to look back on")
        if (count := (self.end - self.start) // self.every) > MOST_WINDOWS:
            raise UsageError(
                f"--every makes {count:,} windows, more than the {MOST_WINDOWS:,} that can be held; take"
                " longer ones, or a shorter time"
            )
        self.as_validate()  # checks what both have

    def as_validate(self) -> opts.ValidateOptions:
        """What `validate` would be asked for all windows together."""
        shared = {field.name for field in dataclasses.fields(opts.ValidateOptions)}
        mine = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return opts.ValidateOptions(**{name: value for name, value in mine.items() if name in shared})


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `backtest`; `build` makes options of them."""
    add = parser.add_argument
    add("--baseline", required=True, metavar="DIR", help="what `prepare` wrote")
    add("--logs", required=True, metavar="GLOB", help="logged requests, as for `validate`")
    add("--every", required=True, type=parse_duration, metavar="P1D", help="length of a window: PT1H, P7D")
    add(
        "--budget",
        type=parse_duration,
        default=dt.timedelta(days=30),
        metavar="P30D",
        help="one false alarm, over all features, in so long a time; default P30D",
    )
    add(
        "--known_bad",
        type=parse_spans,
        action="extend",
        default=[],
        metavar="SPAN,...",
        help="times in which something was wrong, such as 2013-02-09; may stand several times",
    )
    add("--output", default="backtest", metavar="DIR", help="the folder to write; default %(default)s")
    _add_narrowing(parser)
    reading_flags.add_to(parser)
    parser.set_defaults(build=_build)


def _add_narrowing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--thresholds", metavar="FILE", help="limits that hold today; default: the baseline's thresholds.toml"
    )
    add("--only", type=opts.parse_some, default=(), metavar="FEATURE,...", help="look at these alone")
    add("--ignore", type=opts.parse_names, default=(), metavar="FEATURE,...", help="findings are no alarms")
    add("--spaces", type=opts.parse_spaces, default=opts.SPACES, help="default: raw,transformed")
    add("--max_rejects", type=float, default=0.0, metavar="FRACTION", help="of records read; default 0")
    add("--sample", type=float, default=1.0, metavar="FRACTION", help="of records, as for `validate`")
    add("--version_feature", metavar="NAME", help="feature that holds the version of the model that answered")
    add(
        "--ignore_sampling_rate", action="store_true", help="do not weigh requests by the log's sampling rate"
    )


def parse_duration(text: str) -> dt.timedelta:
    """An ISO 8601 duration above zero.

    Raises:
      ArgumentTypeError: the text is none.
    """
    try:
        found = windows.duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than time") from None
    if not found:
        raise argparse.ArgumentTypeError(f"expected a duration above zero, got {text!r}")
    return found


def parse_spans(text: str) -> tuple[Span, ...]:
    """Comma-separated spans, each as `--window` takes it.

    Raises:
      ArgumentTypeError: one is none, or there is none.
    """
    return tuple(opts.parse_window(part) for part in opts.parse_some(text, "2013-02-09,2013-03-01/P2D"))


def iso_duration(length: dt.timedelta) -> str:
    """`P1D`, `PT6H`, `P1DT12H`: the duration as it is written."""
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    time = "".join(f"{count}{unit}" for count, unit in units if count)
    return f"P{f'{length.days}D' if length.days else ''}{f'T{time}' if time else ''}"


def _build(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> BacktestOptions:
    reading_flags.take_window(parsed)
    values = {name: value for name, value in vars(parsed).items() if name not in {"command", "build"}}
    values |= {name: tuple(values[name]) for name in ("exclude", "known_bad")}
    return BacktestOptions(**values, beam_args=beam_args)
