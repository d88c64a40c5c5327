"""Metrics and a trace in a real collector of OpenTelemetry, where one is installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.metrics import HOSTILE, STARTED, free_port, make_run, started

from trueserve.transforms.metrics import otlp
from trueserve.transforms.metrics.otlp import Step

PROGRAMS = ("otelcol", "otelcol-contrib", "otelcorecol", "otelcol-mini")


def test_collector_takes_metrics_and_trace(tmp_path: Path) -> None:
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        pytest.skip("no collector of OpenTelemetry is installed; Debian has no package of one")
    address = f"127.0.0.1:{free_port()}"
    pipeline = {"receivers": ["otlp"], "exporters": ["debug"]}
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": address}}}},
        "exporters": {"debug": {"verbosity": "detailed"}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics": pipeline, "traces": pipeline},
        },
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    run = make_run(series=HOSTILE)
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}", "OTEL_SERVICE_NAME": "night"}
    with started([path, f"--config={tmp_path}/config.yaml"], f"http://{address}/", tmp_path / "log"):
        assert otlp.export(run, [Step("read", STARTED, STARTED)], environment=environment)
    log = (tmp_path / "log").read_text(errors="replace")
    assert "Name: trueserve_incidents" in log
    assert "service.name: Str(night)" in log
    assert "Name           : trueserve run" in log
    assert "Name           : read" in log
