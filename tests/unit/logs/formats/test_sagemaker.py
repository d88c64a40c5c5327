from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.events import DecodedLog, decode
from support.logs import as_float32, settings

from trueserve.transforms.core.batches import Window
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.sagemaker import SageMakerParser

ROWS = [{"age": 30, "fare": 1.5, "word": "a"}, {"age": 31, "fare": 2.5, "word": "ü"}]
WANTED = [
    {"age": [30], "fare": [1.5], "word": [b"a"]},
    {"age": [31], "fare": [2.5], "word": ["ü".encode()]},
]
COLUMNS = ("age", "fare", "word")
CSV = "30,1.5,a\n31,2.5,ü\n"
TIME = dt.datetime(2022, 2, 14, 17, 25, 49, tzinfo=dt.UTC)


def part(data: Any, kind: str | None = "application/json", encoding: str = "JSON") -> dict[str, Any]:
    named = {} if kind is None else {"observedContentType": kind}
    return {**named, "mode": "INPUT", "data": data, "encoding": encoding}


def capture(given_input: Any, output: Any = None, **event: Any) -> dict[str, Any]:
    captured = {"endpointInput": given_input, "endpointOutput": output}
    metadata = {"eventId": "e-1", "inferenceTime": "2022-02-14T17:25:49Z", **event}
    return {
        "captureData": {name: value for name, value in captured.items() if value is not None},
        "eventMetadata": metadata,
        "eventVersion": "0",
    }


def run(*records: Any, **changes: Any) -> DecodedLog:
    return decode(Format.SAGEMAKER, records, **{"columns": COLUMNS, **changes})


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


LISTS = [[30, 1.5, "a"], [31, 2.5, "ü"]]
BODIES = {
    "instances": part(json.dumps({"instances": ROWS})),
    "instances parsed": part({"instances": ROWS}),
    "inputs": part(json.dumps({"inputs": {"age": [30, 31], "fare": [1.5, 2.5], "word": ["a", "ü"]}})),
    "lists": part(json.dumps(LISTS)),
    "objects": part(json.dumps(ROWS)),
    "features": part(json.dumps({"instances": [{"features": row} for row in LISTS]})),
    "charset": part(json.dumps({"instances": ROWS}), "application/json; charset=utf-8"),
    "base64": part(b64(json.dumps({"instances": ROWS})), encoding="BASE64"),
    "lines": part("\n".join(map(json.dumps, ROWS)), "application/jsonlines"),
    "lines, features": part(
        "".join(json.dumps({"features": row}) + "\r\n" for row in LISTS), "application/jsonlines"
    ),
    "lines, base64": part(b64("\n\n".join(map(json.dumps, LISTS))), "application/jsonlines", "BASE64"),
    "lines, charset, base64": part(
        b64("\n".join(map(json.dumps, ROWS))), "application/jsonlines;charset=UTF-8", "BASE64"
    ),
    "csv": part(CSV, "text/csv", "CSV"),
    "csv, crlf": part(CSV.replace("\n", "\r\n"), "text/csv; charset=utf-8", "CSV"),
    "csv, no newline": part(CSV.strip(), "text/csv", "CSV"),
    "csv, base64": part(b64(CSV), "text/csv", "BASE64"),
    "csv, bom": part(b64("\ufeff" + CSV), "text/csv", "BASE64"),
    "csv by its encoding": part(CSV, None, "CSV"),
    "json by its encoding": part(json.dumps({"instances": ROWS}), None),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_of_every_kind_give_the_same_rows(body: dict[str, Any]) -> None:
    outcome = run(capture(body))
    assert outcome.rows == WANTED
    assert outcome.column("time") == [TIME, TIME]
    assert outcome.column("request_id") == ["e-1", "e-1"]
    assert outcome.column("record") == [0, 0]


def test_a_row_alone_is_one_instance() -> None:
    assert run(capture(part(json.dumps(ROWS[0])))).rows == WANTED[:1]
    assert run(capture(part(json.dumps(LISTS[0])))).rows == WANTED[:1]


def test_features_is_a_feature_where_the_schema_has_it() -> None:
    from support.logs import SCHEMA
    from tensorflow_metadata.proto.v0 import schema_pb2

    from trueserve.transforms.logs.features import expected_features

    schema = schema_pb2.Schema()
    schema.CopyFrom(SCHEMA)
    schema.feature.add(name="features", type=schema_pb2.FLOAT)
    record = capture(part(json.dumps({"instances": [{"features": [1.5, 2.5]}]})))
    assert run(record, expected=expected_features(schema, serving=True)).rows == [{"features": [1.5, 2.5]}]


def test_the_sample_of_the_developer_guide() -> None:
    """The record in AWS's page "Capture data from real-time endpoint", its values cut to three columns."""
    line = (
        '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT",'
        '"data":"69,153.7,x\\n","encoding":"CSV"},"endpointOutput":{"observedContentType":'
        '"text/csv; charset=utf-8","mode":"OUTPUT","data":"0.0254181120544672","encoding":"CSV"}},'
        '"eventMetadata":{"eventId":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","inferenceTime":'
        '"2022-02-14T17:25:49Z"},"eventVersion":"0"}'
    )
    outcome = run(json.loads(line), responses=True)
    assert outcome.rows == [{"age": [69], "fare": [as_float32(153.7)], "word": [b"x"]}]
    assert outcome.column("response") == ['"0.0254181120544672"']
    assert outcome.column("time") == [TIME]
    assert outcome.column("request_id") == ["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"]


def test_empty_cells_are_missing() -> None:
    assert run(capture(part("30,,a\n", "text/csv", "CSV"))).rows == [{"age": [30], "word": [b"a"]}]


def test_a_header_is_no_row() -> None:
    assert run(capture(part("age,fare,word\n30,1.5,a", "text/csv", "CSV"))).rows == WANTED[:1]


OUTPUTS = {
    "predictions": part(json.dumps({"predictions": [[0.1], [0.9]]})),
    "outputs": part(json.dumps({"outputs": [[0.1], [0.9]]})),
    "lines": part("[0.1]\n[0.9]\n", "application/jsonlines"),
    "base64": part(b64(json.dumps({"predictions": [[0.1], [0.9]]})), encoding="BASE64"),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_outputs_are_answers_where_they_are_wanted(output: dict[str, Any]) -> None:
    record = capture(BODIES["instances"], output)
    assert run(record, responses=True).column("response") == ["[0.1]", "[0.9]"]
    assert run(record).column("response") == [None, None]


def test_answers_in_csv_are_lines() -> None:
    for text in ("0.1\n0.9\n", "0.1\r\n0.9"):
        outcome = run(capture(BODIES["instances"], part(text, "text/csv", "CSV")), responses=True)
        assert outcome.column("response") == ['"0.1"', '"0.9"']


def test_answers_are_read_where_they_are_wanted_and_as_many_as_the_rows() -> None:
    record = capture(BODIES["instances"], OUTPUTS["lines"])
    shorter = capture(BODIES["instances"], part("[0.1]", "application/jsonlines"))
    wanted = SageMakerParser(settings(responses=True))
    assert wanted.parse(record).responses == [[0.1], [0.9]]
    assert wanted.parse(shorter).responses is None
    assert SageMakerParser(settings()).parse(record).responses is None


@pytest.mark.parametrize(
    "output",
    [
        None,
        part(json.dumps({"predictions": [1]})),
        part("no json"),
        part("%", encoding="BASE64"),
        part(json.dumps({"error": "x"})),
        {},
        "text",
    ],
)
def test_a_request_does_not_fail_for_its_answer(output: Any) -> None:
    outcome = run(capture(BODIES["instances"], output), responses=True)
    assert outcome.rows == WANTED
    assert outcome.column("response") == [None, None]


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        (["source=x", "model_version=7"], "7"),
        ("tfs-model-name=flights,tfs-model-version=7", "7"),
        ({"version": "7"}, "7"),
        (["7"], None),
        ("version", None),
        (7, None),
        (None, None),
    ],
)
def test_the_version_is_taken_where_an_attribute_names_it(attributes: Any, version: str | None) -> None:
    outcome = run(capture(BODIES["instances"], customAttributes=attributes))
    assert outcome.column("version") == [version, version]


def test_model_and_signature_are_taken_where_they_are_said() -> None:
    body = part(json.dumps({"signature_name": "raw", "instances": ROWS[:1]}))
    outcome = run(capture(body, customAttributes=["tfs-model-name=flights"]))
    assert outcome.column("model") == ["flights"]
    assert outcome.column("signature") == ["raw"]


def test_an_inference_id_stands_in_for_the_event_id() -> None:
    outcome = run(capture(BODIES["instances"], eventId=None, inferenceId="i-1"))
    assert outcome.column("request_id") == ["i-1", "i-1"]


def test_windows_go_by_the_time_of_inference() -> None:
    late = capture(BODIES["csv"], inferenceTime="2022-02-14T18:00:00Z")
    none = capture(BODIES["csv"], inferenceTime="noon")
    window = Window(TIME, dt.datetime(2022, 2, 14, 18, tzinfo=dt.UTC))
    counts = run(capture(BODIES["csv"]), late, none, window=window).counts
    assert (counts.decoded, counts.outside_window, counts.no_time) == (1, 1, 1)


BAD: dict[str, list[Any]] = {
    "not_a_capture": [
        {},
        {"captureData": 1},
        {"captureData": {}},
        {"secret": 1},
        {"captureData": [], "eventMetadata": {}},
    ],
    "no_body": [capture(None), capture({}), capture("text"), capture(part(None))],
    "unknown_content_type": [
        capture(part("AAAA", "image/png", "BASE64")),
        capture(part("AAAA", None, "BASE64")),
    ],
    "bad_base64": [capture(part("%%", encoding="BASE64")), capture(part(5, encoding="BASE64"))],
    "not_json": [capture(part("{")), capture(part("{}\n{", "application/jsonlines"))],
    "not_a_request": [capture(part(5, "text/csv", "CSV"))],
    "no_instances": [capture(part('{"instances": []}')), capture(part("", "text/csv", "CSV"))],
}


@pytest.mark.parametrize(
    ("reason", "record"), [(r, record) for r, bad_records in BAD.items() for record in bad_records]
)
def test_what_is_no_capture_is_rejected(reason: str, record: Any) -> None:
    outcome = run(capture(BODIES["csv"]), record)
    assert [(reject.record, reject.reason) for reject in outcome.rejects] == [(1, reason)]
    assert outcome.rows == WANTED


def test_rejects_tell_no_values() -> None:
    secret = "s3cret"
    records = [
        capture(part(secret, kind, encoding), customAttributes=secret)
        for kind in ("application/json", "application/jsonlines", secret)
        for encoding in ("JSON", "BASE64", secret)
    ]
    rejects = run(*records, {"captureData": {}, "eventMetadata": secret}).rejects
    assert len(rejects) > 5
    assert not [reject for reject in rejects if secret in reject.detail]


def test_csv_without_names_says_so() -> None:
    assert [r.reason for r in run(capture(BODIES["csv"]), columns=()).rejects] == ["no_names"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
BODY = JSON | st.builds(lambda rows: {"instances": rows}, JSON)
TEXTS = BODY.map(json.dumps) | st.text(max_size=20) | BODY
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "data": TEXTS | st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode()),
        "encoding": st.sampled_from(["CSV", "JSON", "BASE64", "x"]) | JSON,
        "observedContentType": st.sampled_from(["text/csv", "application/json", "application/jsonlines"])
        | JSON,
    },
)
EVENTS = st.fixed_dictionaries(
    {}, optional={"inferenceTime": JSON, "eventId": JSON, "customAttributes": JSON}
)
CAPTURES = st.fixed_dictionaries(
    {},
    optional={
        "captureData": st.fixed_dictionaries({"endpointInput": PARTS | JSON, "endpointOutput": PARTS | JSON})
        | JSON,
        "eventMetadata": EVENTS | JSON,
    },
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(CAPTURES, max_size=3))
def test_any_record_is_decoded_or_rejected(records: list[Any]) -> None:
    outcome = run(*records, responses=True)
    assert outcome.counts.decoded + outcome.counts.total_rejected == len(records)
