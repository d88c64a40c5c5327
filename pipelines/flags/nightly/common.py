"""Flags that several commands of a series share, and `validate`'s flags where they win over a file."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from typing import Any

from trueserve.pipelines.flags import validate
from trueserve.pipelines.flags.command import Parser
from trueserve.pipelines.flags.flag import flag
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows

#: Beside those of `validate`'s flag.
NEVER = "never"
# Of one run, which the commands of a series have of their own, or say of each window.
_NOT_TAKEN = frozenset({"window", "start", "end", "dry_run", "config"})

CONFIG = flag(
    "--config", required=True, metavar="FILE", help="the file of the model, in TOML; see `trueserve init`"
)
#: Flags of `validate` that win over the file.
OVERRIDES = tuple(declared for declared in validate.COMMAND.flags if declared.attribute not in _NOT_TAKEN)
JUDGE_INCOMPLETE = flag(
    "--judge_incomplete",
    action="store_true",
    help="judge the window although fewer files or records came than usual: this is all there will be",
)
DRY_RUN = flag("--dry_run", action="store_true", help="say what would be done, and do nothing")


def parse_duration(text: str) -> dt.timedelta:
    """An ISO 8601 duration above 0.

    Raises:
      ArgumentTypeError: the text is none.
    """
    try:
        length = windows.duration(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if length <= dt.timedelta():
        raise argparse.ArgumentTypeError(f"expected a duration above 0, such as P1D, got {text!r}")
    return length


def overrides(arguments: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values of `validate`'s flags among arguments, by name; and the arguments that are Beam's.

    Raises:
      UsageError: a flag has no value, or one that it does not take.
    """
    parser = Parser(prog="trueserve", allow_abbrev=False, add_help=False, argument_default=argparse.SUPPRESS)
    for declared in OVERRIDES:
        settings = {
            key: value for key, value in declared.settings.items() if key not in ("default", "required")
        }
        if declared.attribute == validate.FAIL_ON.attribute:
            settings["choices"] = (*settings["choices"], NEVER)
        parser.add_argument(declared.name, default=argparse.SUPPRESS, **settings)
    parsed, rest = parser.parse_known_args(list(arguments))
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in vars(parsed).items()}
    for declared in OVERRIDES:
        if declared.check is not None and declared.attribute in values:
            declared.check(declared.name, values[declared.attribute])
    if operands := [word for word in rest if not word.startswith("-")]:
        raise UsageError(f"unknown argument {operands[0]!r}")
    return values, tuple(rest)
