"""Whom a verdict is told to once it is published: alerts, metrics, lineage. None of it costs the verdict."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.transforms.alerts.deliver import deliver
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.metrics import openlineage, otlp, prometheus
from trueserve.transforms.metrics.families import Run
from trueserve.transforms.runs import series

Json = Mapping[str, Any]


def tell(config: ModelConfig, document: Json, started: dt.datetime, now: dt.datetime) -> list[str]:
    """Tells whoever the file names of one window's verdict. Gives what went wrong, a line each.

    What a killed run has told is not told again by alerts; metrics and lineage are the same whoever writes
    them. Metrics are those of the latest window: a rerun of an old one changes none.
    """
    lines = [line for report in _alerted(config, document, now) for line in report]
    run = Run(document, config.model, started, now)
    for name, send in _senders(config, run, is_latest=_is_latest(config.output, document)):
        try:
            send()
        except TrueserveError as error:
            lines.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001 - the verdict is published, and must not be lost by this
            lines.append(f"{name}: not sent: {type(error).__name__}")
    return lines


def _alerted(config: ModelConfig, document: Json, now: dt.datetime) -> Iterator[list[str]]:
    outlets = config.outlets
    reports = deliver(
        config.output, [document], outlets.alerts, now, page_url=outlets.page_url, series=config.model
    )
    for report in reports:
        yield [f"alert {report.alert}: {problem}" for problem in report.problems]


def _senders(config: ModelConfig, run: Run, *, is_latest: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is sent beside alerts, by a name for people."""
    outlets, environment = config.outlets, os.environ
    if is_latest:
        textfile, gateway = outlets.textfile, outlets.pushgateway
        if textfile is not None:
            yield "metrics", lambda: prometheus.write(textfile, run)
        if gateway is not None:
            url = gateway.value if isinstance(gateway, Secret) else lambda _: gateway
            yield "Pushgateway", lambda: prometheus.push(str(url(environment)), run)
        yield "OpenTelemetry", lambda: otlp.export(run, environment=environment)
    inputs = [str(config.options["logs"]), *filter(None, (config.options.get("baseline"),))]
    folder = _folder(config.output, run.document)
    if outlets.lineage_file is not None:
        path = outlets.lineage_file
        yield "lineage", lambda: openlineage.write(path, openlineage.events(run, inputs, folder, environment))
    if environment.get("OPENLINEAGE_URL"):
        yield (
            "OpenLineage",
            lambda: openlineage.send(openlineage.events(run, inputs, folder, environment), environment),
        )


def _is_latest(output: str, document: Json) -> bool:
    known = series.latest(output)
    return known is not None and known[1].document.get("window") == document.get("window")


def _folder(output: str, document: Json) -> str:
    """The folder of the window of a verdict."""
    window = document["window"]
    start, end = (dt.datetime.fromisoformat(window[key]) for key in ("start", "end"))
    return series.window_folder(output, start, end)
