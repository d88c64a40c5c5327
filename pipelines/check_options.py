"""The flags of `trueserve check`. Imports nothing heavy, so that help and typos answer at once."""

from __future__ import annotations

import argparse
import dataclasses

EXAMPLE = """examples:
  trueserve check --baseline=baseline --model=served/3
  trueserve check --baseline=baseline --model=rebuilt --reference=served/3 --json
"""

EXIT_CODES = """exit codes:
  0  the model gives what the baseline promises
  1  it does not, or the lint found an error
  2  wrong usage or configuration
  3  a model cannot be loaded or asked, or the report cannot be written
"""


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """What `trueserve check` was asked to do.

    Attributes:
      model: folder of the SavedModel that may be served.
      reference: folder of one whose predictions are right, where the model itself has none recorded.
      json: whether stdout gets one JSON object in place of the table.
    """

    baseline: str
    model: str
    reference: str | None = None
    json: bool = False


def add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--baseline", required=True, metavar="DIR", help="what `prepare` wrote")
    add("--model", required=True, metavar="SAVEDMODEL_DIR", help="the folder with saved_model.pb")
    add(
        "--reference",
        metavar="SAVEDMODEL_DIR",
        help="a model that is right, for one that has no recorded predictions",
    )
    add("--json", action="store_true", help="one JSON object on stdout, and nothing else")
    parser.set_defaults(build=_build)


def _build(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> CheckOptions:
    assert not beam_args
    return CheckOptions(parsed.baseline, parsed.model, parsed.reference, parsed.json)
