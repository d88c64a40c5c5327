"""`trueserve alerts`: what follows from published verdicts, and what an earlier delivery could not send."""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from pathlib import Path

from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.published.alerts import AlertsOptions
from trueserve.transforms.alerts import missing, published, settings
from trueserve.transforms.alerts.context import Window
from trueserve.transforms.alerts.deliver import deliver, delivered_through
from trueserve.transforms.alerts.sending import Delivery, Occasion, send_tests
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.tables import SettingsError
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.publish.formatting import counted
from trueserve.transforms.verdict.wording import plain

_LARGEST = 16 << 20  # bytes of a configuration


def run(options: AlertsOptions, console: Console) -> int:
    """Sends what is to be sent; 3 if not all of it was. Raises UsageError for a wrong configuration."""
    alerts = read_settings(options.config)
    now = dt.datetime.now(dt.UTC)
    if options.test:
        series = options.series or "trueserve"
        reports = send_tests(
            alerts,
            Occasion(
                options.output,
                now,
                page_url=options.page_url or "",
                series=series,
                environment=os.environ,
            ),
        )
    else:
        reports = _delivered(alerts, options, now)
    console.lines([line for report in reports for line in _lines(report)])
    return 3 if any(report.undelivered or report.problems for report in reports) else 0


def read_settings(path: str) -> tuple[AlertSettings, ...]:
    """The alerts of a configuration. Raises UsageError where it is no TOML or has a mistake."""
    try:
        with Path(path).open("rb") as stream:
            document = tomllib.loads(stream.read(_LARGEST).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {plain(str(error))}") from error
    if not document.get("alerts"):
        raise UsageError(f"{path} has no table [[alerts]]")
    try:
        return settings.parse(document["alerts"])
    except SettingsError as error:
        raise UsageError(f"{path}: {error}") from error


def _delivered(
    alerts: tuple[AlertSettings, ...], options: AlertsOptions, now: dt.datetime
) -> tuple[Delivery, ...]:
    if not paths.exists(options.output):
        raise UsageError(f"there is no folder {options.output!r}")
    documents = published.documents(options.output, delivered_through(options.output, alerts))
    return deliver(
        options.output,
        documents,
        alerts,
        now,
        page_url=options.page_url or "",
        series=options.series or "",
        missing=_missing(options, now),
    )


def _missing(options: AlertsOptions, now: dt.datetime) -> tuple[Window, ...]:
    if options.every is None:
        return ()
    return missing.missing(options.output, options.duration("every"), now, options.duration("delay"))


def _lines(report: Delivery) -> list[str]:
    """`team: 2 messages sent, 1 waits`, and what went wrong."""
    facts = [f"{counted(report.sent, 'message')} sent"]
    facts += [f"{report.waiting:,} waiting"] if report.waiting else []
    facts += [f"{report.undelivered:,} undelivered, for the next call"] if report.undelivered else []
    return [f"{report.alert}: {', '.join(facts)}", *(f"  {problem}" for problem in report.problems)]
