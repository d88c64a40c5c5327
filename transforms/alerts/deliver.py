"""Alerts of published verdicts, delivered. Nothing of it is raised: an alert never costs a verdict.

Each message is in the alert's ledger before it is sent and after it was. A process that is killed in between
leaves it as `sending`: the next delivery sends it again, with the same id, and marked as a repetition.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueserve.transforms.alerts import ledger
from trueserve.transforms.alerts.context import Window, window_of
from trueserve.transforms.alerts.ledger import MALFORMED
from trueserve.transforms.alerts.sending import Delivering, Delivery, Occasion
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.transport import Pace
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.publish.formatting import visible

Json = Mapping[str, Any]
_LONGEST_SERIES = 80


def deliver(
    output: str,
    documents: Sequence[Json],
    settings: Iterable[AlertSettings],
    now: dt.datetime,
    *,
    page_url: str = "",
    series: str = "",
    missing: Sequence[Window] = (),
    environment: Mapping[str, str] | None = None,
    pace: Pace | None = None,
) -> tuple[Delivery, ...]:
    """Sends what follows from verdicts, and what an earlier delivery could not send.

    To be called after each published window. Who may have been killed since calls it with the documents of
    all windows that end at or after `delivered_through`: each event is alerted once, however often its
    document comes. Without documents it sends what waits.

    Args:
      output: the folder of the series; the state lies in `OUTPUT/alerts/`.
      documents: contents of verdict.json, in any order; what is no verdict is left out, and named.
      now: the time, with a time zone.
      page_url: the URL under which people read `output`; alerts link to `page_url/runs/RUN/report.html`.
      series: a name for people; the last part of `output` without one.
      missing: windows without a verdict (`missing.windows`).
      environment: where `env:NAME` is looked up; the process's own without.

    Returns one report for each alert. Raises nothing.
    """
    occasion = Occasion(
        output,
        now,
        _in_order(documents),
        missing,
        page_url,
        visible(series or output.rstrip("/").rpartition("/")[2] or "trueserve", _LONGEST_SERIES),
        os.environ if environment is None else environment,
        pace or Pace(),
    )
    return tuple(_delivered(alert, occasion) for alert in settings)


def delivered_through(output: str, settings: Iterable[AlertSettings]) -> dt.datetime | None:
    """The end of the newest window that all alerts, those aside that are new, have looked at; None if none.

    Where windows have several lengths, it is earlier by the longest.

    Raises InputError where a ledger cannot be read.
    """
    ends = [ledger.read(output, alert.name).newest_end() for alert in settings]
    return min((end for end in ends if end is not None), default=None)


def _in_order(documents: Sequence[Json]) -> tuple[Json, ...]:
    return tuple(sorted(documents, key=_order))


def _order(document: Json) -> tuple[dt.datetime, dt.datetime]:
    """By the end of the window, then its start; an unbounded one, and what is no verdict, comes last."""
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    try:
        window = window_of(document)
    except MALFORMED:
        return latest, latest
    return window.end or latest, window.start or dt.datetime.min.replace(tzinfo=dt.UTC)


def _delivered(alert: AlertSettings, occasion: Occasion) -> Delivery:
    """One alert; whatever goes wrong, the others have their turn."""
    try:
        with ledger.locked(occasion.output) as is_free:
            if not is_free:
                return Delivery(
                    alert.name, problems=("another process delivers alerts: left to the next run",)
                )
            return Delivering(alert, occasion, ledger.read(occasion.output, alert.name)).run()
    except TrueserveError as error:
        return Delivery(alert.name, problems=(str(error),))
    except Exception as error:  # noqa: BLE001 - the verdict is published, and must not be lost by this
        return Delivery(alert.name, problems=(f"not delivered: {type(error).__name__}",))
