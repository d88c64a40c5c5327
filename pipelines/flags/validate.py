"""The flags of `trueserve validate`, and what they ask for. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import dataclasses
import datetime as dt

from trueserve.pipelines.flags import beam, comparison, path_checks, reading
from trueserve.pipelines.flags import replay as replay_flags
from trueserve.pipelines.flags.command import Command
from trueserve.pipelines.flags.flag import check_local_file, check_values, flag, parse_some_names
from trueserve.transforms.core.errors import UsageError

EXAMPLE = """examples:
  trueserve validate --baseline=baseline --logs='logs/*' --output=skew \\
      --start=2013-07-01 --end=2013-08-01
  trueserve validate --schema=schema.pbtxt --statistics=stats.binpb \\
      --logs='logs/*.gz' --output=skew
"""
EXIT_CODES_HELP = """exit codes:
  0  no skew
  1  skew
  2  wrong usage or configuration; nothing was published
  3  the input or the job failed; `failed` is published beside the last verdict
  4  nothing, or too little, was examined
"""

_MORE_EXAMPLES = """  trueserve validate --baseline=baseline --output=skew --window=2013-07-14 \\
      --logs='gs://bucket/logs/%Y/%m/%d/*.gz' \\
      --exclude='version=canary*,model=test' \\
      --slice_by=version --slice_by=origin,hour

windows, in UTC, half-open: start included, end excluded:
  --start=2013-07-14 --end=2013-07-16
  --window=2013-07-14              a day; 2013-07 a month, 2013-07-14T05 an hour
  --window=2013-07-14/2013-07-16   start and end
  --window=2013-07-14T05/PT1H      start and duration: PT90M, P1DT12H, P2W

time fields in --logs:
  %Y %m %d %j %H %M stand for every time in the window, and for one step after
  it, because requests are logged later than they are made. %% is a percent
  sign.

--previous:
  auto takes the last window published under --output, and also looks for a
  slow drift over the windows before it. RUN is a run's folder, its
  verdict.json, an output folder, or the id of a run under --output.
"""

SLICE_BY = flag(
    "--slice_by",
    type=lambda text: parse_some_names(text, "version,hour"),
    action="append",
    default=[],
    metavar="NAME,...",
    help="also compare each version, hour or value of a feature separately; repeatable",
)
STATISTICS_ENGINE = flag(
    "--statistics_engine",
    choices=("trueserve", "tfdv"),
    default="trueserve",
    help="tfdv: TFDV's own generators compute the statistics, to check trueserve's; slower",
)
DROP_REPEATED = flag(
    "--drop_repeated",
    action="store_true",
    help="leave out requests that repeat another unchanged, such as health checks and retries, but for one of"
    " each; reads the log twice",
)
FAIL_ON = flag(
    "--fail_on",
    choices=("error", "warning", "new"),
    default="error",
    metavar="WHAT",
    help="what fails the run (exit code 1): error; warning, which errors do, too; or new: errors of incidents"
    " that are new or got worse; default error",
)

GROUPS = {
    "common flags": (
        comparison.BASELINE,
        reading.LOGS,
        flag(
            "--output",
            required=True,
            metavar="DIR",
            help="folder to write: verdict.json, report.html and one folder per run",
        ),
        reading.WINDOW,
        reading.EXCLUDE,
        SLICE_BY,
        FAIL_ON,
        comparison.IGNORE,
        comparison.ONLY,
        comparison.THRESHOLDS,
    ),
    "input": (
        reading.FORMAT,
        reading.COLUMNS,
        *reading.TEXT,
        reading.VERSION_FEATURE,
        reading.MAX_REJECTS,
        reading.SAMPLE,
        reading.RANGE_MIB,
        reading.IGNORE_SAMPLING_RATE,
        DROP_REPEATED,
        flag(
            "--schema",
            check=check_local_file,
            metavar="FILE",
            help="TFDV schema; with --statistics, instead of --baseline",
        ),
        flag(
            "--statistics",
            check=check_local_file,
            metavar="FILE",
            help="TFDV statistics of the training data; with --schema",
        ),
        flag("--label", metavar="NAME", help="the label: a feature that requests do not have; with --schema"),
    ),
    "window": (reading.START, reading.END, reading.TIME_FEATURE),
    "comparison": (
        comparison.SPACES,
        comparison.GROUP_BY,
        comparison.JSD,
        comparison.LINF,
        STATISTICS_ENGINE,
        flag(
            "--previous",
            metavar="RUN|auto",
            help="also compare with this earlier run; auto: the last window's (see below)",
        ),
    ),
    "output": (
        flag("--keep_payloads", action="store_true", help="keep rejected records (may hold personal data)"),
        flag("--verbose", action="store_true", help="print the findings of each incident, too"),
    ),
    "replay": (
        replay_flags.REPLAY,
        *replay_flags.TOLERANCES,
        replay_flags.PREDICTIONS,
        replay_flags.CONTRACTS,
        replay_flags.ALLOW_OPS,
    ),
    **beam.GROUP_OF_LOGS,
}


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
      drop_repeated: whether rows are left out that repeat another unchanged, but for one of them.
      allow_ops: names of ops that it may have though they touch more than the model.
      replay: a SavedModel that logged requests are put to, and whose answers theirs are compared with.
      contracts: a folder of the contracts of served versions.
      thresholds: a file of limits, feature by feature; None takes the one in the baseline, if it has one.
      ignore: features whose findings never make `skew`.
      only: the features that are looked at, with what is computed from them; () for all.
      group_by: the feature by which rows belong together; None takes that of the baseline, if it has one.
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
    csv_separator: str | None = None
    missing_values: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    slice_by: tuple[tuple[str, ...], ...] = ()
    ignore_sampling_rate: bool = False
    drop_repeated: bool = False
    format: str = reading.FORMAT.default
    spaces: tuple[str, ...] = comparison.SPACES.default
    fail_on: str = FAIL_ON.default
    ignore: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    group_by: str | None = None
    thresholds: str | None = None
    max_rejects: float = reading.MAX_REJECTS.default
    keep_payloads: bool = False
    verbose: bool = False
    sample: float = reading.SAMPLE.default
    range_mib: int = reading.RANGE_MIB.default
    jsd: float | None = None
    linf: float | None = None
    statistics_engine: str = STATISTICS_ENGINE.default
    replay: str | None = None
    allow_ops: tuple[str, ...] = ()
    replay_atol: float = replay_flags.REPLAY_ATOL.default
    replay_rtol: float = replay_flags.REPLAY_RTOL.default
    replay_share: float = replay_flags.REPLAY_SHARE.default
    contracts: str | None = None
    previous: str | None = None
    predictions: str | None = None
    shared_filesystem: bool = False
    profile: bool = False
    dry_run: bool = False
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_reference(self)
        path_checks.check_output(self.output, self.baseline, purpose=" for verdicts", logs=self.logs)
        check_values(self, GROUPS)
        _check_replay(self)
        comparison.check_selection(self.only, self.ignore)
        reading.check_log_window(self.logs, self.start, self.end)


def _check_reference(options: ValidateOptions) -> None:
    loose_files = (options.schema, options.statistics)
    if options.baseline is not None:
        if any((*loose_files, options.label)):
            raise UsageError("--baseline cannot be combined with --schema, --statistics or --label")
    elif not all(loose_files):
        raise UsageError("expected --baseline=DIR, or both of --schema=FILE and --statistics=FILE")


def _check_replay(options: ValidateOptions) -> None:
    for tolerance in replay_flags.TOLERANCES:
        if options.replay is None and getattr(options, tolerance.attribute) != tolerance.default:
            raise UsageError(f"{tolerance.name} needs --replay=MODEL_DIR")
    if options.contracts is not None and options.baseline is None:
        raise UsageError(
            "--contracts needs --baseline=DIR: versions are compared with the baseline's contract"
        )


COMMAND = Command(
    "validate",
    "Logged requests to a verdict.",
    ValidateOptions,
    GROUPS,
    EXAMPLE + _MORE_EXAMPLES,
    EXIT_CODES_HELP,
)
