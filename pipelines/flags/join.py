"""The flags of `trueserve join`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt

from trueserve.pipelines.flags import beam, path_checks, reading
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.comparison import BASELINE, THRESHOLDS
from trueserve.pipelines.flags.flag import check_range, check_values, flag, parse_names
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.joining.key_parts import KeyPart, parse_key

# Of a product of a float32 and a larger power of ten double precision does not hold every digit.
MAX_DIGITS = 12

EXAMPLE = """examples:
  trueserve join --examples='train/*' --logs='logs/*' --key=trip_id \\
      --output=joined
  trueserve join --examples='train/*' --logs='logs/*.jsonl' \\
      --key=prediction_id=request_id --baseline=baseline --tolerance=1e-5 \\
      --output=joined

  trueserve join --labels='labels/*.csv' --logs='logs/*' --key=trip_id \\
      --predictions=served/1 --verdict=skew --output=truth

Rows with the same key are compared feature by feature, as TFDV's
DetectFeatureSkew does. The key is one or more features, separated by commas.
`request_id` is the id that the log has for a request; NAME=request_id is for
examples that hold it in the feature NAME. OUTPUT/join.json has the counts.

With --labels, labels that came late meet the predictions that were logged:
OUTPUT/performance.json has the true performance beside the estimate of
--verdict, and says which estimates were right.
"""
EXIT_CODES_HELP = """exit codes:
  0  no pair differs; with --labels: no limit of --thresholds is passed
  1  some pair differs; with --labels: the true performance is beyond a limit
  2  wrong usage or configuration; nothing was written
  3  the input or the job failed; nothing was written
  4  no pair was compared: no key in common, or all of them several times, or
     none has a label and a prediction
"""


def _parse_key(text: str) -> tuple[KeyPart, ...]:
    try:
        return parse_key(parse_names(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


SAMPLES = flag(
    "--samples",
    type=int,
    default=20,
    check=check_range(0, 1000),
    metavar="N",
    help="number of differing pairs, in all, to keep in join.json; default %(default)s",
)

GROUPS = {
    "common flags": (
        reading.EXAMPLES.but(required=False, help=f"{reading.EXAMPLES.settings['help']}; or --labels"),
        reading.LOGS,
        flag(
            "--key",
            required=True,
            type=_parse_key,
            metavar="NAME,...",
            help="features that identify a row (see below)",
        ),
        flag(
            "--output", required=True, metavar="DIR", help="folder to write: join.json, or performance.json"
        ),
        BASELINE.but(help="baseline whose schema gives the types of the features"),
        reading.WINDOW,
        reading.EXCLUDE,
        flag(
            "--ignore",
            type=parse_names,
            default=(),
            metavar="NAME,...",
            help="features that are not compared",
        ),
        flag(
            "--tolerance",
            type=float,
            default=0.0,
            check=check_range(0, 1),
            metavar="T",
            help="floats are equal within T x max(1, |a|, |b|); default 0",
        ),
        SAMPLES,
    ),
    "late labels": (
        flag(
            "--labels",
            metavar="GLOB",
            help="labels with their keys: CSV with a header, JSON lines, Parquet, or TFRecords of tf.Example",
        ),
        flag(
            "--predictions",
            metavar="MODEL_DIR",
            help="exported model that answered: its record says what the label is, and how well it did",
        ),
        flag(
            "--verdict",
            metavar="VERDICT",
            help="a verdict.json, a run's folder, or validate's --output: window, and estimate to judge",
        ),
        THRESHOLDS.but(help="limits of the true performance: [performance] of a thresholds.toml"),
    ),
    "input": (
        flag("--schema", metavar="FILE", help="TFDV schema (text); default: the types of the examples"),
        reading.FORMAT,
        reading.COLUMNS,
        *reading.TEXT,
        reading.MAX_REJECTS.but(
            help="share of the records of either side that may be rejected before the run fails; default 0"
        ),
    ),
    "window": (reading.START, reading.END, reading.TIME_FEATURE),
    "comparison": (
        flag(
            "--float_round_ndigits",
            type=int,
            check=check_range(0, MAX_DIGITS),
            metavar="N",
            help="round floats and keys to N decimal places before comparing, as TFDV does",
        ),
        flag(
            "--allow_duplicate_identifiers",
            action="store_true",
            help="compare all pairs of rows with the same key; default: leave out repeated keys",
        ),
    ),
    "output": (
        flag(
            "--keep_payloads",
            action="store_true",
            help="keep keys and values of the differing pairs (may hold personal data)",
        ),
    ),
    **beam.GROUP,
}


#: What says how features are compared, and what it is without the flag.
_OF_COMPARISONS = {
    "ignore": (),
    "tolerance": 0.0,
    "float_round_ndigits": None,
    "allow_duplicate_identifiers": False,
    "samples": SAMPLES.default,
    "keep_payloads": False,
}


@dataclasses.dataclass(frozen=True)
class JoinOptions:
    """What `trueserve join` was asked to do.

    Attributes:
      key: what rows are joined by.
      baseline, schema: where the types of the features are from; neither takes those of the examples.
      ignore: features that are not compared.
      tolerance: see `transforms.joining.cells.FloatTolerance.close`; alone, without `float_round_ndigits`.
      samples: pairs that differ to keep.
      labels: labels that came late, in place of `examples`; `predictions` is the model that answered,
        `verdict` what was published of the window, and `thresholds` a file of limits.
    """

    logs: str
    key: tuple[KeyPart, ...]
    output: str
    examples: str | None = None
    labels: str | None = None
    predictions: str | None = None
    verdict: str | None = None
    thresholds: str | None = None
    baseline: str | None = None
    schema: str | None = None
    ignore: tuple[str, ...] = ()
    tolerance: float = 0.0
    float_round_ndigits: int | None = None
    allow_duplicate_identifiers: bool = False
    samples: int = SAMPLES.default
    keep_payloads: bool = False
    max_rejects: float = reading.MAX_REJECTS.default
    format: str = reading.FORMAT.default
    time_feature: str | None = None
    columns: tuple[str, ...] = ()
    csv_separator: str | None = None
    missing_values: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    shared_filesystem: bool = False
    dry_run: bool = False
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_values(self, GROUPS)
        _check_sides(self)
        if self.float_round_ndigits is not None and self.tolerance:
            raise UsageError("--float_round_ndigits cannot be combined with --tolerance")
        if self.baseline is not None and self.schema is not None:
            raise UsageError("--baseline cannot be combined with --schema")
        inputs = {"logs": self.logs, "examples": self.examples, "labels": self.labels}
        path_checks.check_output(self.output, self.baseline, purpose="", **inputs)
        reading.check_log_window(self.logs, self.start, self.end)
        if self.logs.startswith("bq://"):
            raise UsageError("--logs: join reads files; export the BigQuery table to Parquet, and name that")

    @property
    def rows(self) -> str:
        """The glob of the side that is not the log."""
        return self.labels or self.examples or ""


def _check_sides(options: JoinOptions) -> None:
    if (options.examples is None) == (options.labels is None):
        raise UsageError("expected --examples=GLOB, or --labels=GLOB with --predictions=MODEL_DIR")
    if options.labels is None:
        for name in ("predictions", "verdict", "thresholds"):
            if getattr(options, name) is not None:
                raise UsageError(f"--{name} needs --labels=GLOB")
        return
    if options.predictions is None:
        raise UsageError("--labels needs --predictions=MODEL_DIR: the exported model that answered")
    for name, default in _OF_COMPARISONS.items():
        if getattr(options, name) != default:
            raise UsageError(f"--{name} cannot be combined with --labels: no features are compared")


COMMAND = Command(
    "join",
    "Examples, or late labels, and requests with the same key, compared.",
    JoinOptions,
    GROUPS,
    EXAMPLE,
    EXIT_CODES_HELP,
)
