"""Requests from a table of BigQuery: decoded rows, the graph that is built, and wrong usage."""

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
from support.bigquery import END, PUSHED, START, TABLE, WINDOW
from support.branches import KeepBatches
from support.logs import SCHEMA, settings
from support.read import ReadOutput, all_rows, run_branches

from trueserve.pipelines import cli, validate
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.pipelines.plan import files_of, make_plan
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.examine_table import ExamineRows, ExamineTable, RowDecoder
from trueserve.transforms.logs.formats.format_names import Format

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


def decoded(rows: Sequence[Any], file_format: Format, **changes: Any) -> ReadOutput:
    """Rows that stand in for a table, decoded as its rows are."""
    examine = ExamineRows(RowDecoder(str(TABLE), file_format, settings(**changes)), [KeepBatches()])
    outcome = run_branches("Rows" >> beam.Create(list(rows)), examine)
    counts = outcome[3]
    assert counts.balance() == 0
    assert (counts.files, counts.read) == (1, len(rows))
    assert not rows or counts.by_file[str(TABLE)].read == len(rows)
    return outcome


def test_a_table_without_rows_has_results_all_the_same() -> None:
    _, rejects, faults, counts = decoded([], Format.VERTEX)
    assert (rejects, faults, counts) == ([], [], Accounting(files=1))


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


def graph(table: str, log_format: str, **changes: Any) -> str:
    """The pipeline as it goes to a runner; nothing is asked of the network for it."""
    pipeline = beam.Pipeline()
    _ = pipeline | "ExamineRequests" >> ExamineTable(table, log_format, settings(**changes), [])
    return str(pipeline.to_runner_api())


def test_the_pipeline_is_built_without_network() -> None:
    text = graph("bq://my-project.logs.requests?version=v1", "ai_platform", window=WINDOW, sample=0.5)
    assert "ExamineRequests/ReadTable" in text
    assert "ExamineRequests/ExamineRows/Examine/ExamineRange" in text


def test_what_the_connector_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {}
    real = beam.io.ReadFromBigQuery

    class Noted(real):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            arguments.update(kwargs)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(beam.io, "ReadFromBigQuery", Noted)
    graph("bq://my-project.logs.requests?version=v1", "ai_platform", window=WINDOW)
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
        graph(table, file_format)


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
    assert "ExamineRequests/ReadTable" in text
    assert "ExamineRequests/ListRanges" not in text


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
