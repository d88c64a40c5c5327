"""ExamineTable: rows of a BigQuery table, examined as those of files are."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from trueserve.transforms.branches.branch import Branch
from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.core.accounting import Accounting, records_of
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.examine_range import Examine
from trueserve.transforms.logs.decode_requests import RequestDecoder
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats import bigquery
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.registry import PARSERS
from trueserve.transforms.logs.rows.rows import RecordPosition

_MIN_ROWS = 64
_MAX_ROWS = 4096
# A batch without rows stands for the table: it counts as one file that was read, however many workers read
# it, and has results even if it has no rows.
_WHOLE_TABLE: Sequence[Mapping[str, Any]] = ()


@dataclasses.dataclass(eq=False)
class ExamineTable(beam.PTransform):
    """Runs branches over rows that are read by BigQuery's Storage API. Root -> (kind, result).

    Rows are restricted by BigQuery (see `logs.formats.bigquery`), decoded and counted as those of files are.
    A row has no place in its table: as its file it has the table's name, as its record a number among the
    rows that one worker has decoded, which is another one in the next run. There are no faults: what BigQuery
    refuses fails the job.

    Attributes:
      table: `bq://project.dataset.table`; see `logs.formats.bigquery.parse_table`.
      format: one of `logs.formats.bigquery.FORMATS`.
      settings, branches, progress: as those of `examine_range.ExamineFiles`.
    """

    table: str
    format: str
    settings: Settings
    branches: Sequence[Branch]
    progress: str | None = None

    def expand(self, root: Any) -> beam.PCollection[tuple[Kind, Any]]:
        table, file_format = bigquery.parse_table(self.table), bigquery.check_format(self.format)
        read = beam.io.ReadFromBigQuery(
            method=beam.io.ReadFromBigQuery.Method.DIRECT_READ,
            project=table.project,
            dataset=table.dataset,
            table=table.table,
            selected_fields=bigquery.selected_fields(file_format, self.settings),
            row_restriction=bigquery.row_restriction(table, file_format, self.settings),
        )
        decode = RowDecoder(str(table), file_format, self.settings)
        rows = root | "ReadTable" >> read
        return rows | "ExamineRows" >> ExamineRows(decode, self.branches, self.progress)


@dataclasses.dataclass(eq=False)
class ExamineRows(beam.PTransform):
    """Examines rows as the connector gives them, as mappings. PCollection -> (kind, result).

    Attributes:
      decode, branches, progress: as those of `examine_range.Examine`.
    """

    decode: RowDecoder
    branches: Sequence[Branch]
    progress: str | None = None

    def expand(self, rows: Any) -> beam.PCollection[tuple[Kind, Any]]:
        batches = rows | "BatchRows" >> beam.BatchElements(_MIN_ROWS, _MAX_ROWS)
        whole_table = rows.pipeline | "WholeTable" >> beam.Create([_WHOLE_TABLE], reshuffle=False)
        return (
            (batches, whole_table)
            | "JoinBatches" >> beam.Flatten()
            | "Examine" >> Examine(self.decode, self.branches, self.progress)
        )


class RowDecoder:
    """Batches of rows to what was decoded of them. It numbers the rows that it meets."""

    def __init__(self, table: str, file_format: Format, settings: Settings) -> None:
        self._table, self._format, self._settings = table, file_format, settings
        self._next = 0

    @functools.cached_property
    def _decoder(self) -> RequestDecoder:
        return RequestDecoder(self._settings, PARSERS[self._format](self._settings))

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Decoded]:
        if not rows:
            yield Decoded(None, (), Accounting(files=1))
            return
        with_payload = self._settings.keep_payloads or not math.isclose(self._settings.sample, 1)
        chunk = [bigquery.carried(row, with_payload) for row in rows]
        position = RecordPosition(self._table, self._next)
        self._next += len(chunk)
        yield from map(self._of_table, self._decoder.decode([chunk], position))

    def _of_table(self, decoded: Decoded) -> Decoded:
        by_file = {self._table: records_of([decoded.accounting])}
        return dataclasses.replace(
            decoded, accounting=dataclasses.replace(decoded.accounting, by_file=by_file)
        )
