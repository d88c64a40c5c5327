"""The flags of `trueserve check`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import argparse
import dataclasses

from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.comparison import BASELINE
from trueserve.pipelines.flags.flag import flag
from trueserve.pipelines.flags.replay import ALLOW_OPS
from trueserve.transforms.files import windows

_MAX_TIMEOUT = 7 * 86_400

EXAMPLE = """examples:
  trueserve check --baseline=baseline --model=served/3
  trueserve check --baseline=baseline --model=rebuilt --reference=served/3 \\
      --json
  trueserve check --baseline=baseline --model=served/3 --allow_ops=ReadFile \\
      --timeout=PT10M
"""

EXIT_CODES_HELP = """exit codes:
  0  the model gives what the baseline promises
  1  it does not, or the lint found an error; a model that reaches files, the
     network or Python is not loaded
  2  wrong usage or configuration
  3  a model cannot be loaded or run, or not within --timeout, or the report
     cannot be written
  4  nothing was compared
"""


def parse_timeout(text: str) -> float:
    """Seconds above zero, from a number of them or an ISO 8601 duration. Raises ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = windows.duration(text).total_seconds()
        except ValueError:
            seconds = 0.0
    if not 0 < seconds <= _MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"expected seconds, or a duration such as PT5M, got {text!r}")
    return seconds


TIMEOUT = flag(
    "--timeout",
    type=parse_timeout,
    default=300.0,
    metavar="PT5M",
    help="time limit for loading and running the models: seconds, or a duration; default 300",
)

GROUPS = {
    "common flags": (
        BASELINE.but(required=True),
        flag(
            "--model",
            required=True,
            metavar="SAVEDMODEL_DIR",
            help="model to check: the folder with saved_model.pb",
        ),
        flag(
            "--reference",
            metavar="SAVEDMODEL_DIR",
            help="trusted model to compare with, for a model without recorded predictions",
        ),
    ),
    "execution": (ALLOW_OPS, TIMEOUT),
    "output": (
        flag("--json", action="store_true", help="write one JSON object to stdout instead of the table"),
    ),
}


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """What `trueserve check` was asked to do.

    Attributes:
      model: folder of the SavedModel that may be served.
      reference: folder of one whose predictions are right, where the model itself has none recorded.
      allow_ops: names of ops that are allowed though they reach files, the network or Python.
      timeout: seconds in which the models must have been loaded and run.
      json: whether stdout gets one JSON object in place of the table.
    """

    baseline: str
    model: str
    reference: str | None = None
    json: bool = False
    allow_ops: tuple[str, ...] = ()
    timeout: float = TIMEOUT.default


COMMAND = Command(
    "check",
    "SavedModel against the baseline's probes, contract and lint.",
    CheckOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
)
