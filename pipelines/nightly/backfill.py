"""`trueserve backfill`: all windows of a span that have no verdict yet, the oldest first."""

from __future__ import annotations

import collections
import datetime as dt
import io
import time
from collections.abc import Sequence

from trueserve.pipelines.config.load import load
from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.nightly import common
from trueserve.pipelines.flags.nightly.backfill import BackfillOptions
from trueserve.pipelines.nightly import clock, window_run
from trueserve.pipelines.nightly.after import refresh_series
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import local_windows
from trueserve.transforms.files.windows import Span
from trueserve.transforms.publish import formatting
from trueserve.transforms.runs import series

#: Windows of one command.
MOST_WINDOWS = 100_000
# Between two renderings of index.html, which reads all windows.
_INDEX_SECONDS = 60.0
_WORST_FIRST = (3, 4, 1, 0)


def run(options: BackfillOptions, console: Console) -> int:
    """Publishes the verdicts that are missing; gives the worst exit code of those.

    What a run that was killed left to do for a verdict is done first, and for each window in its turn.

    Raises:
      UsageError: the configuration or the span is wrong.
      InputError: a verdict could not be published. The same command goes on where this one ended.
    """
    config = load(options.config, *common.overrides(options.beam_args))
    spans = spans_of(config, options)
    missing = [span for span in spans if options.rerun or not window_run.judged(config.folder(span))]
    console.step(
        f"{config.model}: {formatting.counted(len(spans), 'window')}, {len(missing):,} without a verdict"
    )
    if options.dry_run:
        console.lines(f"would run {series.window_name(*span)}" for span in missing)
        return 0
    codes = _Backfill(config, options, console, missing).run(spans)
    refresh_series(config.output)
    console.result("index", f"{config.output}/index.html")
    console.fact("windows", len(spans))
    console.fact(
        "exit_codes", {str(code): number for code, number in sorted(collections.Counter(codes).items())}
    )
    return next((code for code in _WORST_FIRST if code in codes), 0)


def spans_of(config: ModelConfig, options: BackfillOptions) -> list[Span]:
    """The windows of the span that have ended, and whose logs have come.

    Raises:
      UsageError: a time is none, or there are too many windows, or none.
    """
    zone, now = config.window.zone, clock.now() - config.window.lateness
    first = _time("--from", options.first, config)
    until = now if options.until is None else min(_time("--to", options.until, config), now)
    every = options.every or config.window.every
    if (until - first) / every > MOST_WINDOWS:
        raise UsageError(f"--from: more than {MOST_WINDOWS:,} windows; take a shorter span")
    if first.microsecond:
        raise UsageError(f"--from: expected a full second, got {options.first!r}")
    spans = list(local_windows.consecutive(first, until, every, zone)) if until > first else []
    if not spans:
        ended = f"has ended by {until.isoformat()}, with its logs"
        raise UsageError(f"no window from {first.isoformat()} on {ended}")
    return spans


def _time(flag: str, text: str, config: ModelConfig) -> dt.datetime:
    try:
        return local_windows.parse_local(text, config.window.zone)
    except (ValueError, OverflowError):
        raise UsageError(f"{flag}: expected a date or time such as 2013-07-14, got {text!r}") from None


class _Backfill:
    """The windows in their order, and how far they are."""

    def __init__(
        self, config: ModelConfig, options: BackfillOptions, console: Console, missing: Sequence[Span]
    ) -> None:
        self._config, self._options, self._console = config, options, console
        self._missing = frozenset(missing)
        self._started = self._rendered = time.monotonic()
        self._codes = list[int]()

    def run(self, spans: Sequence[Span]) -> list[int]:
        """Goes through all windows; gives the exit codes of those that were run."""
        for span in spans:
            if span in self._missing:
                self._codes.append(self._run(span))
            elif (stands := window_run.judged(self._config.folder(span))) is not None:
                window_run.mend(self._config, self._config.folder(span), stands, self._console)
        return self._codes

    def _run(self, span: Span) -> int:
        quiet = Console(io.StringIO(), errors := io.StringIO(), terminal=False)
        is_due = time.monotonic() - self._rendered > _INDEX_SECONDS
        code = self._config.exit_code(
            window_run.run_window(
                self._config, span, quiet, judge_incomplete=self._options.judge_incomplete, with_index=is_due
            )
        )
        if is_due:
            self._rendered = time.monotonic()
        name = series.window_name(*span)
        self._console.step(f"{len(self._codes) + 1} of {len(self._missing)}: {name}: {self._outcome(span)}")
        for line in errors.getvalue().splitlines():
            self._console.warning(f"{name}: {line.removeprefix('trueserve: ')}")
        return code

    def _outcome(self, span: Span) -> str:
        """What stands of the window that was run last, and how long the others will take."""
        stands = series.standing(self._config.folder(span))
        done, seconds = len(self._codes) + 1, time.monotonic() - self._started
        left = seconds / done * (len(self._missing) - done)
        headline = "nothing stands"
        if stands is not None:
            headline = f"{stands.outcome}: {formatting.headline(stands.document).partition('. ')[0]}"
        return f"{headline} ({_minutes(seconds)} so far, about {_minutes(left)} to go)"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
