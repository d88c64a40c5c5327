"""The flags of `trueserve join`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt

from pipelines.flags import options as opts
from pipelines.flags import places
from pipelines.flags import reading as reading_flags
from transforms.core.errors import UsageError
from transforms.files import windows
from transforms.joining.key_parts import KeyPart, parse_key

# Of a product of a float32 and a larger power of ten double precision does not hold every digit.
MOST_DIGITS = 12
SAMPLES = 20

EXAMPLE = """examples:
  trueserve join --examples='train/*' --logs='logs/*' --key=trip_id --output=joined
  trueserve join --examples='train/*' --logs='logs/*.jsonl' --key=prediction_id=request_id \\
      --baseline=baseline --tolerance=1e-5 --output=joined

Rows with the same key are compared feature by feature, as TFDV's DetectFeatureSkew does. The key
is a feature, or several with commas between; `request_id`, or NAME=request_id for examples that
have it as NAME, is the id that the log knows a request by. OUTPUT/join.json has the counts.

"""
EXIT_CODES = """exit codes:
  0  no pair differs
  1  some pair differs
  2  wrong usage or configuration; nothing was written
  3  the input or the job failed; nothing was written
  4  no pair was compared: no key in common, or all of them several times
"""


@dataclasses.dataclass(frozen=True)
class JoinOptions:
    """What `trueserve join` was asked to do.

    Attributes:
      key: what rows are joined by.
      baseline, schema: where the types of the features are from; neither takes those of the examples.
      ignore: features that are not compared.
      tolerance: see `transforms.joining.cells.FloatTolerance.close`; alone, without `float_round_ndigits`.
      samples: pairs that differ to keep.
    """

    examples: str
    logs: str
    key: tuple[KeyPart, ...]
    output: str
    baseline: str | None = None
    schema: str | None = None
    ignore: tuple[str, ...] = ()
    tolerance: float = 0.0
    float_round_ndigits: int | None = None
    allow_duplicate_identifiers: bool = False
    samples: int = SAMPLES
    keep_payloads: bool = False
    max_rejects: float = 0.0
    format: str = "auto"
    time_feature: str | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_range("--tolerance", self.tolerance, 0, 1)
        _check_range("--max_rejects", self.max_rejects, 0, 1)
        _check_range("--samples", self.samples, 0, 1000)
        if self.float_round_ndigits is not None:
            _check_range("--float_round_ndigits", self.float_round_ndigits, 0, MOST_DIGITS)
            if self.tolerance:
                raise UsageError("--float_round_ndigits stands alone, without --tolerance")
        if self.baseline is not None and self.schema is not None:
            raise UsageError("--baseline stands alone, without --schema")
        places.check_output(self.output, self.baseline, logs=self.logs, examples=self.examples)
        opts.check_window(self.start, self.end)
        if windows.has_fields(self.logs):
            windows.patterns(self.logs, self.start, self.end)
        if self.logs.startswith("bq://"):
            raise UsageError("--logs: join reads files; export the BigQuery table to Parquet, and name that")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `join`; `build` makes options of them."""
    add = parser.add_argument
    add("--examples", required=True, metavar="GLOB", help="TFRecords of tf.Example, CSV, Parquet")
    add("--logs", required=True, metavar="GLOB", help="logged requests, as for `validate`")
    add(
        "--key", required=True, type=_parse_key, metavar="NAME,...", help="what rows are joined by; see below"
    )
    add("--output", required=True, metavar="DIR", help="gets join.json")
    add("--baseline", metavar="DIR", help="what `prepare` wrote, for its schema")
    add("--schema", metavar="FILE", help="TFDV schema (text); without either the examples' types are taken")
    add("--ignore", type=opts.parse_names, default=(), metavar="NAME,...", help="features not to compare")
    add(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="T",
        help="floats are equal within T x max(1, |a|, |b|)",
    )
    add(
        "--float_round_ndigits",
        type=int,
        metavar="N",
        help="floats are equal if they are when rounded, as TFDV's",
    )
    add(
        "--allow_duplicate_identifiers",
        action="store_true",
        help="compare each with each where a key repeats",
    )
    add(
        "--samples",
        type=int,
        default=SAMPLES,
        metavar="N",
        help="pairs that differ to keep; default %(default)s",
    )
    add("--keep_payloads", action="store_true", help="keep their keys and values (may hold personal data)")
    add("--max_rejects", type=float, default=0.0, metavar="FRACTION", help="of records of a side; default 0")
    reading_flags.add_to(parser)
    parser.set_defaults(build=_build)


def _parse_key(text: str) -> tuple[KeyPart, ...]:
    try:
        return parse_key(opts.parse_names(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _build(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> JoinOptions:
    reading_flags.take_window(parsed)
    values = {name: value for name, value in vars(parsed).items() if name not in {"command", "build"}}
    values["exclude"] = tuple(values["exclude"])
    return JoinOptions(**values, beam_args=beam_args)


def _check_range(flag: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{flag}: expected a number from {least} to {most}, got {value}")
