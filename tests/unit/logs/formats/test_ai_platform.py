from __future__ import annotations

import contextlib
import csv
import datetime as dt
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
from support.bodies import reason_of

from trueserve.transforms.core.batches import Window
from trueserve.transforms.logs.formats.ai_platform import AiPlatformParser
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.request import BadRecordError

TIME = dt.datetime(2020, 6, 3, 17, 0, 4, tzinfo=dt.UTC)
ROWS = [{"age": 3, "word": 'a, "b"\nc'}, {"age": 4, "fare": [1.5]}]
# The columns and their types are those that the vendor asks of the table, the time is in its samples:
# https://cloud.google.com/ai-platform/prediction/docs/reference/rest/v1/projects.models.versions
# https://cloud.google.com/architecture/ml-modeling-monitoring-analyzing-ai-platform-prediction-in-big-query
RECORD: dict[str, Any] = {
    "model": "covertype",
    "model_version": "v2",
    "time": "2020-06-03 17:00:04 UTC",
    "raw_data": json.dumps({"signature_name": "serving_default", "instances": ROWS}),
    "raw_prediction": json.dumps({"predictions": [[0.25], [0.75]]}),
    "groundtruth": None,
}
WANTING = support.settings(responses=True)


def test_a_row_is_a_request() -> None:
    request = support.parsed(AiPlatformParser(WANTING), RECORD)
    assert request.instances == ROWS
    assert request.time == TIME.timestamp() * 1e6
    assert (request.model, request.version, request.signature) == ("covertype", "v2", "serving_default")
    assert request.responses == [[0.25], [0.75]]


def test_responses_are_read_only_where_they_are_wanted() -> None:
    assert support.parsed(AiPlatformParser(support.settings()), RECORD).responses is None
    for prediction in (None, "", '{"error": "x"}', '{"predictions": [1]}'):
        request = support.parsed(AiPlatformParser(WANTING), RECORD | {"raw_prediction": prediction})
        assert (request.instances, request.responses) == (ROWS, None)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "not_a_request"),
        ("", "not_json"),
        ("secret", "not_json"),
        ("5", "not_a_request"),
        ('{"data": "secret"}', "not_a_request"),
        ('{"instances": []}', "no_instances"),
        ('{"instances": ["secret"]}', "no_names"),
        ('{"instances": ' + "[" * 100_000, "nested_too_deeply"),
    ],
)
def test_what_is_no_request_is_a_reject(raw: object, why: str) -> None:
    assert reason_of(AiPlatformParser(WANTING), RECORD | {"raw_data": raw}) == why
    without = {name: value for name, value in RECORD.items() if name != "raw_data"}
    assert reason_of(AiPlatformParser(WANTING), without) == "not_a_request"


@given(support.JSON)
@hypothesis_settings(max_examples=200)
def test_any_record_is_a_request_or_a_reject(value: Any) -> None:
    records = [{"raw_data": value, "raw_prediction": value, "time": value, "model": value}]
    records.append(RECORD | {"raw_data": json.dumps(value), "raw_prediction": json.dumps(value)})
    for record in records:
        with contextlib.suppress(BadRecordError):
            assert len(support.parsed(AiPlatformParser(WANTING), record).instances) > 0


def as_json_lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(RECORD))
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue().encode()


def as_avro(records: list[dict[str, Any]]) -> bytes:
    """As BigQuery exports the table: TIMESTAMP is a long in microseconds."""
    texts = [{"name": name, "type": ["null", "string"]} for name in RECORD if name != "time"]
    time = {"name": "time", "type": {"type": "long", "logicalType": "timestamp-micros"}}
    schema = {"type": "record", "name": "Root", "fields": [*texts, time]}
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(schema), [r | {"time": TIME} for r in records])
    return stream.getvalue()


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    fields = [(n, pa.timestamp("us", tz="UTC") if n == "time" else pa.string()) for n in RECORD]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([r | {"time": TIME} for r in records], pa.schema(fields)), sink)
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("write", "name"),
    [(as_json_lines, "log.json"), (as_csv, "log.csv"), (as_avro, "log.avro"), (as_parquet, "log.parquet")],
)
def test_every_carrier_gives_the_same(write: Any, name: str, tmp_path: Path) -> None:
    content = write([RECORD, RECORD | {"raw_data": "secret"}, RECORD | {"model_version": "v3"}])
    window = Window(TIME, TIME + dt.timedelta(seconds=1))
    settings = support.settings(responses=True, window=window)
    rows, decoded = support.decoded_file(tmp_path / name, content, Format.AI_PLATFORM, settings)
    account = decoded.accounting
    assert (account.read, account.decoded, account.rows, account.balance()) == (3, 2, 4, 0)
    assert [(reject.record, reject.reason) for reject in decoded.rejects] == [(1, "not_json")]
    assert [row["age"] for row in rows] == [[3], [4]] * 2
    assert [row["word"] for row in rows] == [[b'a, "b"\nc'], None] * 2
    assert [row["meta:time"] for row in rows] == [TIME] * 4
    assert [row["meta:version"] for row in rows] == ["v2", "v2", "v3", "v3"]
    assert [row["meta:response"] for row in rows] == ["[0.25]", "[0.75]"] * 2
