"""`trueserve run`: the last window of a model, or the one that is named, to its verdict."""

from __future__ import annotations

import datetime as dt

from trueserve.pipelines.config.load import load
from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.nightly import common
from trueserve.pipelines.flags.nightly.run import RunOptions
from trueserve.pipelines.nightly import clock, old_windows, window_run
from trueserve.transforms.core.errors import NothingExaminedError, UsageError
from trueserve.transforms.files import local_windows, windows
from trueserve.transforms.files.windows import Span
from trueserve.transforms.runs import series


def run(options: RunOptions, console: Console) -> int:
    """Publishes the verdict of one window, and deletes those that are too old; gives the exit code.

    Raises:
      UsageError: the configuration is wrong; nothing was published.
      NothingExaminedError: the window is too young for its logs to have come.
    """
    config = load(options.config, *common.overrides(options.beam_args))
    span = chosen_window(config, options.span, clock.now())
    _check_age(config, span, clock.now())
    if not options.dry_run:
        window_run.mend_latest(config, console)
    name = series.window_name(*span)
    console.step(f"{config.model}: window {name}, {shown(span, config.window.zone)}")
    console.fact("window", name)
    code = window_run.run_window(
        config, span, console, judge_incomplete=options.judge_incomplete, dry_run=options.dry_run
    )
    if not options.dry_run and config.retention.is_limited:
        old_windows.prune(config.output, config.retention, console)
    return config.exit_code(code)


def chosen_window(config: ModelConfig, text: str | None, now: dt.datetime) -> Span:
    """The window that `--window` means, or without it the last whole one.

    Raises:
      UsageError: the text is no window.
    """
    settings = config.window
    try:
        if text is None:
            span = local_windows.last_of(settings.every, settings.zone, now - settings.lateness)
        else:
            span = series.parsed_name(text) or local_windows.resolve(
                text, settings.zone, now - settings.lateness
            )
        series.window_name(*span)
    except ValueError as error:
        raise UsageError(f"--window: {error}") from None
    return span


def shown(span: Span, zone: dt.tzinfo) -> str:
    """A window in local time, for a person."""
    start, end = (time.astimezone(zone) for time in span)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {zone}"


def _check_age(config: ModelConfig, span: Span, now: dt.datetime) -> None:
    due = span[1] + config.window.lateness
    if due > now:
        local, zone = due.astimezone(config.window.zone), config.window.zone
        late = windows.iso_duration(config.window.lateness)
        came = f"its logs come up to {late} after its end" if config.window.lateness else "it has not ended"
        raise NothingExaminedError(
            f"incomplete: window {series.window_name(*span)}: {came}; run it again after"
            f" {local:%Y-%m-%d %H:%M:%S} {zone}"
        )
