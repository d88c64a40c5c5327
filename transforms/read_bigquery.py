"""Rows of a BigQuery table to batches of decoded rows, with rejects and accounting beside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2

import transforms.coders  # noqa: F401 - registers its coders by being imported
from transforms.core.accounting import Accounting, records_of
from transforms.core.batches import Batch, Decoded, Fault, Window
from transforms.logs.decode_requests import RequestDecoder
from transforms.logs.features import Settings
from transforms.logs.formats import bigquery
from transforms.logs.formats.format_names import Format
from transforms.logs.formats.registry import PARSERS
from transforms.logs.rows.rows import RecordPosition
from transforms.read import ACCOUNTING, REJECTS, Decoding, ReadResult, request_settings

_MIN_ROWS = 64
_MAX_ROWS = 4096


@dataclasses.dataclass(eq=False)
class ReadBigQueryRequests(beam.PTransform):
    """Reads logged requests from a BigQuery table by its Storage API. Root -> ReadResult.

    Rows are restricted by BigQuery (see `logs.formats.bigquery`), decoded and counted as those of files are.
    A row has no place in its table: as its file it has the table's name, as its record a number among the
    rows that one worker has decoded, which is another one in the next run. There are no faults: what BigQuery
    refuses fails the job.

    Attributes:
      table: `bq://project.dataset.table`; see `logs.formats.bigquery.parse_table`.
      schema: the TFDV schema to decode to, in the SERVING environment.
      format: one of `logs.formats.bigquery.FORMATS`.
      window, time_feature, version_feature, columns, exclude, keep_payloads, sample, responses, progress:
        as those of `read.ReadRequests`.
    """

    table: str
    schema: schema_pb2.Schema
    format: str
    window: Window = dataclasses.field(default_factory=Window)
    time_feature: str | None = None
    keep_payloads: bool = False
    sample: float = 1.0
    version_feature: str | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    responses: bool = False
    progress: str | None = None

    def expand(self, root: Any) -> ReadResult:
        table, file_format = bigquery.parse_table(self.table), bigquery.check_format(self.format)
        settings = request_settings(self)
        read = beam.io.ReadFromBigQuery(
            method=beam.io.ReadFromBigQuery.Method.DIRECT_READ,
            project=table.project,
            dataset=table.dataset,
            table=table.table,
            selected_fields=bigquery.selected_fields(file_format, settings),
            row_restriction=bigquery.row_restriction(table, file_format, settings),
        )
        rows = root | "ReadTable" >> read
        decode = DecodeRows(str(table), file_format, settings, self.progress)
        result: ReadResult = rows | "DecodeRows" >> decode
        return result


@dataclasses.dataclass(eq=False)
class DecodeRows(beam.PTransform):
    """Decodes rows as the connector gives them, as mappings. PCollection -> ReadResult."""

    table: str
    format: Format
    settings: Settings
    progress: str | None = None

    def expand(self, rows: Any) -> ReadResult:
        decoding = beam.ParDo(_DecodeRows(self.table, self.format, self.settings, self.progress))
        outputs = (
            rows
            | "BatchRows" >> beam.BatchElements(min_batch_size=_MIN_ROWS, max_batch_size=_MAX_ROWS)
            | "Decode" >> decoding.with_outputs(REJECTS, ACCOUNTING, main="batches")
        )
        # A table counts as one file that was read, however many workers read it.
        table_count = rows.pipeline | "CountTable" >> beam.Create([Accounting(files=1)], reshuffle=False)
        faults = rows.pipeline | "NoFaults" >> beam.Create([], reshuffle=False).with_output_types(Fault)
        accounting = (outputs[ACCOUNTING], table_count) | "JoinCounts" >> beam.Flatten()
        return ReadResult(outputs.batches, outputs[REJECTS], faults, accounting)


@beam.typehints.with_output_types(Batch)
class _DecodeRows(Decoding):
    """Batches of rows to batches of features. It numbers the rows that it meets."""

    def __init__(self, table: str, file_format: Format, settings: Settings, progress: str | None) -> None:
        super().__init__(progress)
        self._table = table
        self._format = file_format
        self._settings = settings
        self._next = 0

    def setup(self) -> None:
        self._decoder = RequestDecoder(self._settings, PARSERS[self._format](self._settings))

    def process(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
        with_payload = self._settings.keep_payloads or not math.isclose(self._settings.sample, 1)
        chunk = [bigquery.carried(row, with_payload) for row in rows]
        position = RecordPosition(self._table, self._next)
        self._next += len(chunk)
        for decoded in self._decoder.decode([chunk], position):
            yield from self.outputs(self._of_table(decoded))

    def _of_table(self, decoded: Decoded) -> Decoded:
        by_file = {self._table: records_of([decoded.accounting])}
        return dataclasses.replace(
            decoded, accounting=dataclasses.replace(decoded.accounting, by_file=by_file)
        )
