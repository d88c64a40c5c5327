"""Flags to frozen, checked configuration. Imports nothing heavy, so that help and typos answer at once."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import math
from pathlib import Path

from pipelines.flags import places
from transforms.core.errors import UsageError
from transforms.files import windows
from transforms.logs.formats.format_names import LOG_FORMATS

# The thresholds of the default skew comparators: here, and nowhere else.
DEFAULT_JSD = 0.1
DEFAULT_LINF = 0.1
# Of a replay: how far apart two answers may lie, as in `transforms.replay.compare.AnswerTolerance`, and in
# which share of rows they may lie further.
DEFAULT_REPLAY_ATOL = 1e-6
DEFAULT_REPLAY_RTOL = 1e-5
DEFAULT_REPLAY_SHARE = 0.001
# Of training or evaluation data: so many rows the exported model is asked for, whose answers are recorded.
DEFAULT_PREDICTION_ROWS = 100_000

FORMATS = ("auto", *(name.value for name in LOG_FORMATS))
SPACES = ("raw", "transformed")
FAIL_ON = ("error", "warning")
#: What is known of a request that `--exclude` may look at.
EXCLUDE_FIELDS = ("model", "version", "signature", "origin")


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
    jsd: float = DEFAULT_JSD
    linf: float = DEFAULT_LINF
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_threshold("--jsd", self.jsd)
        _check_threshold("--linf", self.linf)
        _check_local_file("--schema", self.schema)


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What `trueserve export` was asked to do.

    Attributes:
      evaluation: examples on which predictions are recorded, in place of the training data.
      prediction_rows: about so many rows at most they are recorded on; 0 for none.
    """

    baseline: str
    model: str
    output: str
    custom_objects: str | None = None
    evaluation: str | None = None
    prediction_rows: int = DEFAULT_PREDICTION_ROWS

    def __post_init__(self) -> None:
        if self.prediction_rows < 0:
            raise UsageError(f"--prediction_rows: expected a number of 0 or more, got {self.prediction_rows}")
        places.check_output(self.output, self.baseline, evaluation=self.evaluation)
        _check_local_file("--model", self.model)
        _check_local_file("--custom_objects", self.custom_objects)


@dataclasses.dataclass(frozen=True)
class ValidateOptions:
    """What `trueserve validate` was asked to do; either `baseline` or both of `schema` and `statistics`.

    Attributes:
      logs: a glob, maybe with strftime fields (`transforms.files.windows`), or a BigQuery table.
      start, end: the half-open window, in UTC; None is unbounded.
      version_feature: the feature that holds the version of the model that answered.
      columns: names for values that come without.
      exclude: (field, pattern) rules for requests that are not compared, see `transforms.logs.rows.exclude`.
      slice_by: the sets of names that slices are made by.
      ignore_sampling_rate: whether each request weighs the same, however few of its kind were logged.
      allow_ops: names of ops that it may have though they touch more than the model.
      replay: a SavedModel that logged requests are put to, and whose answers theirs are compared with.
      contracts: a folder of the contracts of served versions.
      thresholds: a file of limits, feature by feature; None takes the one in the baseline, if it has one.
      ignore: features whose findings never make `skew`.
      only: the features that are looked at, with what is computed from them; () for all.
      previous: the earlier run to compare with beside training, or `auto`; see
        `transforms.runs.previous_runs`.
      predictions: an exported model, with whose recorded predictions the logged ones are compared.
    """

    logs: str
    output: str
    baseline: str | None = None
    schema: str | None = None
    statistics: str | None = None
    label: str | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    time_feature: str | None = None
    version_feature: str | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    slice_by: tuple[tuple[str, ...], ...] = ()
    ignore_sampling_rate: bool = False
    format: str = "auto"
    spaces: tuple[str, ...] = SPACES
    fail_on: str = "error"
    ignore: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    thresholds: str | None = None
    max_rejects: float = 0.0
    keep_payloads: bool = False
    sample: float = 1.0
    jsd: float = DEFAULT_JSD
    linf: float = DEFAULT_LINF
    replay: str | None = None
    allow_ops: tuple[str, ...] = ()
    replay_atol: float = DEFAULT_REPLAY_ATOL
    replay_rtol: float = DEFAULT_REPLAY_RTOL
    replay_share: float = DEFAULT_REPLAY_SHARE
    contracts: str | None = None
    previous: str | None = None
    predictions: str | None = None
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_threshold("--jsd", self.jsd)
        _check_threshold("--linf", self.linf)
        _check_reference(self)
        places.check_output(self.output, self.baseline, what=" for verdicts", logs=self.logs)
        _check_replay(self)
        check_narrowing(self.only, self.ignore, self.thresholds)
        check_window(self.start, self.end)
        if windows.has_fields(self.logs):
            windows.patterns(self.logs, self.start, self.end)
        if not 0 <= self.max_rejects <= 1:
            raise UsageError(f"--max_rejects: expected a fraction from 0 to 1, got {self.max_rejects}")
        if not 0 < self.sample <= 1:
            raise UsageError(f"--sample: expected a fraction above 0 and at most 1, got {self.sample}")


def parse_time(text: str) -> dt.datetime:
    """An ISO 8601 date or time; one without an offset is UTC.

    Raises:
      ArgumentTypeError: the text is no such time.
    """
    try:
        return windows.parse_time(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"expected an ISO time such as 2013-07-01 or 2013-07-01T05:00:00+00:00, got {text!r}"
        ) from None


def parse_window(text: str) -> windows.Span:
    """The start and the end of a span written in one word, see `transforms.files.windows.parse_window`.

    Raises:
      ArgumentTypeError: the text is no such span.
    """
    try:
        return windows.parse_window(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_exclude(text: str) -> tuple[tuple[str, str], ...]:
    """Comma-separated rules FIELD=PATTERN.

    Raises:
      ArgumentTypeError: a rule is none, or its field is not of `EXCLUDE_FIELDS`.
    """
    rules = [(rule, *map(str.strip, rule.partition("="))) for rule in parse_names(text)]
    for rule, field, _, pattern in rules or [("", "", "", "")]:
        if field not in EXCLUDE_FIELDS or not pattern:
            raise argparse.ArgumentTypeError(
                f"expected FIELD=PATTERN, such as version=canary*, and as field {'|'.join(EXCLUDE_FIELDS)};"
                f" got {rule!r}"
            )
    return tuple((field, pattern) for _, field, _, pattern in rules)


def parse_slice(text: str) -> tuple[str, ...]:
    """The names that slices are made by together, each once.

    Raises:
      ArgumentTypeError: there is none.
    """
    return parse_some(text, "version,hour")


def parse_some(text: str, such_as: str = "distance,carrier") -> tuple[str, ...]:
    """Comma-separated names, each once.

    Raises:
      ArgumentTypeError: there is none.
    """
    names = tuple(dict.fromkeys(parse_names(text)))
    if not names:
        raise argparse.ArgumentTypeError(f"expected a name, or several with commas between: {such_as}")
    return names


def parse_spaces(text: str) -> tuple[str, ...]:
    """A comma-separated choice of `SPACES`, in their own order.

    Raises:
      ArgumentTypeError: a word is no space, or there is none.
    """
    words = parse_names(text)
    unknown = [word for word in words if word not in SPACES]
    if unknown or not words:
        raise argparse.ArgumentTypeError(f"expected one or both of {','.join(SPACES)}, got {text!r}")
    return tuple(space for space in SPACES if space in words)


def parse_names(text: str) -> tuple[str, ...]:
    """Comma-separated names without blanks around them; empty ones are left out."""
    return tuple(name for word in text.split(",") if (name := word.strip()))


def _check_threshold(flag: str, value: float) -> None:
    if not 0 < value <= 1:
        raise UsageError(f"{flag}: expected a distance above 0 and at most 1, got {value}")


def _check_local_file(flag: str, path: str | None) -> None:
    if path is not None and "://" not in path and not Path(path).is_file():
        raise UsageError(f"{flag}: there is no file {path!r}")


def _check_reference(options: ValidateOptions) -> None:
    loose = (options.schema, options.statistics)
    if options.baseline is not None:
        if any((*loose, options.label)):
            raise UsageError("--baseline stands alone, without --schema, --statistics and --label")
        return
    if not all(loose):
        raise UsageError("expected --baseline=DIR, or both of --schema=FILE and --statistics=FILE")
    _check_local_file("--schema", options.schema)
    _check_local_file("--statistics", options.statistics)


def check_window(start: dt.datetime | None, end: dt.datetime | None) -> None:
    """Raises UsageError where a window ends before it starts."""
    if start is not None and end is not None and start >= end:
        raise UsageError(f"--start must lie before --end, got {start.isoformat()} and {end.isoformat()}")


def check_narrowing(only: tuple[str, ...], ignore: tuple[str, ...], thresholds: str | None) -> None:
    """Raises UsageError for a feature that is both asked for and ignored, and a file that is not there."""
    if both := sorted({*only} & {*ignore}):
        raise UsageError(f"--only and --ignore both name {', '.join(both)}; name it in one of them")
    _check_local_file("--thresholds", thresholds)


def _check_replay(options: ValidateOptions) -> None:
    for name in ("replay_atol", "replay_rtol", "replay_share"):
        value, most = getattr(options, name), 1 if name == "replay_share" else math.inf
        if not 0 <= value <= most or value == math.inf:
            raise UsageError(f"--{name}: expected {_span_of(most)}, got {value}")
        if options.replay is None and value != getattr(ValidateOptions, name):
            raise UsageError(f"--{name} needs --replay=MODEL_DIR")
    if options.contracts is not None and options.baseline is None:
        raise UsageError("--contracts needs a --baseline: it has the contract that they are held against")


def _span_of(most: float) -> str:
    return "a fraction from 0 to 1" if most == 1 else "a number of 0 or more"
