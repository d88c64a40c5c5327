"""OpenLineage: events that its specification takes, and what they say of window, inputs and features."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from support.alerts import Clock, http_server
from support.metrics import HOSTILE, make_run
from support.openlineage_schema import RUN_EVENT
from support.page import make_finding
from support.page_documents import make_entry

from trueserve.transforms.alerts.transport import DeliveryError
from trueserve.transforms.metrics import openlineage

INPUTS = ("gs://logs/flights/%Y/%m/%d/*", "/data/baseline")
FINDING = make_finding("carrier").to_json()


def events(outcome: str = "skew", **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    run = make_run(outcome, findings=[FINDING], **fields)
    return openlineage.events(run, INPUTS, "/out", {})


@pytest.mark.parametrize("outcome", ["ok", "skew", "not_examined", "failed"])
def test_events_are_what_the_specification_asks_for(outcome: str) -> None:
    entries = [make_entry(name, 0.4) for name in (HOSTILE, "x" * 500)]
    for fields in ({}, {"features": entries, "series": HOSTILE}):
        for event in events(outcome, **fields):
            RUN_EVENT.validate(json.loads(json.dumps(event)))


def test_schema_of_the_tests_can_fail() -> None:
    _, event = events()
    for path in (("run", "runId"), ("eventTime",), ("job", "namespace"), ("inputs", 0, "name")):
        broken: Any = copy.deepcopy(event)
        inner = broken
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = "no" if path[-1] in ("runId", "eventTime") else ""
        assert not RUN_EVENT.is_valid(broken)


def test_run_begins_and_ends_with_the_window_as_its_nominal_time() -> None:
    start, end = events()
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert start["eventTime"] < end["eventTime"]
    nominal = end["run"]["facets"]["nominalTime"]
    assert nominal["nominalStartTime"] == "2026-11-01T00:00:00Z"
    assert nominal["nominalEndTime"] == "2026-11-02T00:00:00Z"
    assert [event["eventType"] for event in events("failed")] == ["START", "FAIL"]
    unbounded = events(window={"start": None, "end": "2026-11-02T00:00:00Z"})[1]
    assert "nominalTime" not in unbounded["run"]["facets"]


def test_inputs_and_outputs_have_the_names_of_the_specification() -> None:
    _, end = events()
    assert [(each["namespace"], each["name"]) for each in end["inputs"]] == [
        ("gs://logs", "flights/%Y/%m/%d/*"),
        ("file", "/data/baseline"),
    ]
    assert end["outputs"] == [{"namespace": "file", "name": "/out/verdict.json"}]
    table = openlineage.dataset_name("bq://project.dataset.table")
    assert table == {"namespace": "bigquery", "name": "project.dataset.table"}


def test_each_compared_feature_is_an_assertion_and_what_was_not_is_skipped() -> None:
    _, end = events()
    facets = end["inputs"][0]["inputFacets"]
    assertions = {each["column"]: each for each in facets["dataQualityAssertions"]["assertions"]}
    assert {name: each["success"] for name, each in assertions.items()} == {"carrier": False, "fare": True}
    assert (assertions["carrier"]["expected"], assertions["carrier"]["actual"]) == ("< 0.025", "0.4")
    tests = {each["name"]: each["status"] for each in end["run"]["facets"]["test"]["tests"]}
    assert tests == {"raw.carrier": "fail", "raw.fare": "pass", "raw.stops": "skip"}
    # A run that examined nothing says nothing of features.
    assert events("failed")[1]["run"]["facets"]["test"]["tests"] == []


def test_warning_is_a_test_that_fails_and_blocks_nothing() -> None:
    run = make_run(findings=[{**FINDING, "severity": "warning"}])
    (carrier, *_) = openlineage.events(run, INPUTS, "/out", {})[1]["run"]["facets"]["test"]["tests"]
    assert (carrier["status"], carrier["severity"]) == ("fail", "warn")


def test_events_go_to_a_file_or_a_server(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    openlineage.write(str(path), events())
    assert [json.loads(line)["eventType"] for line in path.read_bytes().splitlines()] == ["START", "COMPLETE"]
    with http_server(path="") as server:
        assert openlineage.send(
            events(), {"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": "s3cr3t-key"}
        )
    assert [path for path, _, _ in server.requests] == ["/api/v1/lineage"] * 2
    assert all(headers["Authorization"] == "Bearer s3cr3t-key" for _, headers, _ in server.requests)
    assert not openlineage.send(events(), {})


def test_server_that_refuses_is_named_without_the_key() -> None:
    with http_server((403, {}, b"bad key s3cr3t-key"), path="") as server:
        environment = {"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": "s3cr3t-key"}
        with pytest.raises(DeliveryError) as caught:
            openlineage.send(events(), environment, Clock().pace())
    assert str(caught.value) == "the receiver answered HTTP 403: bad key [secret]"
