"""One set of flights in every format and carrier: the same statistics, findings and counts from each.

What they are held against is computed plainly in memory, by TFDV where TFDV computes it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from support import e2e, formats
from support import formats_json as json_logs
from support import formats_records as record_logs
from support import formats_tables as table_logs
from support.formats import MODEL, VERSION, Expected, Log, Span, Traffic
from support.statistics import check_numbers, exact_counts, feature_values
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from examples.flights import data
from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Batch, Decoded, Fault, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.features import FeatureType, Settings, expected_features
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.model import Finding, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy

LOGS = (*record_logs.LOGS, *json_logs.LOGS, *table_logs.LOGS)
# One of each way to read: TFRecords, JSON lines, columns, rows of Avro.
COMMANDS = ("prediction_log/tensors", "kserve/binary_v2", "table/csv", "vertex/avro")
POLICY = Policy(max_rejects=0.01)
_TYPES = {
    FeatureType.INT: pa.int64(),
    FeatureType.FLOAT: pa.float32(),
    FeatureType.BYTES: pa.large_binary(),
}

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatistics
StatisticsList: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


class Home(NamedTuple):
    """What all formats share.

    Attributes:
      flights: those that are served.
      schema: of the requests.
      plain: the served flights, as no decoder made them.
      theirs: TFDV's statistics of `plain`.
      findings: what comparing them finds.
      read: what was read of the logs that were written, by their names.
    """

    folder: Path
    flights: pa.Table
    reference: Reference
    schema: schema_pb2.Schema
    plain: pa.RecordBatch
    theirs: Statistics
    findings: Sequence[Finding]
    read: dict[str, ReadLog]


class ReadLog(NamedTuple):
    """A log of the flights, and what was read of it."""

    log: Log
    traffic: Traffic
    span: Span
    expected: Expected
    file: FileSize
    batches: Sequence[Batch]
    accounting: Accounting
    faults: Sequence[Fault]
    ours: Statistics


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("formats")
    training, flights = formats.some_flights()
    before = _tfdv(_batch(training, (*data.FEATURES, data.LABEL)), None)
    reference = Reference(
        tfdv.infer_schema(before, infer_feature_shape=False), before, Space.RAW, label="late"
    )
    (folder / "schema.pbtxt").write_text(text_format.MessageToString(reference.schema))
    (folder / "stats.binpb").write_bytes(before.SerializeToString())
    schema = reference.prepared(POLICY)
    plain = _batch(flights, data.FEATURES)
    rows = formats.FLIGHTS
    counts = Accounting(read=rows, decoded=rows, rows=rows, compared=rows)
    verdict = _verdict(reference, _statistics([plain], schema), counts)
    theirs = _tfdv(plain, schema).datasets[0]
    return Home(folder, flights, reference, schema, plain, theirs, verdict.findings, {})


@pytest.fixture(scope="module", params=LOGS, ids=lambda log: log.name)
def read_log(request: pytest.FixtureRequest, home: Home) -> ReadLog:
    return _read(request.param, home)


def _read(log: Log, home: Home) -> ReadLog:
    """The log of this name, which is written and read once."""
    if log.name not in home.read:
        home.read[log.name] = _written_and_read(log, home)
    return home.read[log.name]


def _written_and_read(log: Log, home: Home) -> ReadLog:
    traffic, span, expected = formats.traffic_of(home.flights, log)
    path = home.folder / f"{log.name.replace('/', '-')}.{log.suffix}"
    log.write(path, traffic)
    file = FileSize(str(path), path.stat().st_size)
    settings = Settings(
        expected=expected_features(home.schema, serving=True),
        window=_window(span) if log.timed else Window(),
        **log.settings,
    )
    parts = list(decode_file(file, Format(log.format), settings))
    faults = [part for part in parts if isinstance(part, Fault)]
    decoded = [part for part in parts if isinstance(part, Decoded)]
    batches = [part.batch for part in decoded if part.batch is not None]
    ours = _statistics([batch.features for batch in batches], home.schema)
    accounting = total(part.accounting for part in decoded)
    return ReadLog(log, traffic, span, expected, file, batches, accounting, faults, ours.datasets[0])


def test_every_record_is_accounted_for(read_log: ReadLog) -> None:
    accounting = read_log.accounting
    assert not read_log.faults
    assert accounting.balance() == 0
    counts = (accounting.read, accounting.decoded, accounting.total_rejected)
    assert (*counts, accounting.outside_window, accounting.no_time) == read_log.expected
    assert (accounting.rows, accounting.compared, accounting.total_excluded) == (5_000, 5_000, 0)
    assert (accounting.files, accounting.bytes) == (1, read_log.file.bytes)


def test_statistics_are_those_of_the_rows(read_log: ReadLog, home: Home) -> None:
    assert read_log.ours.num_examples == home.theirs.num_examples == formats.FLIGHTS
    ours = {feature.path.step[0]: feature for feature in read_log.ours.features}
    theirs = {feature.path.step[0]: feature for feature in home.theirs.features}
    assert ours.keys() == theirs.keys() == set(data.FEATURES)
    for name, feature in theirs.items():
        assert exact_counts(ours[name]) == exact_counts(feature), name
        if feature.HasField("num_stats"):
            check_numbers(ours[name].num_stats, feature.num_stats, feature_values(home.plain, name))


def test_a_request_is_known_by_what_its_log_says(read_log: ReadLog) -> None:
    """Its time to the second, the model that answered and the request's id, row by row."""
    requests = [
        r for r in read_log.traffic if r is not None and _inside(r.seconds, read_log.span, read_log.log)
    ]
    expected = [request for request in requests for _ in request.rows]
    table = pa.Table.from_batches([batch.metadata for batch in read_log.batches])
    order = np.argsort(np.asarray(table["record"]), kind="stable")
    metadata = {name: table[name].take(pa.array(order)).to_pylist() for name in table.column_names}
    if read_log.log.timed:
        assert metadata["time"] == [dt.datetime.fromtimestamp(r.seconds or 0, dt.UTC) for r in expected]
    knows = read_log.log.knows
    assert set(metadata["model"]) == ({MODEL} if "model" in knows else set(metadata["model"]))
    assert set(metadata["version"]) == ({VERSION} if "version" in knows else {None})
    ids = [str(request.request_id) for request in expected]
    assert metadata["request_id"] == (ids if "request_id" in knows else [None] * len(ids))
    assert set(metadata["file"]) == {read_log.file.path}


def test_findings_and_exit_code_are_the_same(read_log: ReadLog, home: Home) -> None:
    verdict = _verdict(home.reference, StatisticsList(datasets=[read_log.ours]), read_log.accounting)
    assert (verdict.outcome, verdict.exit_code) == ("skew", 1)
    assert len(home.findings) > 1
    assert list(map(_comparable, verdict.findings)) == list(map(_comparable, home.findings))


def test_the_format_is_found_by_content(read_log: ReadLog) -> None:
    assert detect_log([read_log.file]) == read_log.log.format


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_says_the_same(
    name: str, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = next(log for log in LOGS if log.name == name)
    read = _read(log, home)
    flags = [
        f"--schema={home.folder / 'schema.pbtxt'}",
        f"--statistics={home.folder / 'stats.binpb'}",
        f"--logs={read.file.path}",
        f"--output={tmp_path / 'out'}",
        f"--label={data.LABEL}",
        "--max_rejects=0.01",
        "--spaces=raw",
        *_flags(log, read.span),
    ]
    result = e2e.run(capsys, "validate", *flags)
    assert (result.code, result.err) == (1, [])
    document = json.loads((tmp_path / "out" / "verdict.json").read_text())
    counts = document["counts"]
    assert tuple(counts[name] for name in Expected._fields) == read.expected
    assert counts["compared"] == formats.FLIGHTS
    findings = [
        (finding["feature"], finding["kind"], finding["severity"], finding["message"])
        for finding in document["findings"]
    ]
    assert findings == [_comparable(finding) for finding in home.findings]


def _flags(log: Log, span: Span) -> Iterator[str]:
    for name, value in log.settings.items():
        yield f"--{name}={value if isinstance(value, str) else ','.join(value)}"
    yield f"--start={formats.iso(span.start)}"
    yield f"--end={formats.iso(span.end)}"


def _window(span: Span) -> Window:
    return Window(*(dt.datetime.fromtimestamp(seconds, dt.UTC) for seconds in span))


def _inside(seconds: int | None, span: Span, log: Log) -> bool:
    return not log.timed or (seconds is not None and span.start <= seconds < span.end)


def _batch(flights: pa.Table, names: Sequence[str]) -> pa.RecordBatch:
    """The flights as tfx_bsl lays them out, built plainly: a list of one, or null."""
    types = {name: pa.float32() for name in (*data.MEASURES, *data.WEATHER)}
    types |= dict.fromkeys((*data.COUNTS, data.LABEL), pa.int64())
    columns = []
    for name in names:
        cells = [None if value is None else [value] for value in flights[name].to_pylist()]
        columns.append(pa.array(cells, pa.large_list(types.get(name, pa.large_binary()))))
    return pa.RecordBatch.from_arrays(columns, names=list(names))


def _tfdv(batch: pa.RecordBatch, schema: schema_pb2.Schema | None) -> StatisticsList:
    options = tfdv.StatsOptions(
        schema=schema,
        num_top_values=SIZES.num_top_values,
        num_rank_histogram_buckets=SIZES.num_rank_histogram_buckets,
        num_histogram_buckets=SIZES.num_histogram_buckets,
        num_quantiles_histogram_buckets=SIZES.num_quantiles_histogram_buckets,
    )
    return stats_impl.generate_statistics_in_memory(batch, options)


def _statistics(batches: Sequence[pa.RecordBatch], schema: schema_pb2.Schema) -> StatisticsList:
    summary, scratch = DatasetSummary(uses_of(schema)), Scratch()
    for batch in batches:
        summary.add(batch, scratch)
    return StatisticsList(datasets=[dataset_statistics(summary, SIZES)])


def _verdict(reference: Reference, statistics: StatisticsList, accounting: Accounting) -> Any:
    evidence = PipelineResults({Space.RAW: statistics}, accounting)
    return assemble_verdict(lambda: [reference], evidence, RunSettings(Window(), POLICY))[0]


def _comparable(finding: Finding) -> tuple[str, str, str, str]:
    return finding.feature, finding.kind.value, finding.severity.value, finding.message
