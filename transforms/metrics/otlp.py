"""Metrics and one trace of a run for OpenTelemetry: OTLP over HTTP, as JSON.

Nothing but the standard library sends it, so that every stack of dependencies can: the SDK's own exporters
need a protobuf that TensorFlow 2.16 does not take. Collectors take JSON and protobuf on one port.

Settings are OpenTelemetry's own environment variables:
https://opentelemetry.io/docs/specs/otel/protocol/exporter/. The form is that of
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from trueserve.transforms.alerts.transport import DeliveryError, Pace, Request, in_attempts, post
from trueserve.transforms.metrics.families import Family, Run, of_run
from trueserve.transforms.publish.formatting import visible
from trueserve.transforms.runs.run_ids import attempt_of

_SCOPE = {"name": "trueserve"}
_GAUGE_SIGNALS, _TRACE_SIGNALS = ("metrics", "METRICS"), ("traces", "TRACES")
_PROTOCOLS = ("http/protobuf", "http/json")
_TRACE_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_INTERNAL, _OK, _ERROR = 1, 1, 2
_LONGEST = 200
_MOST_PAIRS = 100

Environment = Mapping[str, str]
Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Step:
    """A part of a run, which becomes a span below the run's."""

    name: str
    started: dt.datetime
    finished: dt.datetime


def export(
    run: Run, steps: Sequence[Step] = (), *, environment: Environment, pace: Pace | None = None
) -> bool:
    """Sends a run's metrics and its trace, as far as the environment names a receiver.

    Returns whether anything was to be sent. Raises DeliveryError, without headers and URL, if not all of it
    was: the other signal is sent nevertheless.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    pace, errors = pace or Pace(), []
    bodies = {_GAUGE_SIGNALS: metrics(run, environment), _TRACE_SIGNALS: trace(run, steps, environment)}
    targets = {signal: _target(signal, environment) for signal in bodies}
    for signal, url in targets.items():
        try:
            if url is not None:
                _send(url, signal, bodies[signal], environment, pace)
        except DeliveryError as error:
            errors.append(f"{signal[0]}: {error}")
    if errors:
        raise DeliveryError(f"OpenTelemetry: {'; '.join(errors)}", may_pass=True)
    return any(url is not None for url in targets.values())


def metrics(run: Run, environment: Environment) -> Json:
    """An ExportMetricsServiceRequest."""
    time = _nanoseconds(run.finished)
    gauges = [_gauge(family, time) for family in of_run(run) if family.samples]
    scope = {"scope": _SCOPE, "metrics": gauges}
    return {"resourceMetrics": [{"resource": _resource(environment), "scopeMetrics": [scope]}]}


def trace(run: Run, steps: Sequence[Step], environment: Environment) -> Json:
    """An ExportTraceServiceRequest: a span for the run, and one below it for each step.

    The ids are digests of the run's name: what is sent twice is one trace. With `TRACEPARENT` of the process
    that started the run, its trace goes on.
    """
    name = attempt_of(run.document) or f"{run.series} {run.started.isoformat()}"
    parent = _TRACE_PARENT.fullmatch(environment.get("TRACEPARENT", ""))
    trace_id = parent[1] if parent else _digest(name, 32)
    root = _span("trueserve run", trace_id, _digest(f"{name} run", 16), run.started, run.finished)
    root |= {"attributes": _attributes(_facts(run)), "status": {"code": _OK if run.is_success else _ERROR}}
    if parent:
        root["parentSpanId"] = parent[2]
    children = [
        _span(
            visible(step.name, _LONGEST), trace_id, _digest(f"{name} {at}", 16), step.started, step.finished
        )
        | {"parentSpanId": root["spanId"]}
        for at, step in enumerate(steps)
    ]
    scope = {"scope": _SCOPE, "spans": [root, *children]}
    return {"resourceSpans": [{"resource": _resource(environment), "scopeSpans": [scope]}]}


def _facts(run: Run) -> Json:
    window, counts = run.document["window"], run.document["counts"]
    facts = {
        "trueserve.series": visible(run.series, _LONGEST),
        "trueserve.verdict": run.document["verdict"],
        "trueserve.exit_code": run.document["exit_code"],
        "trueserve.window.start": window["start"],
        "trueserve.window.end": window["end"],
        "trueserve.rows.compared": counts["compared"],
        "trueserve.records.rejected": counts["rejected"],
    }
    return {key: value for key, value in facts.items() if value is not None}


def _gauge(family: Family, time: str) -> Json:
    points = [
        {"attributes": _attributes(dict(labels)), "timeUnixNano": time, "asDouble": value}
        for labels, value in family.samples
    ]
    gauge = {"dataPoints": points}
    return {"name": family.name, "description": family.help, "unit": family.unit, "gauge": gauge}


def _span(name: str, trace_id: str, span_id: str, started: dt.datetime, finished: dt.datetime) -> Json:
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "name": name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(started),
        "endTimeUnixNano": _nanoseconds(max(started, finished)),
    }


def _attributes(values: Mapping[str, Any]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> Json:
    # 64-bit integers are text in this encoding.
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}


def _resource(environment: Environment) -> Json:
    values = dict(_pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    name = environment.get("OTEL_SERVICE_NAME") or values.get("service.name") or "trueserve"
    return {"attributes": _attributes({**values, "service.name": visible(name, _LONGEST)})}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """`key=value,key=value`, each percent-encoded; what is none is left out."""
    for pair in text.split(",")[:_MOST_PAIRS]:
        key, separator, value = pair.partition("=")
        if separator and key.strip():
            yield unquote(key.strip()), unquote(value.strip())


def _nanoseconds(moment: dt.datetime) -> str:
    return str((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1000)


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:length]


def _target(signal: tuple[str, str], environment: Environment) -> str | None:
    """Where a signal goes; None if nowhere."""
    path, name = signal
    if environment.get(f"OTEL_{name}_EXPORTER", "otlp") != "otlp":
        return None
    if own := environment.get(f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT"):
        return own
    endpoint = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{endpoint.rstrip('/')}/v1/{path}" if endpoint else None


def _send(url: str, signal: tuple[str, str], body: Json, environment: Environment, pace: Pace) -> None:
    protocol = _setting("PROTOCOL", signal, environment)
    if protocol and protocol not in _PROTOCOLS:
        raise DeliveryError("the protocol grpc is not spoken; set http/json", may_pass=False)
    headers = dict(_pairs(_setting("HEADERS", signal, environment)))
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    request = Request(url, data, headers)

    def send() -> None:
        post(request, [url, *headers.values()])

    in_attempts(send, pace, pace.monotonic() + pace.longest)


def _setting(name: str, signal: tuple[str, str], environment: Environment) -> str:
    own = environment.get(f"OTEL_EXPORTER_OTLP_{signal[1]}_{name}")
    return own or environment.get(f"OTEL_EXPORTER_OTLP_{name}", "")
