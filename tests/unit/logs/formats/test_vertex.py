from __future__ import annotations

import contextlib
import csv
import datetime as dt
import decimal
import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from support import bodies as support
from support.bodies import b64, example, reason_of

from trueserve.transforms.core.batches import Window
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.vertex import VertexParser
from trueserve.transforms.logs.request import BadRecordError

TIME = dt.datetime(2023, 4, 5, 6, 7, 8, 500_000, tzinfo=dt.UTC)
ROWS = [{"age": 3, "word": 'a, "b"\nc'}, {"age": 4, "fare": [1.5]}]
# The columns, their types and which are repeated:
# https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging
RECORD: dict[str, Any] = {
    "endpoint": "projects/1/locations/us-central1/endpoints/2",
    "deployed_model_id": "789",
    "logging_time": "2023-04-05 06:07:08.500000 UTC",
    "request_id": "5123456789012345678",
    "request_payload": [json.dumps(row) for row in ROWS],
    "response_payload": ["[0.25]", "[0.75]"],
}
WANTING = support.settings(responses=True)
PARSER = VertexParser(WANTING)


def test_a_row_is_a_request() -> None:
    request = support.parsed(PARSER, RECORD)
    assert request.instances == ROWS
    assert request.time == TIME.timestamp() * 1e6
    assert (request.model, request.version) == (RECORD["endpoint"], "789")
    assert (request.request_id, request.responses) == ("5123456789012345678", [[0.25], [0.75]])
    assert support.parsed(VertexParser(support.settings()), RECORD).responses is None


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(RECORD["request_payload"]),
        json.dumps(ROWS),
        ROWS,
        [text.encode() for text in RECORD["request_payload"]],
        [json.dumps({"instances": ROWS})],
        json.dumps({"instances": ROWS}),
        [json.dumps({"instances": ROWS[:1]}), json.dumps(ROWS[1])],
    ],
)
def test_instances_and_bodies_in_a_list_or_its_text(payload: object) -> None:
    assert support.parsed(PARSER, RECORD | {"request_payload": payload}).instances == ROWS


def test_one_instance_without_its_list() -> None:
    assert support.parsed(PARSER, RECORD | {"request_payload": json.dumps(ROWS[0])}).instances == ROWS[:1]


def test_a_raw_body_has_a_signature_and_columns_too() -> None:
    body = {"signature_name": "by_tensors", "inputs": {"age": [1, 2]}}
    request = support.parsed(PARSER, RECORD | {"request_payload": [json.dumps(body)]})
    assert (request.signature, request.instances) == ("by_tensors", [{"age": 1}, {"age": 2}])


def test_an_instance_may_have_a_feature_named_as_a_body_has_its_rows() -> None:
    parser = VertexParser(support.settings({"inputs": FeatureType.INT, "age": FeatureType.INT}))
    request = support.parsed(parser, {"request_payload": ['{"inputs": 5, "age": 1}']})
    assert request.instances == [{"inputs": 5, "age": 1}]


def test_instances_may_be_lists_texts_and_serialized_examples() -> None:
    named = VertexParser(support.settings(columns=("age", "word")))
    assert support.parsed(named, {"request_payload": ["[3, null]"]}).instances == [{"age": 3, "word": None}]
    only = VertexParser(support.settings({"word": FeatureType.BYTES}))
    assert support.parsed(only, {"request_payload": ['"a"']}).instances == [{"word": "a"}]
    wrapped = {"request_payload": [json.dumps(b64(example(age=[3])))]}
    assert support.parsed(PARSER, wrapped).instances == [{"age": [3]}]


@pytest.mark.parametrize(
    ("payload", "answers"),
    [
        (["0.5", "0.75"], [0.5, 0.75]),
        ('["0.5", "0.75"]', [0.5, 0.75]),
        (['{"predictions": [0.5, 0.75], "deployedModelId": "789"}'], [0.5, 0.75]),
        (["0.5"], None),
        (["0.5", "secret"], None),
        ([], None),
        (None, None),
        ('{"error": "secret"}', None),
    ],
)
def test_answers_are_one_for_each_instance_or_none(payload: object, answers: object) -> None:
    assert support.parsed(PARSER, RECORD | {"response_payload": payload}).responses == answers


@pytest.mark.parametrize(
    "request_id", [5123456789012345678, decimal.Decimal("5123456789012345678.000000000")]
)
def test_request_ids_are_text_without_a_point(request_id: object) -> None:
    request = support.parsed(PARSER, RECORD | {"request_id": request_id})
    assert request.request_id == "5123456789012345678"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (None, "not_a_request"),
        ("null", "not_a_request"),
        ([], "no_instances"),
        ("[]", "no_instances"),
        ("", "not_json"),
        (["secret"], "not_json"),
        ([""], "not_json"),
        (['{"age": 1}', "[" * 100_000], "nested_too_deeply"),
        (["[1, 2]"], "no_names"),
        (['{"instances": []}'], "no_instances"),
        (['{"instances": 5}'], "not_a_request"),
    ],
)
def test_what_is_no_request_is_a_reject(payload: object, why: str) -> None:
    assert reason_of(PARSER, RECORD | {"request_payload": payload}) == why


@given(support.JSON)
@hypothesis_settings(max_examples=200)
def test_any_record_is_a_request_or_a_reject(value: Any) -> None:
    texts = [json.dumps(value)]
    for payload in (value, [value], texts, texts * 2):
        record = {"request_payload": payload, "response_payload": payload, "request_id": value}
        with contextlib.suppress(BadRecordError):
            assert len(support.parsed(PARSER, record).instances) > 0


def as_json_lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    """Repeated fields as TO_JSON_STRING gives them: CSV has none."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(RECORD))
    writer.writeheader()
    for record in records:
        writer.writerow({n: json.dumps(v) if isinstance(v, list) else v for n, v in record.items()})
    return stream.getvalue().encode()


def as_avro(records: list[dict[str, Any]]) -> bytes:
    """As BigQuery exports the table: NUMERIC is a decimal in bytes, TIMESTAMP a long in microseconds."""
    numeric = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}
    types: dict[str, Any] = {
        "endpoint": ["null", "string"],
        "deployed_model_id": ["null", "string"],
        "logging_time": ["null", {"type": "long", "logicalType": "timestamp-micros"}],
        "request_id": ["null", numeric],
        "request_payload": {"type": "array", "items": "string"},
        "response_payload": {"type": "array", "items": "string"},
    }
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "Root", "fields": fields})
    stream = io.BytesIO()
    fastavro.writer(stream, schema, [typed(record) for record in records])
    return stream.getvalue()


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    kinds = {"logging_time": pa.timestamp("us", tz="UTC"), "request_id": pa.decimal128(38, 9)}
    texts = pa.list_(pa.string())
    fields = [(n, texts if isinstance(v, list) else kinds.get(n, pa.string())) for n, v in RECORD.items()]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([typed(record) for record in records], pa.schema(fields)), sink)
    return bytes(sink.getvalue().to_pybytes())


def typed(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"logging_time": TIME, "request_id": decimal.Decimal(record["request_id"])}


@pytest.mark.parametrize(
    ("write", "name"),
    [(as_json_lines, "log.json"), (as_csv, "log.csv"), (as_avro, "log.avro"), (as_parquet, "log.parquet")],
)
def test_every_carrier_gives_the_same(write: Any, name: str, tmp_path: Path) -> None:
    content = write([RECORD, RECORD | {"request_payload": ["secret"]}, RECORD | {"request_id": "7"}])
    settings = support.settings(responses=True, window=Window(TIME, TIME + dt.timedelta(seconds=1)))
    rows, decoded = support.decoded_file(tmp_path / name, content, Format.VERTEX, settings)
    account = decoded.accounting
    assert (account.read, account.decoded, account.rows, account.balance()) == (3, 2, 4, 0)
    assert [(reject.record, reject.reason) for reject in decoded.rejects] == [(1, "not_json")]
    assert [row["age"] for row in rows] == [[3], [4]] * 2
    assert [row["word"] for row in rows] == [[b'a, "b"\nc'], None] * 2
    assert [row["meta:time"] for row in rows] == [TIME] * 4
    assert [row["meta:request_id"] for row in rows] == ["5123456789012345678"] * 2 + ["7"] * 2
    assert [row["meta:response"] for row in rows] == ["[0.25]", "[0.75]"] * 2
