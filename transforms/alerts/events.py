"""What a verdict means for one alert: which events follow, given what was alerted before.

Not the states of the document alone decide. Its incidents are compared with those that the receiver knows of,
so that an incident is announced once even if the run that would have done it died, and ends once.
"""

from __future__ import annotations

from trueserve.transforms.alerts import incident_events, run_events
from trueserve.transforms.alerts.context import EXAMINED, Context, Json, iso, window_of
from trueserve.transforms.alerts.ledger import time_of
from trueserve.transforms.alerts.message import Event


def of_document(document: Json, context: Context) -> list[Event]:
    """The events of a verdict, and the ledger brought up to it.

    A window that ends before the newest one of its length that was looked at says nothing of today: it can
    only end its own failure. Raises ValueError, TypeError or KeyError where the document is no verdict.
    """
    window, ledger = window_of(document), context.ledger
    length = str(window.seconds or 0.0)
    through = time_of(ledger.through.get(length))
    events = list(run_events.recovered(document, window, context))
    if through is not None and window.end is not None and window.end < through:
        return events
    if (end := iso(window.end)) is not None:
        ledger.through.pop(length, None)  # the newest stands last
        ledger.through[length] = end
    events += run_events.of_run(document, window, context)
    if document["verdict"] in EXAMINED:
        events += incident_events.of_incidents(document, window, context)
    return events
