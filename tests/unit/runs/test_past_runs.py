"""What later runs show of earlier ones: cut down, packed, and harmless whoever wrote it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs import past_runs

FIRST, SECOND, THIRD = (dt.datetime(2024, 5, day, tzinfo=dt.UTC) for day in (1, 2, 3))
NEXT = Window(SECOND, THIRD)
WINDOW = {"start": "2024-05-01T00:00:00Z", "end": "2024-05-02T00:00:00Z"}


def numbers(name: str, effect: float | None) -> dict[str, Any]:
    return {"space": "raw", "feature": name, "effect": effect, "least_effect": 0.025, "metric": "long"}


def document(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "format": 2,
        "verdict": "ok",
        "window": WINDOW,
        "contract": {"much": "text" * 99},
    }
    return {**values, "incidents": [], "features": [], "findings": [], **fields}


def publish(output: Path, number: int, content: str) -> str:
    name = f"20240501T0000{number:02}Z-0123abcd-0123456789ab"
    (output / "runs" / name).mkdir(parents=True)
    (output / "runs" / name / "verdict.json").write_text(content)
    return name


def test_runs_are_read_and_what_is_not_shown_is_left_out(tmp_path: Path) -> None:
    evidence = {"effect": 0.1, "least_effect": 0.025, "parts": ["long"]}
    finding = {"space": "raw", "feature": "a", "kind": "type", "severity": "error", "slice": None}
    infos = [{**finding, "severity": "info"}]
    complete = document(
        features=[numbers("a", 0.1)],
        findings=[{**finding, "message": "long", "evidence": evidence}, *infos],
        incidents=[{"id": "a-000001", "title": "t", "what_to_do": "long"}],
    )
    first, second = (publish(tmp_path, number, json.dumps(complete)) for number in (1, 2))
    runs = past_runs.unpacked(past_runs.read(str(tmp_path), NEXT).packed)
    assert [name for name, _ in runs] == [second, first]
    assert runs[0][1] == {
        "format": 2,
        "verdict": "ok",
        "window": WINDOW,
        "incidents": [{"id": "a-000001", "title": "t"}],
        "features": [{"space": "raw", "feature": "a", "effect": 0.1, "least_effect": 0.025}],
        "findings": [{**finding, "evidence": {"effect": 0.1, "least_effect": 0.025}}],
    }


def test_without_runs_there_is_nothing(tmp_path: Path) -> None:
    assert past_runs.read(str(tmp_path / "gone"), NEXT) == past_runs.PastRuns()
    assert past_runs.unpacked(b"") == []


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"format": 9}', "\x00", '{"format": 2' * 1000])
def test_what_is_no_verdict_is_left_out(content: str, tmp_path: Path) -> None:
    publish(tmp_path, 1, content)
    kept = publish(tmp_path, 2, json.dumps(document()))
    assert [name for name, _ in past_runs.unpacked(past_runs.read(str(tmp_path), NEXT).packed)] == [kept]


@pytest.mark.parametrize("value", [None, 7, "text", {"a": 1}, [1, None, "a", []]])
def test_lists_that_are_none_are_empty(value: object) -> None:
    kept = past_runs.cut(document(incidents=value, features=value, findings=value))
    assert (kept["incidents"], kept["features"], kept["findings"]) == ([], [], [])


def test_of_thousands_of_features_the_most_moved_are_kept(tmp_path: Path) -> None:
    odd = [numbers("odd", None), {"feature": "odd", "effect": "x", "least_effect": 0}]
    features = [*odd, *(numbers(f"f{i}", i / 2000) for i in range(2000))]
    for number in range(past_runs.MOST_RUNS + 5):
        publish(tmp_path / "out", number, json.dumps(document(features=features)))
    data = past_runs.read(str(tmp_path / "out"), NEXT).packed
    runs = past_runs.unpacked(data)
    assert len(runs) == past_runs.MOST_RUNS
    assert {len(run["features"]) for _, run in runs} == {past_runs.MOST_FEATURES}
    assert runs[0][1]["features"][0]["feature"] == "f1999"
    # It goes with the graph, whose request has a limit of 10 MB on Dataflow.
    assert len(data) < 500_000


def published(output: Path, number: int, window: dict[str, str | None], outcome: str = "skew") -> str:
    """A run with one incident, whose id it returns."""
    name = f"a-{number:06}"
    incident = {
        "id": name,
        "kind": "other",
        "key": "k",
        "title": "t",
        "severity": "error",
        "what_to_do": "Look.",
    }
    measured = dict.fromkeys(("share", "metric", "effect", "least_effect", "effective_rows", "since"))
    more = {
        "features": [],
        "state": "new",
        "findings": 1,
        "acknowledged": None,
        "sliced_by": "",
        "what_to_do": "",
    }
    fields: dict[str, Any] = {"incidents": [incident | measured | more], "artifacts": {}, "contract": None}
    publish(output, number, json.dumps(document(verdict=outcome, window=window, **fields)))
    return name


def day(number: int) -> dict[str, str | None]:
    return {"start": f"2024-05-{number:02}T00:00:00Z", "end": f"2024-05-{number + 1:02}T00:00:00Z"}


def incidents(output: Path, window: Window) -> list[str]:
    return [incident.id for incident in past_runs.read(str(output), window).incidents]


def test_incidents_are_those_of_the_last_window_before(tmp_path: Path) -> None:
    last = published(tmp_path, 3, day(1))
    published(tmp_path, 1, {"start": "2024-04-29T00:00:00Z", "end": "2024-04-30T00:00:00Z"})
    # A rerun of the same window, a later one, one of another length, and one that examined nothing.
    published(tmp_path, 4, day(2))
    published(tmp_path, 5, day(3))
    published(tmp_path, 6, {"start": "2024-05-01T23:00:00Z", "end": "2024-05-02T00:00:00Z"})
    published(tmp_path, 7, day(1), "not_examined")
    assert incidents(tmp_path, NEXT) == [last]
    assert incidents(tmp_path, Window(FIRST - dt.timedelta(days=9), FIRST - dt.timedelta(days=8))) == []


def test_the_window_before_may_be_older_than_the_newest_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_runs, "MOST_RUNS", 20)
    last = published(tmp_path, 0, day(1))
    for number in range(1, 60):
        published(tmp_path, number, day(5))
    assert incidents(tmp_path, NEXT) == [last]
