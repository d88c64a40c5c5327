"""Events of KServe: requests of both protocols, other events, and what is no request."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.events import decode
from support.kserve import TIME, V1, V2, WANTED, binary, run, structured
from support.logs import as_float32, settings

from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.kserve import KServeParser
from trueserve.transforms.logs.request import Request, RequestEvent, ResponseEvent


def upper(record: dict[str, Any]) -> dict[str, Any]:
    return {"-".join(map(str.capitalize, n.split("-"))): v for n, v in record.items() if n != "data"}


REQUEST = binary(None)
EVENTS = {
    "structured": structured(V1),
    "structured, text": structured(json.dumps(V1)),
    "structured, base64": structured(None, data_base64=base64.b64encode(json.dumps(V1).encode()).decode()),
    "structured, v2": structured(V2),
    "binary": binary(V1),
    "binary, text": binary(json.dumps(V1)),
    "binary, v2": binary(V2),
    "binary, body": {**binary(None), "body": json.dumps(V1)},
    "canonical headers": {**upper(REQUEST), "data": V1},
    "headers apart": {"headers": upper(REQUEST), "body": V1},
    "headers in lists": {"headers": {n: [v] for n, v in upper(REQUEST).items()}, "data": json.dumps(V1)},
    "kafka headers": {**{n.replace("ce-", "ce_"): v for n, v in REQUEST.items()}, "data": V1},
}


@pytest.mark.parametrize("responses", [False, True])
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_events_of_every_kind_give_the_same_rows(event: dict[str, Any], responses: bool) -> None:
    outcome = run(event, responses=responses)
    assert outcome.rows == WANTED
    first = outcome.metadata[0]
    assert first["time"] == TIME
    assert (first["model"], first["request_id"]) == ("flights", "id-1")
    assert (first["origin"], first["version"], first["signature"]) == ("http://localhost:9081/", None, None)


def test_the_sample_of_the_documentation() -> None:
    """What KServe's page "Inference Logger" shows of its message dumper, as the JSON of those CloudEvents."""
    ids = {"id": "0009174a-24a8-4603-b098-09c8799950e9", "source": "http://localhost:9081/"}
    more = {
        "datacontenttype": "application/json",
        "endpoint": "",
        "namespace": "default",
        "specversion": "1.0",
    }
    shared = {**ids, **more, "inferenceservicename": "sklearn-iris", "traceparent": "00-90-74-00"}
    request = {
        **shared,
        "type": "org.kubeflow.serving.inference.request",
        "time": "2021-04-10T00:23:26.0789529Z",
        "data": {"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]},
    }
    response = {
        **shared,
        "type": "org.kubeflow.serving.inference.response",
        "time": "2021-04-10T00:23:26.080736102Z",
        "data": {"predictions": [1, 1]},
    }
    outcome = run(request, response, columns=("age", "fare", "other", "late"), responses=True)
    assert [row["fare"] for row in outcome.rows] == [[as_float32(2.8)], [as_float32(3.4)]]
    assert outcome.column("response") == ["1", "1"]
    assert outcome.column("model") == ["sklearn-iris"] * 2
    assert outcome.column("record") == [0, 0]


def test_signature_and_version_of_the_body_are_taken() -> None:
    outcome = run(structured({**V1, "signature_name": "raw", "model_version": "3"}))
    assert set(outcome.column("signature")) == {"raw"}
    assert set(outcome.column("version")) == {"3"}


def test_answers_are_not_held_back_for_where_nobody_wants_them() -> None:
    parser = KServeParser(settings())
    assert isinstance(parser.parse(structured(V1)), Request)
    assert parser.parse(structured({"predictions": [1, 2]}, "response")) is None
    wanted = KServeParser(settings(responses=True))
    assert isinstance(wanted.parse(structured(V1)), RequestEvent)
    assert isinstance(wanted.parse(structured({"predictions": [1, 2]}, "response")), ResponseEvent)


def test_a_response_is_decoded_without_rows() -> None:
    counts = run(structured(V1), structured({"predictions": [1, 2]}, "response")).counts
    assert (counts.read, counts.decoded, counts.rows) == (2, 2, 2)


def test_other_events_are_excluded_by_name() -> None:
    outlier = structured({"data": {}}, "outlier")
    counts = run(structured(V1), outlier).counts
    assert (counts.decoded, counts.excluded["other_event"]) == (1, 1)


BAD: dict[str, list[Any]] = {
    "not_a_cloud_event": [{}, {"specversion": "1.0"}, V1, structured(V1, type=5), {"ce-id": "1", "data": V1}],
    "no_body": [structured(None), {**binary(None)}],
    "not_json": [structured("{"), binary("\x00")],
    "not_a_request": [structured({"invalid": [1]}), structured('"1"'), structured(5)],
    "no_names": [structured("[1]"), structured([1])],
    "no_features": [structured({"instances": [{"other": 1}]})],
    "bad_base64": [structured(None, data_base64="%"), structured(None, data_base64=[1])],
    "bad_tensor_shape": [
        structured({"inputs": [{"name": "age", "shape": [-1], "datatype": "INT64", "data": []}]})
    ],
    "no_instances": [structured({"instances": []})],
}


@pytest.mark.parametrize(
    ("reason", "record"), [(r, record) for r, bad_records in BAD.items() for record in bad_records]
)
def test_what_is_no_request_is_rejected(reason: str, record: Any) -> None:
    outcome = run(structured(V1), record)
    assert [(reject.record, reject.reason) for reject in outcome.rejects] == [(1, reason)]
    assert outcome.rows == WANTED


def test_rejects_tell_no_values() -> None:
    records = [structured("s3cret"), structured(["s3cret"]), structured(None, data_base64="s3cret%")]
    rejects = run(*records).rejects
    assert len(rejects) == 3
    assert not [reject for reject in rejects if "s3cret" in reject.detail]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
TENSORS = st.fixed_dictionaries(
    {"name": st.sampled_from(["age", "x"]), "datatype": st.sampled_from(["INT64", "FP32"]) | JSON},
    optional={
        "shape": st.lists(st.integers(-2, 4), max_size=3) | JSON,
        "data": st.lists(JSON, max_size=4) | JSON,
    },
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": JSON,
        "predictions": JSON,
        "inputs": st.lists(TENSORS, max_size=2) | JSON,
        "outputs": st.lists(TENSORS | JSON, max_size=2) | JSON,
        "model_version": JSON,
    },
)
RECORDS = st.builds(
    lambda mode, data, kind, key, more: {**mode(data, kind, key), **more},
    st.sampled_from([structured, binary]),
    BODIES | JSON | BODIES.map(json.dumps),
    st.sampled_from(["request", "response", "x"]),
    st.sampled_from(["a", "b", ""]),
    st.dictionaries(
        st.sampled_from(["time", "ce-time", "headers", "body", "data_base64", "type"]), JSON, max_size=2
    ),
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, max_size=5), st.booleans(), st.integers(1, 5))
def test_any_event_is_counted_once(records: list[Any], responses: bool, chunk: int) -> None:
    counts = decode(Format.KSERVE, records, chunk=chunk, responses=responses).counts
    assert counts.decoded + counts.total_rejected + counts.total_excluded == len(records)
