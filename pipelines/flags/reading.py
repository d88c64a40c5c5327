"""The flags of every command that reads logs: which requests, and how they are told apart."""

from __future__ import annotations

import argparse

from pipelines.flags import options as opts
from transforms.core.errors import UsageError


def add_to(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--start", type=opts.parse_time, metavar="ISO", help="start of the window, inclusive, UTC")
    add("--end", type=opts.parse_time, metavar="ISO", help="end of the window, exclusive, UTC")
    add(
        "--window",
        type=opts.parse_window,
        metavar="SPAN",
        help="in place of both, such as 2013-07-14",
    )
    formats = f"one of {', '.join(opts.FORMATS)}; default: auto, by content"
    add("--format", choices=opts.FORMATS, default="auto", metavar="NAME", help=formats)
    add("--time_feature", metavar="NAME", help="feature that holds a request's time, where the log has none")
    add(
        "--columns",
        type=opts.parse_names,
        default=(),
        metavar="NAME,...",
        help="features of values that come without names, in order (CSV bodies, lists)",
    )
    add(
        "--exclude",
        type=opts.parse_exclude,
        action="extend",
        default=[],
        metavar="FIELD=GLOB,...",
        help=f"count requests apart by {', '.join(opts.EXCLUDE_FIELDS)}; may stand several times",
    )


def take_window(parsed: argparse.Namespace) -> None:
    """Puts what `--window` says in the place of `--start` and `--end`."""
    if parsed.window is not None:
        if parsed.start is not None or parsed.end is not None:
            raise UsageError("--window stands alone, without --start and --end")
        parsed.start, parsed.end = parsed.window
    del parsed.window
