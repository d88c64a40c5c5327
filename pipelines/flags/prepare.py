"""The flags of `trueserve prepare` and `trueserve adopt`, which make a baseline, and what they ask for.

Imports nothing heavy: help answers at once.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trueserve.pipelines.flags import beam, reading
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.comparison import JSD, LINF
from trueserve.pipelines.flags.flag import check_local_file, check_values, flag
from trueserve.transforms.core.errors import UsageError

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

NEW_BASELINE = flag("--baseline", required=True, metavar="DIR", help="folder to write")
LABEL = flag("--label", metavar="NAME", help="the label: a feature that requests do not have")
TIME_FEATURE = flag(
    "--time_feature",
    metavar="NAME",
    help="feature that holds a row's time; differences between days and hours of the training data"
    " then raise no alarm",
)
GROUP_BY = flag(
    "--group_by",
    metavar="FEATURE",
    help="rows with the same value of this feature belong together, such as a user or session id; validate"
    " then groups requests by it, too; reads the examples once more",
)

GROUPS = {
    "common flags": (
        reading.EXAMPLES,
        flag(
            "--preprocessing",
            required=True,
            metavar="FILE[:FUNCTION]",
            help="tf.Transform function; default function: preprocessing_fn",
        ),
        NEW_BASELINE,
        LABEL,
    ),
    "input": (
        flag(
            "--schema",
            check=check_local_file,
            metavar="FILE",
            help="TFDV schema (text); default: inferred from the examples",
        ),
        TIME_FEATURE,
        GROUP_BY,
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
    group_by: str | None = None
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


def _check_artifact(name: str, path: str | None) -> None:
    """A Check: a file or folder on this machine must exist. One on an object store is looked up later."""
    if path is not None and "://" not in path and not Path(path).exists():
        raise UsageError(f"{name}: there is no file or folder {path!r}")


ADOPT_EXAMPLE = """examples:
  trueserve adopt --schema=SchemaGen/schema/5 --label=tips \\
      --statistics=StatisticsGen/statistics/4 \\
      --transform_output=Transform/transform_graph/6 \\
      --examples=CsvExampleGen/examples/2 --baseline=baseline
  trueserve adopt --schema=schema.pbtxt --statistics=FeatureStats.pb \\
      --transform_output=tft_output --baseline=baseline
"""
ADOPT_EXIT_CODES_HELP = """exit codes:
  0  the baseline is published
  1  the baseline is published, and --model does not give what it promises
  2  wrong usage or configuration; nothing was published
  3  an artifact cannot be used, or the job or publishing failed
  4  the examples hold no row, and nothing was published; or the baseline is
     published, and nothing of --model was compared
"""
SPLIT = flag(
    "--split",
    default="train",
    metavar="NAME",
    help="split to take where a folder has several (Split-NAME); default %(default)s",
)

ADOPT_GROUPS = {
    "common flags": (
        flag(
            "--schema",
            required=True,
            check=_check_artifact,
            metavar="FILE|DIR",
            help="TFDV schema, or SchemaGen's folder",
        ),
        flag(
            "--statistics",
            required=True,
            check=_check_artifact,
            metavar="FILE|DIR",
            help="TFDV statistics of the training data, or StatisticsGen's folder",
        ),
        flag(
            "--transform_output",
            required=True,
            check=_check_artifact,
            metavar="DIR",
            help="transform graph: Transform's transform_graph, or a folder for tft.TFTransformOutput",
        ),
        reading.EXAMPLES.but(
            required=False,
            metavar="GLOB|DIR",
            help="training examples, or ExampleGen's folder; without them some things are not known, and"
            " the command says which",
        ),
        NEW_BASELINE,
        LABEL,
    ),
    "input": (
        SPLIT,
        flag(
            "--post_transform_stats",
            check=_check_artifact,
            metavar="FILE|DIR",
            help="statistics of the transformed features, without --examples; default: those that TFX's"
            " Transform wrote beside its transform_graph",
        ),
        flag(
            "--model",
            check=_check_artifact,
            metavar="SAVEDMODEL_DIR",
            help="model to check with the new baseline, as trueserve check does",
        ),
        TIME_FEATURE,
        *reading.TEXT,
        reading.RANGE_MIB,
    ),
    "comparison": (JSD, LINF),
    **beam.GROUP,
}


@dataclasses.dataclass(frozen=True)
class AdoptOptions:
    """What `trueserve adopt` was asked to do.

    Attributes:
      schema, statistics, transform_output, post_transform_stats: an artifact's folder, or the file in it.
      examples: a glob, or a folder of splits; None where there are no examples.
      model: folder of a SavedModel that is checked when the baseline is there.
    """

    schema: str
    statistics: str
    transform_output: str
    baseline: str
    examples: str | None = None
    label: str | None = None
    split: str = SPLIT.default
    post_transform_stats: str | None = None
    model: str | None = None
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
        check_values(self, ADOPT_GROUPS)
        if self.examples is None and self.time_feature is not None:
            raise UsageError("--time_feature needs --examples: the days are counted in them")
        if self.examples is not None and self.post_transform_stats is not None:
            raise UsageError(
                "--post_transform_stats cannot be combined with --examples, from which those statistics are"
                " computed"
            )


ADOPT = Command(
    "adopt",
    "Artifacts of TFX, TFDV and tf.Transform to baseline.",
    AdoptOptions,
    ADOPT_GROUPS,
    ADOPT_EXAMPLE,
    ADOPT_EXIT_CODES_HELP,
)
