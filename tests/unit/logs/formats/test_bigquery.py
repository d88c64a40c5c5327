from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import fastavro
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import SCHEMA, settings
from support.read import ReadOutput, all_rows, run

from pipelines import cli, validate
from pipelines.flags.validate import ValidateOptions
from pipelines.plan import files_of, make_plan
from transforms.core.batches import Window
from transforms.core.errors import UsageError
from transforms.logs.features import Settings
from transforms.logs.formats import bigquery
from transforms.logs.formats.bigquery import (
    BigQueryTable,
    parse_table,
    record_of,
    row_restriction,
    selected_fields,
)
from transforms.logs.formats.format_names import Format
from transforms.read import ReadResult
from transforms.read_bigquery import DecodeRows, ReadBigQueryRequests

TABLE = BigQueryTable("my-project", "logs", "requests")
START, END = dt.datetime(2013, 7, 14, 5, tzinfo=dt.UTC), dt.datetime(2013, 7, 14, 6, 30, 0, 5, tzinfo=dt.UTC)
WINDOW = Window(START, END)
PUSHED = (
    "(`time` >= TIMESTAMP '2013-07-14 05:00:00.000000+00:00'"
    " AND `time` < TIMESTAMP '2013-07-14 06:30:00.000005+00:00' OR `time` IS NULL)"
)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("bq://my-project.logs.requests", TABLE),
        ("bq://my-project:logs.requests", TABLE),
        (
            "bq://example.com:my-project.logs.requests",
            BigQueryTable("example.com:my-project", "logs", "requests"),
        ),
        ("bq://my-project.logs.a-b c", BigQueryTable("my-project", "logs", "a-b c")),
        (
            "bq://my-project.logs.requests?model=my%20model&version=v1+a",
            BigQueryTable("my-project", "logs", "requests", "my model", "v1+a"),
        ),
        (
            "bq://my-project.logs.requests?time_type=none",
            BigQueryTable("my-project", "logs", "requests", time_type="none"),
        ),
    ],
)
def test_names_of_tables(text: str, table: BigQueryTable) -> None:
    assert bigquery.is_table(text)
    assert parse_table(text) == table


@pytest.mark.parametrize(
    "name",
    [
        "",
        "logs.requests",
        "my-project.logs",
        "my-project/logs/requests",
        "my-project.logs.requests.more!",
        "my-project.logs.requests_*",
        "my-project.logs.requests$20130714",
        "My-Project.logs.requests",
        "my-project.lo-gs.requests",
        "my-project.logs.",
        "my-project.logs.requests\n",
        "my-project.logs.requests`",
        "my-project.logs.requests?version",
        "my-project.logs.requests?version=",
        "my-project.logs.requests?where=1",
        "my-project.logs.requests?time_type=STRING",
    ],
)
def test_what_is_no_name_of_a_table(name: str) -> None:
    with pytest.raises(UsageError, match="--logs"):
        parse_table(f"bq://{name}")


def test_files_are_no_tables() -> None:
    assert not [name for name in ("logs/*", "gs://bq/x", "bq", "") if bigquery.is_table(name)]


@pytest.mark.parametrize("name", ["auto", "rest", "kserve", "tf_example"])
def test_the_format_of_a_table_must_be_said(name: str) -> None:
    with pytest.raises(UsageError, match="ai_platform, vertex, table"):
        bigquery.check_format(name)


def restriction(
    file_format: Format = Format.AI_PLATFORM, table: BigQueryTable = TABLE, **changes: Any
) -> str | None:
    return row_restriction(table, file_format, settings(**{"window": WINDOW, **changes}))


def test_the_window_is_pushed_down_half_open_in_utc() -> None:
    assert restriction() == PUSHED
    assert restriction(Format.VERTEX) == PUSHED.replace("`time`", "`logging_time`")
    assert restriction(Format.TABLE, time_feature="time") == PUSHED
    zone = dt.timezone(dt.timedelta(hours=2))
    assert restriction(window=Window(START.astimezone(zone), END.astimezone(zone))) == PUSHED


def test_windows_that_are_open_at_an_end() -> None:
    assert restriction(window=Window(start=START)) == (
        "(`time` >= TIMESTAMP '2013-07-14 05:00:00.000000+00:00' OR `time` IS NULL)"
    )
    assert restriction(window=Window(end=START)) == (
        "(`time` < TIMESTAMP '2013-07-14 05:00:00.000000+00:00' OR `time` IS NULL)"
    )
    assert restriction(window=Window()) is None


def test_a_time_that_is_in_no_column_is_not_pushed_down() -> None:
    assert restriction(time_feature="requested") is None
    assert restriction(Format.VERTEX, time_feature="requested") is None
    assert restriction(Format.TABLE) is None
    no_time = BigQueryTable("my-project", "logs", "requests", time_type="none")
    assert restriction(Format.TABLE, no_time, time_feature="requested") is None


def test_a_column_of_datetimes() -> None:
    table = BigQueryTable("my-project", "logs", "requests", time_type="DATETIME")
    assert restriction(Format.TABLE, table, time_feature="requested", window=Window(start=START)) == (
        "(`requested` >= DATETIME '2013-07-14 05:00:00.000000' OR `requested` IS NULL)"
    )


def test_model_and_version_are_pushed_down() -> None:
    table = BigQueryTable("my-project", "logs", "requests", "flights", "v1")
    assert restriction(table=table) == f"{PUSHED} AND `model` = 'flights' AND `model_version` = 'v1'"
    assert restriction(Format.VERTEX, table, window=Window()) == (
        "`endpoint` = 'flights' AND `deployed_model_id` = 'v1'"
    )
    versioned = BigQueryTable("my-project", "logs", "requests", version="3")
    assert restriction(Format.TABLE, versioned, version_feature="served by") == (
        "CAST(`served by` AS STRING) = '3'"
    )


def test_a_choice_without_a_column_is_refused() -> None:
    with pytest.raises(UsageError, match="version='3'"):
        restriction(Format.TABLE, BigQueryTable("my-project", "logs", "requests", version="3"))
    with pytest.raises(UsageError, match="model='m'"):
        restriction(Format.TABLE, BigQueryTable("my-project", "logs", "requests", "m"), version_feature="v")


@given(st.text(min_size=1, max_size=30) | st.text("a'\"\\\n`", min_size=1))
def test_no_value_ends_its_literal(value: str) -> None:
    table = BigQueryTable("my-project", "logs", "requests", value)
    text = restriction(table=table, window=Window())
    assert text is not None
    start, end = "`model` = '", "'"
    assert text.startswith(start)
    assert text.endswith(end)
    literal = text.removeprefix(start)[:-1]
    assert "'" not in literal
    assert literal.isascii()
    assert literal.isprintable()
    assert literal.encode().decode("unicode_escape") == value


@pytest.mark.parametrize("name", ["a`b", "a\\", "a.b", "", "a'"])
def test_names_that_no_column_has_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a BigQuery column"):
        restriction(Format.TABLE, time_feature=name)


def test_columns_that_are_read() -> None:
    assert selected_fields(Format.AI_PLATFORM, Settings()) == ["time", "model", "model_version", "raw_data"]
    assert selected_fields(Format.VERTEX, Settings(responses=True)) == [
        "logging_time",
        "endpoint",
        "deployed_model_id",
        "request_id",
        "request_payload",
        "response_payload",
    ]
    assert selected_fields(Format.TABLE, Settings()) is None


def test_values_of_every_type_become_those_that_parsers_take() -> None:
    zone = dt.timezone(dt.timedelta(hours=1))
    row = {
        "timestamp": dt.datetime(2013, 7, 14, 6, 0, 0, 5, tzinfo=zone),
        "datetime": dt.datetime(2013, 7, 14, 5),
        "date": dt.date(2013, 7, 14),
        "time": dt.time(5),
        "numeric": decimal.Decimal("1.500000000"),
        "whole": decimal.Decimal("12345678901234567890.000000000"),
        "bytes": b"\xff",
        "repeated": [decimal.Decimal(1), decimal.Decimal("0.5")],
        "record": {"at": dt.date(2013, 7, 14), "none": None},
        "null": None,
        "float": 0.1,
        "text": "ü",
        "bool": True,
        "empty": [],
    }
    assert record_of(row) == {
        "timestamp": "2013-07-14T05:00:00.000005+00:00",
        "datetime": "2013-07-14T05:00:00+00:00",
        "date": "2013-07-14",
        "time": "05:00:00",
        "numeric": 1.5,
        "whole": 12345678901234567890,
        "bytes": b"\xff",
        "repeated": [1, 0.5],
        "record": {"at": "2013-07-14", "none": None},
        "float": 0.1,
        "text": "ü",
        "bool": True,
        "empty": [],
    }


def test_numbers_that_no_numeric_holds() -> None:
    assert record_of({"a": decimal.Decimal("1E+999999")}) == {"a": float("inf")}
    assert str(record_of({"a": decimal.Decimal("sNaN")})["a"]) == "nan"


def test_payloads_are_the_same_in_every_order() -> None:
    first = bigquery.carried({"a": 1, "b": b"\xff", "c": 1 << 80}, True)
    second = bigquery.carried({"c": decimal.Decimal(1 << 80), "b": b"\xff", "a": 1}, True)
    assert first.payload == second.payload != b""
    assert bigquery.carried({"a": 1}, False).payload == b""


# The types of BigQuery in Avro, as its Storage API documents them: what the connector hands to `record_of`.
AVRO = {
    "type": "record",
    "name": "__root__",
    "fields": [
        {"name": "endpoint", "type": ["null", "string"]},
        {"name": "deployed_model_id", "type": ["null", "string"]},
        {"name": "logging_time", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {
            "name": "request_id",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}],
        },
        {"name": "request_payload", "type": {"type": "array", "items": "string"}},
        {"name": "response_payload", "type": {"type": "array", "items": "string"}},
    ],
}


def through_avro(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The rows as Beam's connector reads them: without a container, by fastavro."""
    schema = fastavro.parse_schema(AVRO)
    stream = io.BytesIO()
    for row in rows:
        fastavro.schemaless_writer(stream, schema, row)
    stream.seek(0)
    return [fastavro.schemaless_reader(stream, schema, None) for _ in rows]


ROWS = [{"age": 30, "fare": 1.5, "word": "a"}, {"age": 31, "fare": 2.5, "word": "b"}]


def vertex_rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "endpoint": "flights",
            "deployed_model_id": str(number % 2),
            "logging_time": START + dt.timedelta(minutes=number % 120),
            "request_id": decimal.Decimal(number),
            "request_payload": [json.dumps(ROWS[number % 2])],
            "response_payload": [],
        }
        for number in range(count)
    ]


class _Decode(beam.PTransform):
    """Rows that stand in for a table, decoded as its rows are."""

    def __init__(self, rows: Sequence[Any], file_format: Format, **changes: Any) -> None:
        super().__init__()
        self._rows = rows
        self._format = file_format
        self._settings = settings(**changes)

    def expand(self, root: Any) -> ReadResult:
        rows = root | beam.Create(list(self._rows))
        result: ReadResult = rows | DecodeRows(str(TABLE), self._format, self._settings)
        return result


def decoded(rows: Sequence[Any], file_format: Format, **changes: Any) -> ReadOutput:
    outcome = run(_Decode(rows, file_format, **changes))
    counts = outcome[3]
    assert counts.balance() == 0
    assert (counts.files, counts.read) == (1, len(rows))
    assert counts.by_file[str(TABLE)].read == len(rows)
    return outcome


def test_rows_of_a_vertex_log_are_decoded() -> None:
    rows = [*through_avro(vertex_rows(500)), {**vertex_rows(1)[0], "request_payload": ["no json"]}]
    random.Random(0).shuffle(rows)
    batches, rejects, faults, counts = decoded(
        rows, Format.VERTEX, window=Window(START, START + dt.timedelta(hours=1))
    )
    inside = [row for row in vertex_rows(500) if row["logging_time"] < START + dt.timedelta(hours=1)]
    got = sorted(row["age"][0] for row in all_rows(batches))
    assert got == sorted(json.loads(row["request_payload"][0])["age"] for row in inside)
    assert (counts.decoded, counts.outside_window) == (len(inside), 500 - len(inside))
    assert [(reject.file, reject.reason) for reject in rejects] == [(str(TABLE), "not_json")]
    assert not faults
    ids = {request_id for batch in batches for request_id in batch.metadata["request_id"].to_pylist()}
    assert ids == {str(row["request_id"]) for row in inside}
    assert {m for batch in batches for m in batch.metadata["version"].to_pylist()} == {"0", "1"}


def test_rows_of_an_ai_platform_log_are_decoded() -> None:
    rows = [
        {
            "model": "flights",
            "model_version": "v1",
            "time": START + dt.timedelta(seconds=number),
            "raw_data": json.dumps({"instances": ROWS}),
        }
        for number in range(50)
    ]
    batches, _, _, counts = decoded(rows, Format.AI_PLATFORM)
    assert (counts.decoded, counts.rows) == (50, 100)
    times = {time for batch in batches for time in batch.metadata["time"].to_pylist()}
    assert times == {row["time"] for row in rows}
    assert {m for batch in batches for m in batch.metadata["model"].to_pylist()} == {"flights"}


def test_rows_of_a_plain_table_are_decoded() -> None:
    rows = [
        {"age": 30, "fare": decimal.Decimal("1.5"), "word": b"a", "requested": START, "served_by": 3},
        {"age": 31, "fare": None, "word": "b", "requested": START, "served_by": 3, "more": 1},
        {"age": None, "fare": 2.5, "word": None, "requested": None, "served_by": None},
    ]
    batches, _, _, counts = decoded(
        rows, Format.TABLE, window=WINDOW, time_feature="requested", version_feature="served_by"
    )
    got = sorted(all_rows(batches), key=lambda row: row["age"])
    assert got == [{"age": [30], "fare": [1.5], "word": [b"a"]}, {"age": [31], "word": [b"b"]}]
    assert (counts.decoded, counts.no_time) == (2, 1)
    assert counts.forms["more", "unknown_feature"] == 1
    assert ("fare", "null") not in counts.forms
    assert {v for batch in batches for v in batch.metadata["version"].to_pylist()} == {"3"}


def test_records_are_numbered_on() -> None:
    batches, *_ = decoded(through_avro(vertex_rows(300)), Format.VERTEX)
    numbers = [number for batch in batches for number in batch.metadata["record"].to_pylist()]
    assert len(numbers) == len(set(numbers)) == 300


def test_a_sample_is_the_same_in_every_run() -> None:
    # Without an id a row is chosen by what it holds.
    rows = [{**row, "request_id": None} for row in through_avro(vertex_rows(300))]
    rows = [{**row, "endpoint": str(number)} for number, row in enumerate(rows)]
    shuffled = random.Random(1).sample(rows, len(rows))
    first, second = (decoded(some, Format.VERTEX, sample=0.5) for some in (rows, shuffled))
    assert first[3].excluded == second[3].excluded
    assert 90 < first[3].excluded["sample"] < 210
    assert sorted(map(str, all_rows(first[0]))) == sorted(map(str, all_rows(second[0])))


def test_payloads_of_rejects_are_kept_where_asked_for() -> None:
    bad = {**vertex_rows(1)[0], "request_payload": ["no json"]}
    [kept] = decoded([bad], Format.VERTEX, keep_payloads=True)[1]
    assert kept.payload is not None
    assert json.loads(kept.payload)["request_payload"] == ["no json"]
    [left] = decoded([bad], Format.VERTEX)[1]
    assert left.payload is None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.decimals()
    | st.datetimes()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
def test_any_row_is_a_record(row: dict[str, Any]) -> None:
    record, payload = bigquery.carried(row, True)
    assert not isinstance(record, Exception)
    assert record.keys() == {name for name, value in row.items() if value is not None}
    assert json.loads(payload).keys() == record.keys()


def graph(reader: ReadBigQueryRequests) -> str:
    """The pipeline as it goes to a runner; nothing is asked of the network for it."""
    pipeline = beam.Pipeline()
    _ = pipeline | "ReadRequests" >> reader
    return str(pipeline.to_runner_api())


def test_the_pipeline_is_built_without_network() -> None:
    reader = ReadBigQueryRequests(
        "bq://my-project.logs.requests?version=v1", SCHEMA, "ai_platform", WINDOW, sample=0.5
    )
    text = graph(reader)
    assert "ReadRequests/ReadTable" in text
    assert "ReadRequests/DecodeRows/Decode" in text


def test_what_the_connector_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {}
    real = beam.io.ReadFromBigQuery

    class Noted(real):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            arguments.update(kwargs)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(beam.io, "ReadFromBigQuery", Noted)
    graph(ReadBigQueryRequests("bq://my-project.logs.requests?version=v1", SCHEMA, "ai_platform", WINDOW))
    assert arguments == {
        "method": "DIRECT_READ",
        "project": "my-project",
        "dataset": "logs",
        "table": "requests",
        "selected_fields": ["time", "model", "model_version", "raw_data"],
        "row_restriction": f"{PUSHED} AND `model_version` = 'v1'",
    }


@pytest.mark.parametrize(
    ("table", "file_format"), [("bq://nothing", "vertex"), ("bq://my-project.logs.requests", "auto")]
)
def test_wrong_names_are_found_when_the_graph_is_built(table: str, file_format: str) -> None:
    with pytest.raises(UsageError):
        graph(ReadBigQueryRequests(table, SCHEMA, file_format))


STATISTICS = (
    'datasets { num_examples: 1 features { name: "age" type: INT num_stats { common_stats {'
    " num_non_missing: 1 min_num_values: 1 max_num_values: 1 tot_num_values: 1 } } } }"
)


@pytest.fixture
def training(tmp_path: Path) -> list[str]:
    """The flags for a training side, as small as they come."""
    (tmp_path / "schema.pbtxt").write_text(str(SCHEMA), encoding="utf-8")
    (tmp_path / "stats.pbtxt").write_text(STATISTICS, encoding="utf-8")
    return [f"--schema={tmp_path / 'schema.pbtxt'}", f"--statistics={tmp_path / 'stats.pbtxt'}"]


def test_validate_reads_the_table_that_it_is_given(training: list[str], tmp_path: Path) -> None:
    schema, statistics = (flag.split("=", 1)[1] for flag in training)
    options = ValidateOptions(
        logs="bq://my-project.logs.requests",
        output=str(tmp_path / "out"),
        schema=schema,
        statistics=statistics,
        format="vertex",
        start=START,
        end=END,
    )
    pipeline = beam.Pipeline()
    validate.build(pipeline, make_plan(options), files_of(options), None)
    text = str(pipeline.to_runner_api())
    assert "ReadRequests/ReadTable" in text
    assert "ReadRequests/ListFiles" not in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--logs=bq://nothing", "--format=vertex"], "PROJECT.DATASET.TABLE"),
        (["--logs=bq://my-project.logs.requests"], "say --format"),
        (["--logs=bq://my-project.logs.requests?version=3", "--format=table"], "version='3'"),
    ],
)
def test_wrong_names_are_wrong_usage(
    flags: list[str], message: str, training: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert cli.main(["validate", *flags, *training, f"--output={output}"]) == 2
    assert message in capsys.readouterr().err
    assert not list(output.glob("*"))
