"""OTLP over HTTP: the form of the two requests, and what the environment says about them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.alerts import Clock, http_server, texts
from support.metrics import FINISHED, HOSTILE, STARTED, make_run

from trueserve.transforms.alerts.transport import DeliveryError
from trueserve.transforms.metrics import otlp
from trueserve.transforms.metrics.otlp import Step

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STEPS = (Step("read", STARTED, STARTED), Step(HOSTILE, STARTED, FINISHED))


def spans(**environment: str) -> list[dict[str, Any]]:
    document = otlp.trace(make_run(), STEPS, environment)
    run_and_steps: list[dict[str, Any]] = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return run_and_steps


def test_trace_has_a_span_for_the_run_and_for_each_step() -> None:
    root, *children = spans()
    assert re.fullmatch(r"[0-9a-f]{32}", root["traceId"])
    assert {span["traceId"] for span in children} == {root["traceId"]}
    assert {span["parentSpanId"] for span in children} == {root["spanId"]}
    assert len({span["spanId"] for span in (root, *children)}) == 3
    assert "parentSpanId" not in root
    nanoseconds = int(root["endTimeUnixNano"]) - int(root["startTimeUnixNano"])
    assert nanoseconds == 90_500_000_000
    attributes = {each["key"]: each["value"] for each in root["attributes"]}
    assert attributes["trueserve.rows.compared"] == {"intValue": "990"}
    assert attributes["trueserve.window.end"] == {"stringValue": "2026-11-02T00:00:00Z"}
    assert spans() == [root, *children]  # what is sent twice is one trace


def test_trace_goes_on_where_the_environment_says_so() -> None:
    root, *_ = spans(TRACEPARENT=PARENT)
    assert (root["traceId"], root["parentSpanId"]) == (PARENT[3:35], PARENT[36:52])
    for wrong in ("", "x", PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32), PARENT + "\n"):
        assert "parentSpanId" not in spans(TRACEPARENT=wrong)[0]


def test_failed_run_is_a_failed_span() -> None:
    codes = [
        otlp.trace(make_run(outcome), (), {})["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"][
            "code"
        ]
        for outcome in ("ok", "skew", "failed", "not_examined")
    ]
    assert codes == [1, 1, 2, 2]


def test_both_requests_go_to_their_paths_with_the_headers() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cr3t%2Fkey, x=1",
        "OTEL_SERVICE_NAME": "night",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=prod,wrong,=x,a=%C3%B8",
    }
    with http_server(path="") as server:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url + "/"}
        assert otlp.export(make_run(series=HOSTILE), STEPS, environment={**environment, **endpoint})
    assert [path for path, _, _ in server.requests] == ["/v1/metrics", "/v1/traces"]
    assert all(headers["Api-Key"] == "s3cr3t/key" for _, headers, _ in server.requests)
    metrics, traces = server.documents
    (resource, other) = metrics["resourceMetrics"][0]["resource"], traces["resourceSpans"][0]["resource"]
    values = {each["key"]: each["value"]["stringValue"] for each in resource["attributes"]}
    assert values == {"service.name": "night", "deployment.environment": "prod", "a": "ø"}
    assert other == resource
    names = {each["name"] for each in metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]}
    assert {"trueserve_rows", "trueserve_incidents", "trueserve_last_success_timestamp_seconds"} <= names
    assert "s3cr3t" not in "".join([*texts(metrics), *texts(traces)])


@pytest.mark.parametrize(
    ("environment", "paths"),
    [
        ({}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "/own"}, ["/own"]),
        ({"OTEL_METRICS_EXPORTER": "none"}, ["/v1/traces"]),
        ({"OTEL_TRACES_EXPORTER": "console"}, ["/v1/metrics"]),
        ({"OTEL_SDK_DISABLED": "true"}, []),
    ],
)
def test_environment_says_what_goes_where(environment: dict[str, str], paths: list[str]) -> None:
    with http_server(path="") as server:
        own = {key: value and server.url + value for key, value in environment.items() if "ENDPOINT" in key}
        base = {} if not environment or own else {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url}
        assert otlp.export(make_run(), environment={**base, **environment, **own}) is bool(paths)
    assert [path for path, _, _ in server.requests] == paths


def test_failure_of_one_signal_leaves_the_other_and_shows_no_header() -> None:
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20s3cr3t-token"}
    with http_server((401, {}, b"Bearer s3cr3t-token"), path="") as server:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = server.url
        with pytest.raises(DeliveryError) as caught:
            otlp.export(make_run(), environment=environment, pace=Clock().pace())
    assert len(server.requests) == 2
    assert str(caught.value) == "OpenTelemetry: metrics: the receiver answered HTTP 401: [secret]"


def test_protocol_that_is_not_spoken_is_named() -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(DeliveryError, match="grpc is not spoken"):
        otlp.export(make_run(), environment=environment)
    environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json"
    with pytest.raises(DeliveryError, match="no connection"):
        otlp.export(make_run(), environment=environment, pace=Clock().pace())


def test_numbers_are_finite_and_json() -> None:
    body = json.dumps(otlp.metrics(make_run(series=HOSTILE), {}))
    assert "NaN" not in body
    assert "Infinity" not in body
