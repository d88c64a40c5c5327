"""The flags of every command that reads examples or logs: which of them, and how they are read."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from typing import Any

from trueserve.pipelines.flags.flag import check_fraction, check_not_negative, flag, parse_names
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows
from trueserve.transforms.files.ranges import RANGE_BYTES
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.formats.format_names import LOG_FORMATS

FORMATS = ("auto", *(name.value for name in LOG_FORMATS))
#: The fields of a request that `--exclude` may look at.
EXCLUDE_FIELDS = ("model", "version", "signature", "origin")


def parse_time(text: str) -> dt.datetime:
    """An ISO 8601 date or time; one without an offset is UTC.

    Raises:
      ArgumentTypeError: the text is no such time.
    """
    try:
        return windows.parse_time(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"expected an ISO time such as 2013-07-01 or 2013-07-01T05:00:00+00:00, got {text!r}"
        ) from None


def parse_window(text: str) -> windows.Span:
    """The start and the end of a span written in one word, see `transforms.files.windows.parse_window`.

    Raises:
      ArgumentTypeError: the text is no such span.
    """
    try:
        return windows.parse_window(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_exclude(text: str) -> tuple[tuple[str, str], ...]:
    """Comma-separated rules FIELD=PATTERN.

    Raises:
      ArgumentTypeError: a rule is none, or its field is not of `EXCLUDE_FIELDS`.
    """
    rules = [(rule, *map(str.strip, rule.partition("="))) for rule in parse_names(text)]
    for rule, field, _, pattern in rules or [("", "", "", "")]:
        if field not in EXCLUDE_FIELDS or not pattern:
            raise argparse.ArgumentTypeError(
                f"expected FIELD=PATTERN, such as version=canary*, and as field {'|'.join(EXCLUDE_FIELDS)};"
                f" got {rule!r}"
            )
    return tuple((field, pattern) for _, field, _, pattern in rules)


def parse_separator(text: str) -> str:
    """A character, or `tab`.

    Raises:
      ArgumentTypeError: it is more than one character, or one that CSV has another use for.
    """
    separator = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(separator) != 1 or not separator.isascii() or separator.isalnum() or separator in '"\r\n. +-\0':
        raise argparse.ArgumentTypeError(f"expected one character, such as ';', or tab; got {text!r}")
    return separator


def check_sample(name: str, value: float) -> None:
    """A Check: a fraction above 0."""
    if not 0 < value <= 1:
        raise UsageError(f"{name}: expected a fraction above 0 and at most 1, got {value}")


EXAMPLES = flag(
    "--examples",
    required=True,
    metavar="GLOB",
    help="training examples: TFRecords of tf.Example, CSV with a header, or Parquet",
)
LOGS = flag(
    "--logs",
    required=True,
    metavar="GLOB",
    help="logged requests; time fields such as %%Y/%%m/%%d stand for the times of the window",
)
START = flag("--start", type=parse_time, metavar="ISO", help="start of the window (included), UTC")
END = flag("--end", type=parse_time, metavar="ISO", help="end of the window (excluded), UTC")
WINDOW = flag(
    "--window",
    type=parse_window,
    metavar="SPAN",
    help="--start and --end in one, such as 2013-07-14; half-open: start included, end excluded",
)
FORMAT = flag(
    "--format",
    choices=FORMATS,
    default="auto",
    metavar="NAME",
    help=f"format of the logs: {', '.join(FORMATS)}; default: auto, detected from the content",
)
TIME_FEATURE = flag(
    "--time_feature", metavar="NAME", help="feature that holds a request's time, if the log has no times"
)
VERSION_FEATURE = flag(
    "--version_feature", metavar="NAME", help="feature that holds the version of the model that answered"
)
COLUMNS = flag(
    "--columns",
    type=parse_names,
    default=(),
    metavar="NAME,...",
    help="names, in order, for values that are logged without names (CSV bodies, lists)",
)
CSV_SEPARATOR = flag(
    "--csv_separator",
    type=parse_separator,
    metavar="CHARACTER",
    help="what separates values in CSV, such as ';' or tab; default: told by each file's content",
)
MISSING_VALUES = flag(
    "--missing_values",
    type=parse_names,
    default=(),
    metavar="TEXT,...",
    help="texts that mean a missing value, such as NA,null, in CSV and in JSON for numbers",
)
#: How text files are read.
TEXT = (CSV_SEPARATOR, MISSING_VALUES)
EXCLUDE = flag(
    "--exclude",
    type=parse_exclude,
    action="extend",
    default=[],
    metavar="FIELD=GLOB,...",
    help=f"leave out matching requests (counted separately); repeatable; fields: {', '.join(EXCLUDE_FIELDS)}",
)
MAX_REJECTS = flag(
    "--max_rejects",
    type=float,
    default=0.0,
    check=check_fraction,
    metavar="FRACTION",
    help="share of records that may be rejected before the run fails; default 0",
)
SAMPLE = flag(
    "--sample",
    type=float,
    default=1.0,
    check=check_sample,
    metavar="FRACTION",
    help="share of records to compare, chosen by a hash of their id or bytes; default 1",
)
RANGE_MIB = flag(
    "--range_mib",
    type=int,
    default=RANGE_BYTES >> 20,
    check=check_not_negative,
    metavar="MIB",
    help="read larger files in ranges of so many MiB, side by side; 0 reads each file whole;"
    f" default {RANGE_BYTES >> 20}",
)
IGNORE_SAMPLING_RATE = flag(
    "--ignore_sampling_rate", action="store_true", help="do not weight requests by 1 / sampling rate"
)


def text_form(options: Any, missing_values: Sequence[str] = ()) -> TextForm:
    """How text files are read by options that have `TEXT`; `missing_values` where the flag is not given."""
    return TextForm(options.csv_separator, frozenset(options.missing_values or missing_values))


def resolve_window(values: dict[str, Any]) -> None:
    """Turns the value of `--window`, where a command has it, into those of `--start` and `--end`."""
    if (window := values.pop("window", None)) is not None:
        if values["start"] is not None or values["end"] is not None:
            raise UsageError("--window cannot be combined with --start or --end")
        values["start"], values["end"] = window


def check_log_window(logs: str, start: dt.datetime | None, end: dt.datetime | None) -> None:
    """Raises UsageError where a window ends before it starts, or does not fill the time fields of `logs`."""
    if start is not None and end is not None and start >= end:
        raise UsageError(f"--start must be before --end, got {start.isoformat()} and {end.isoformat()}")
    if windows.has_fields(logs):
        windows.patterns(logs, start, end)
