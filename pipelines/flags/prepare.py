"""The flags of `trueserve prepare`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses

from trueserve.pipelines.flags import beam, reading
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.comparison import JSD, LINF
from trueserve.pipelines.flags.flag import check_local_file, check_values, flag

EXAMPLE = """example:
  trueserve prepare --examples='train/*.tfrecord.gz' \\
      --preprocessing=preprocessing.py --label=late --baseline=baseline
"""
EXIT_CODES_HELP = """exit codes:
  0  the baseline is published
  2  wrong usage or configuration; nothing was published
  3  the input, the job, or publishing failed
  4  the examples hold no row; nothing was published
"""

GROUPS = {
    "common flags": (
        reading.EXAMPLES,
        flag(
            "--preprocessing",
            required=True,
            metavar="FILE[:FUNCTION]",
            help="tf.Transform function; default function: preprocessing_fn",
        ),
        flag("--baseline", required=True, metavar="DIR", help="folder to write"),
        flag("--label", metavar="NAME", help="the label: a feature that requests do not have"),
    ),
    "input": (
        flag(
            "--schema",
            check=check_local_file,
            metavar="FILE",
            help="TFDV schema (text); default: inferred from the examples",
        ),
        flag(
            "--time_feature",
            metavar="NAME",
            help="feature that holds a row's time; differences between days and hours of the training data"
            " then raise no alarm",
        ),
        *reading.TEXT,
        reading.RANGE_MIB,
        flag(
            "--augment",
            metavar="FILE[:FUNCTION]",
            help="function that changes the transformed examples written for training, and nothing else; "
            "default function: augment_fn",
        ),
    ),
    "comparison": (JSD, LINF),
    **beam.GROUP,
}


@dataclasses.dataclass(frozen=True)
class PrepareOptions:
    """What `trueserve prepare` was asked to do."""

    examples: str
    preprocessing: str
    baseline: str
    label: str | None = None
    schema: str | None = None
    augment: str | None = None
    time_feature: str | None = None
    csv_separator: str | None = None
    missing_values: tuple[str, ...] = ()
    range_mib: int = reading.RANGE_MIB.default
    jsd: float | None = None
    linf: float | None = None
    shared_filesystem: bool = False
    dry_run: bool = False
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_values(self, GROUPS)


COMMAND = Command(
    "prepare", "Training examples to baseline.", PrepareOptions, GROUPS, EXAMPLE, EXIT_CODES_HELP
)
