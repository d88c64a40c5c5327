"""The flags of `trueserve export`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trueserve.pipelines.flags import path_checks
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.comparison import BASELINE
from trueserve.pipelines.flags.flag import check_local_file, check_not_negative, check_values, flag
from trueserve.transforms.core.errors import UsageError

EXAMPLE = """example:
  trueserve export --baseline=baseline --model=model.keras --output=served
"""
EXIT_CODES_HELP = """exit codes:
  0  the served model is published, and gave the probes' outputs when it was
     loaded again
  2  wrong usage or configuration; nothing was published
  3  the input failed, the saved model gives other outputs, or it could not be
     published
  4  the evaluation examples hold no row; nothing was published
"""


def _check_model(name: str, path: str | None) -> None:
    """A Check: a file, and no folder as Keras 2 saves it by default."""
    if path is not None and "://" not in path and Path(path).is_dir():
        raise UsageError(
            f"{name}: {path!r} is a folder; expected a .keras file. Load a SavedModel with the Keras that"
            " saved it, and save that by model.save('model.keras')"
        )
    check_local_file(name, path)


PREDICTION_ROWS = flag(
    "--prediction_rows",
    type=int,
    default=100_000,
    check=check_not_negative,
    metavar="N",
    help="maximum number of rows to record predictions on, chosen by a hash; 0 records nothing;"
    " default %(default)s",
)

GROUPS = {
    "common flags": (
        BASELINE.but(required=True),
        flag(
            "--model",
            required=True,
            check=_check_model,
            metavar="FILE.keras",
            help="Keras model that takes the transformed features by name",
        ),
        flag(
            "--output",
            required=True,
            metavar="DIR",
            help="folder to write; gets a numbered version folder, as TF Serving loads it",
        ),
        flag(
            "--custom_objects",
            check=check_local_file,
            metavar="FILE",
            help="Python file that defines the model's own layers",
        ),
    ),
    "recorded predictions": (
        flag(
            "--evaluation",
            metavar="GLOB",
            help="raw examples to record predictions on; default: the training data",
        ),
        PREDICTION_ROWS,
        flag(
            "--label_output",
            metavar="NAME",
            help="output that predicts the label, if the model has several; with --evaluation",
        ),
        flag(
            "--positive",
            metavar="VALUE",
            help="label of the positive class, if labels are not 0 and 1; with --evaluation",
        ),
    ),
}


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What `trueserve export` was asked to do.

    Attributes:
      evaluation: examples on which predictions are recorded, in place of the training data.
      prediction_rows: about so many rows at most they are recorded on; 0 for none.
      label_output, positive: the output that predicts the label, and the label of the positive class; None
        where they go without saying.
    """

    baseline: str
    model: str
    output: str
    custom_objects: str | None = None
    evaluation: str | None = None
    prediction_rows: int = PREDICTION_ROWS.default
    label_output: str | None = None
    positive: str | None = None

    def __post_init__(self) -> None:
        path_checks.check_output(self.output, self.baseline, evaluation=self.evaluation)
        check_values(self, GROUPS)
        for name in ("label_output", "positive"):
            if self.evaluation is None and getattr(self, name) is not None:
                raise UsageError(f"--{name} needs --evaluation=GLOB: labels are those of evaluation examples")


COMMAND = Command(
    "export",
    "Baseline and Keras model to a served model.",
    ExportOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
)
