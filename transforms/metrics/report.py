"""A run's metrics, its trace and its lineage, sent to all that the settings and the environment name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.transport import DeliveryError, Pace
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.metrics import openlineage, otlp, prometheus
from trueserve.transforms.metrics.families import Run
from trueserve.transforms.metrics.otlp import Step
from trueserve.transforms.metrics.settings import MetricsSettings

Json = dict[str, Any]


def report(
    run: Run,
    settings: MetricsSettings,
    inputs: Sequence[str],
    output: str,
    environment: Mapping[str, str],
    *,
    steps: Sequence[Step] = (),
    pace: Pace | None = None,
) -> tuple[str, ...]:
    """Sends all of it; to be called after each published window, and never for a rerun of an old one.

    Args:
      inputs: what was read, the logs first, for the lineage.
      output: the folder of the series.

    Returns what could not be sent, a line each, without secrets. Raises nothing: the verdict stands.
    """

    def events() -> tuple[Json, Json]:
        return openlineage.events(run, inputs, output, environment)

    tasks = _tasks(run, settings, events, environment=environment, steps=steps, pace=pace)
    return tuple(line for name, send in tasks if (line := _problem(name, send)) is not None)


def _tasks(
    run: Run,
    settings: MetricsSettings,
    events: Callable[[], tuple[Json, Json]],
    *,
    environment: Mapping[str, str],
    steps: Sequence[Step],
    pace: Pace | None,
) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is to be sent, by the name of who gets it."""
    textfile, gateway, lineage = settings.textfile, settings.pushgateway, settings.lineage
    if textfile is not None:
        yield "textfile", lambda: prometheus.write(textfile, run, settings.worst)
    if gateway is not None:
        yield "Pushgateway", lambda: prometheus.push(_url(gateway, environment), run, settings.worst, pace)
    yield "OpenTelemetry", lambda: otlp.export(run, steps, environment=environment, pace=pace)
    if lineage is not None:
        yield "lineage", lambda: openlineage.write(lineage, events())
    if environment.get("OPENLINEAGE_URL"):
        yield "OpenLineage", lambda: openlineage.send(events(), environment, pace)


def _url(gateway: str | Secret, environment: Mapping[str, str]) -> str:
    return gateway.value(environment) if isinstance(gateway, Secret) else gateway


def _problem(name: str, send: Callable[[], object]) -> str | None:
    """What went wrong, in one line; None if nothing did."""
    try:
        send()
    except (TrueserveError, DeliveryError) as error:
        return f"{name}: {error}"
    except Exception as error:  # noqa: BLE001 - the verdict is published, and must not be lost by this
        return f"{name}: {type(error).__name__}"  # its text may quote what was sent
    return None
