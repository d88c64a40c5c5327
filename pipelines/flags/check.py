"""The flags of `trueserve check`. Imports nothing heavy, so that help and typos answer at once."""

from __future__ import annotations

import argparse
import dataclasses

from pipelines.flags import options as opts
from transforms.files import windows

DEFAULT_TIMEOUT = 300.0
_LONGEST_TIMEOUT = 7 * 86_400

EXAMPLE = """examples:
  trueserve check --baseline=baseline --model=served/3
  trueserve check --baseline=baseline --model=rebuilt --reference=served/3 --json
  trueserve check --baseline=baseline --model=served/3 --allow_ops=ReadFile --timeout=PT10M
"""

EXIT_CODES = """exit codes:
  0  the model gives what the baseline promises
  1  it does not, or the lint found an error; a model that touches more than itself is not loaded
  2  wrong usage or configuration
  3  a model cannot be loaded or asked, or not within --timeout, or the report cannot be written
"""


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """What `trueserve check` was asked to do.

    Attributes:
      model: folder of the SavedModel that may be served.
      reference: folder of one whose predictions are right, where the model itself has none recorded.
      allow_ops: names of ops that may stand in a model though they touch more than the model.
      timeout: seconds in which the models must have been loaded and asked.
      json: whether stdout gets one JSON object in place of the table.
    """

    baseline: str
    model: str
    reference: str | None = None
    json: bool = False
    allow_ops: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT


def add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--baseline", required=True, metavar="DIR", help="what `prepare` wrote")
    add("--model", required=True, metavar="SAVEDMODEL_DIR", help="the folder with saved_model.pb")
    add(
        "--reference",
        metavar="SAVEDMODEL_DIR",
        help="a model that is right, for one that has no recorded predictions",
    )
    add_allow_ops(parser)
    add(
        "--timeout",
        type=parse_timeout,
        default=DEFAULT_TIMEOUT,
        metavar="PT5M",
        help="for loading and asking the models: seconds, or a duration; default 300",
    )
    add("--json", action="store_true", help="one JSON object on stdout, and nothing else")
    parser.set_defaults(build=_build)


def add_allow_ops(parser: argparse.ArgumentParser) -> None:
    """The flag of all commands that load a model which somebody else made."""
    parser.add_argument(
        "--allow_ops",
        type=opts.parse_names,
        default=(),
        metavar="NAME,...",
        help="ops that a model may have though they touch files, the network or Python: docs/security.md",
    )


def parse_timeout(text: str) -> float:
    """Seconds above zero, from a number of them or an ISO 8601 duration. Raises ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = windows.duration(text).total_seconds()
        except ValueError:
            seconds = 0.0
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(f"expected seconds, or a duration such as PT5M, got {text!r}")
    return seconds


def _build(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> CheckOptions:
    assert not beam_args
    return CheckOptions(
        parsed.baseline, parsed.model, parsed.reference, parsed.json, parsed.allow_ops, parsed.timeout
    )
