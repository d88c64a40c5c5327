"""`[metrics]`, and a run's report to all that it names: none of them costs the others, or the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.alerts import Clock, http_server
from support.metrics import make_run

from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import SettingsError
from trueserve.transforms.metrics import settings
from trueserve.transforms.metrics.families import Run
from trueserve.transforms.metrics.report import report
from trueserve.transforms.metrics.settings import MetricsSettings


def test_all_get_their_part(tmp_path: Path) -> None:
    with http_server(path="") as server:
        table = {
            "textfile": str(tmp_path / "a.prom"),
            "pushgateway": "env:GATEWAY",
            "lineage": str(tmp_path / "lineage.jsonl"),
            "worst": 1,
        }
        environment = {
            "GATEWAY": server.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
            "OPENLINEAGE_URL": server.url,
        }
        assert report(make_run(), settings.parse(table), ["logs/*"], "out", environment) == ()
    assert [path for path, _, _ in server.requests] == [
        "/metrics/job/trueserve/series/flights",
        "/v1/metrics",
        "/v1/traces",
        "/api/v1/lineage",
        "/api/v1/lineage",
    ]
    assert (tmp_path / "a.prom").read_text().count("trueserve_feature_effect_ratio{") == 1
    assert len([json.loads(line) for line in (tmp_path / "lineage.jsonl").read_text().splitlines()]) == 2


def test_nothing_is_sent_where_nothing_is_named() -> None:
    assert report(make_run(), settings.parse(None), [], "out", {}) == ()


def test_what_fails_costs_nothing_else_and_shows_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "a.prom"
    folder.mkdir()
    wanted = MetricsSettings(str(folder), Secret("env:NONE"), str(tmp_path / "l.jsonl"))
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:s3cr3tpassword@127.0.0.1:1",
        "OPENLINEAGE_URL": "s3cr3turl",
    }
    problems = report(make_run(), wanted, ["logs"], "out", environment, pace=Clock().pace())
    assert [problem.partition(":")[0] for problem in problems] == [
        "textfile",
        "Pushgateway",
        "OpenTelemetry",
        "OpenLineage",
    ]
    assert "s3cr3t" not in str(problems)
    assert (tmp_path / "l.jsonl").exists()
    # What is no verdict is a line for each, too.
    broken = Run({"verdict": "ok"}, "x", make_run().started, make_run().finished)
    assert len(report(broken, wanted, ["logs"], "out", environment, pace=Clock().pace())) == 5


@pytest.mark.parametrize(
    "values",
    [
        {"textfile": "a.txt"},
        {"textfile": "gs://b/a.prom"},
        {"pushgateway": "localhost:9091"},
        {"pushgateway": "https://user:T0KEN@gateway"},
        {"pushgateway": "https://gateway/?key=T0KEN"},
        {"pushgateway": "env:T0KEN "},
        {"lineage": ""},
        {"worst": -1},
        {"worst": True},
        {"wurst": 1},
        3,
    ],
)
def test_mistake_names_its_key_and_no_secret(values: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(values)
    ((path, sentence),) = caught.value.problems
    assert path == (f"metrics.{next(iter(values))}" if isinstance(values, dict) else "metrics")
    assert "T0KEN" not in sentence


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse({"textfile": 1, "worst": "x", "push": 1})
    assert len(caught.value.problems) == 3
