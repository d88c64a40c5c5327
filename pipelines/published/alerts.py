"""`trueserve alerts`: what follows from published verdicts, and what an earlier delivery could not send."""

from __future__ import annotations

import dataclasses
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


@dataclasses.dataclass(frozen=True)
class _Configuration:
    """What a file says to this command.

    Attributes:
      page_url: where people read the output; empty if the file does not say.
      series: the name of what is compared: `run` opens incidents of pagers by it. Empty likewise.
    """

    alerts: tuple[AlertSettings, ...]
    page_url: str
    series: str


def run(options: AlertsOptions, console: Console) -> int:
    """Sends what is to be sent; 3 if not all of it was. Raises UsageError for a wrong configuration."""
    configuration = _read(options.config)
    occasion = Occasion(
        options.output,
        dt.datetime.now(dt.UTC),
        page_url=options.page_url or configuration.page_url,
        series=options.series or configuration.series,
        environment=os.environ,
    )
    if options.test:
        reports = send_tests(configuration.alerts, occasion)
    else:
        reports = _delivered(configuration.alerts, options, occasion)
    console.lines([line for report in reports for line in _lines(report)])
    return 3 if any(report.undelivered or report.problems for report in reports) else 0


def _read(path: str) -> _Configuration:
    """Raises UsageError where it is no TOML or has a mistake."""
    try:
        with Path(path).open("rb") as stream:
            document = tomllib.loads(stream.read(_LARGEST).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {plain(str(error))}") from error
    if not document.get("alerts"):
        raise UsageError(f"{path} has no table [[alerts]]")
    try:
        alerts = settings.parse(document["alerts"])
    except SettingsError as error:
        raise UsageError(f"{path}: {error}") from error
    # The file of a model names it, or is named after it.
    name = document.get("model", Path(path).stem if "baseline" in document else "")
    page_url = document.get("page_url", "")
    for key, value in (("model", name), ("page_url", page_url)):
        if not isinstance(value, str):
            raise UsageError(f"{path}: {key}: expected text")
    return _Configuration(alerts, page_url, name)


def _delivered(
    alerts: tuple[AlertSettings, ...], options: AlertsOptions, occasion: Occasion
) -> tuple[Delivery, ...]:
    if not paths.exists(options.output):
        raise UsageError(f"there is no folder {options.output!r}")
    documents = published.documents(options.output, delivered_through(options.output, alerts))
    return deliver(
        options.output,
        documents,
        alerts,
        occasion.now,
        page_url=occasion.page_url,
        series=occasion.series,
        missing=_missing(options, occasion.now),
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
