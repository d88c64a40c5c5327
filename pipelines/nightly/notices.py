"""Whom a verdict is told to once it is published: alerts, metrics, lineage. None of it costs the verdict."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.transforms.alerts.deliver import deliver
from trueserve.transforms.metrics.families import Run
from trueserve.transforms.metrics.report import report
from trueserve.transforms.runs import series

Json = Mapping[str, Any]


def tell(config: ModelConfig, document: Json, started: dt.datetime, now: dt.datetime) -> list[str]:
    """Tells whoever the file names of one window's verdict. Gives what went wrong, a line each.

    What a killed run has told is not told again by alerts; metrics and lineage are the same whoever writes
    them. These are of the latest window alone: a rerun of an old one changes none.
    """
    lines = [*_alerted(config, document, now)]
    known = series.latest(config.output)
    if known is not None and known[1].document.get("window") == document.get("window"):
        run = Run(document, config.model, started, now)
        inputs = [str(path) for name in ("logs", "baseline") if (path := config.options.get(name))]
        folder = config.window_path(known[0])
        lines += report(run, config.outlets.metrics, inputs, folder, os.environ)
    return lines


def _alerted(config: ModelConfig, document: Json, now: dt.datetime) -> Iterator[str]:
    outlets = config.outlets
    deliveries = deliver(
        config.output, [document], outlets.alerts, now, page_url=outlets.page_url, series=config.model
    )
    for delivery in deliveries:
        yield from (f"alert {delivery.alert}: {problem}" for problem in delivery.problems)
