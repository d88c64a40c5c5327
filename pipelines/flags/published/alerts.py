"""The flags of `trueserve alerts`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import check_local_file, check_values, flag
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows

EXAMPLE = """examples:
  trueserve alerts skew --config=flights.toml
  trueserve alerts skew --config=flights.toml --every=P1D --delay=PT4H
  trueserve alerts skew --config=flights.toml --test
"""

EXIT_CODES_HELP = """exit codes:
  0  all that was to be sent was sent, or waits for the end of quiet hours
  2  no such file, or a table [[alerts]] with a mistake; nothing was sent
  3  something could not be sent; the next call tries again
"""


def check_duration(name: str, value: str | None) -> None:
    """A Check: an ISO 8601 duration above 0; None passes."""
    try:
        is_positive = value is None or windows.duration(value) > dt.timedelta(0)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{name}: {error}") from error
    if not is_positive:
        raise UsageError(f"{name}: expected a duration above 0, got {value}")


GROUPS = {
    "common flags": (
        flag("OUTPUT", metavar="OUTPUT", help="validate's --output: the verdicts, and what was sent"),
        flag(
            "--config",
            required=True,
            metavar="FILE",
            check=check_local_file,
            help="a TOML file with tables [[alerts]], such as that of a model",
        ),
        flag(
            "--every",
            metavar="DURATION",
            check=check_duration,
            help="how long a window is (P1D, PT1H): windows without a verdict are alerted as missing",
        ),
        flag(
            "--delay",
            metavar="DURATION",
            check=check_duration,
            help="with --every: how long after its end a window may be without a verdict",
        ),
        flag("--page_url", metavar="URL", help="where people read OUTPUT; default: page_url of --config"),
        flag(
            "--series",
            metavar="NAME",
            help="what was compared; default: model of --config, else the name of OUTPUT",
        ),
        flag("--test", action="store_true", help="send one test to each receiver, and nothing else"),
    ),
}


@dataclasses.dataclass(frozen=True)
class AlertsOptions:
    """What `trueserve alerts` was asked to do.

    Attributes:
      output: the folder of the series.
      config: a TOML file.
      every, delay: ISO 8601 durations; None for no look at missing windows, and for no delay.
      page_url, series: for the texts; None without.
      test: whether tests are sent, and nothing else.
    """

    output: str
    config: str
    every: str | None = None
    delay: str | None = None
    page_url: str | None = None
    series: str | None = None
    test: bool = False

    def __post_init__(self) -> None:
        check_values(self, GROUPS)
        if self.delay is not None and self.every is None:
            raise UsageError("--delay: goes with --every, the length of a window")

    def duration(self, name: str) -> dt.timedelta:
        """`every` or `delay`; zero without it."""
        value: Any = getattr(self, name)
        return windows.duration(value) if value is not None else dt.timedelta(0)


COMMAND = Command(
    "alerts",
    "Sends the alerts of published verdicts, and those that could not be sent before.",
    AlertsOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
    folder="published",
)
