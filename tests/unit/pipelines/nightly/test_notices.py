"""A published verdict is told to whoever the file names, and what goes wrong costs a line alone."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support import alerts as support

from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.config.outlets import Outlets
from trueserve.pipelines.nightly import notices
from trueserve.transforms.alerts import settings
from trueserve.transforms.metrics.settings import MetricsSettings
from trueserve.transforms.runs import series


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OPENLINEAGE_URL"):
        monkeypatch.delenv(name, raising=False)


def config(output: Path, **outlets: Any) -> ModelConfig:
    return ModelConfig("m.toml", "rides", str(output), {"logs": "logs/*"}, outlets=Outlets(**outlets))


def published(output: Path, day: int) -> dict[str, Any]:
    """The verdict of a day, in its folder."""
    document = support.verdict(day, support.incident())
    start, end = (dt.datetime.fromisoformat(document["window"][key]) for key in ("start", "end"))
    folder = Path(series.window_folder(str(output), start, end))
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text(json.dumps(document))
    return document


def tell(of: ModelConfig, document: dict[str, Any], day: int) -> list[str]:
    now = support.moment(day)
    return notices.tell(of, document, now - dt.timedelta(seconds=9), now)


def test_alerts_metrics_and_lineage_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = published(tmp_path / "out", 1)
    with support.http_server() as hook, support.http_server() as gateway:
        monkeypatch.setenv("HOOK", hook.url)
        of = config(
            tmp_path / "out",
            alerts=settings.parse([{"name": "team", "type": "webhook", "url": "env:HOOK"}]),
            metrics=MetricsSettings(
                str(tmp_path / "t.prom"), gateway.url.removesuffix("/hook"), str(tmp_path / "events.jsonl")
            ),
        )
        assert tell(of, document, 1) == []
        assert tell(of, document, 1) == []  # after a kill
    assert [each["count"] for each in hook.documents] == [1]
    assert {path for path, _, _ in gateway.requests} == {"/metrics/job/trueserve/series/rides"}
    assert 'trueserve_run_duration_seconds{series="rides"} 9.0' in (tmp_path / "t.prom").read_text()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    [output] = events[1]["outputs"]
    assert output["name"].endswith("/out/windows/2026-11-01T00Z_P1D/verdict.json")


def test_a_window_that_is_not_the_latest_changes_no_metric(tmp_path: Path) -> None:
    first, _ = (published(tmp_path / "out", day) for day in (1, 2))
    of = config(tmp_path / "out", metrics=MetricsSettings(str(tmp_path / "t.prom")))
    assert tell(of, first, 3) == []
    assert not (tmp_path / "t.prom").exists()


def test_what_cannot_be_told_is_a_line_and_the_others_have_their_turn(tmp_path: Path) -> None:
    document = published(tmp_path / "out", 1)
    (tmp_path / "file").write_text("")
    of = config(
        tmp_path / "out",
        alerts=settings.parse([{"name": "team", "type": "webhook", "url": "env:NO_SUCH_NAME"}]),
        metrics=MetricsSettings(str(tmp_path / "file" / "t.prom"), lineage=str(tmp_path / "events.jsonl")),
    )
    lines = tell(of, document, 1)
    assert [line.partition(":")[0] for line in lines] == ["alert team", "textfile"]
    assert "env:NO_SUCH_NAME is not set" in lines[0]
    assert (tmp_path / "events.jsonl").exists()


def test_links_are_to_the_page_of_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = published(tmp_path / "out", 1)
    (tmp_path / "out" / "latest.json").write_text("{}")
    with support.http_server() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        alerts = settings.parse([{"name": "team", "type": "webhook", "url": "env:HOOK"}])
        of = config(tmp_path / "out", alerts=alerts, page_url="https://pages.example/skew/")
        assert tell(of, document, 1) == []
    [sent] = hook.documents
    assert sent["link"] == "https://pages.example/skew/windows/2026-11-01T00Z_P1D/report.html"
