"""TFRecords of tensorflow_serving.apis.PredictionLog by the protobuf classes: to columns and metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import orjson

from trueserve.transforms.columnar.examples.example_parser import ExampleParser
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Decoded, Reject
from trueserve.transforms.logs.features import Array, Column, Settings
from trueserve.transforms.logs.formats.tf_example import NOT_AN_EXAMPLE, parse_all
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.rows.rows import (
    Counts,
    DecodedRows,
    Finisher,
    RecordPosition,
    metadata_of,
    rejected,
)
from trueserve.transforms.logs.rows.times import times_of_micros
from trueserve.transforms.logs.tensors.prediction_log_kinds import LoggedRequest, LogReader
from trueserve.transforms.logs.tensors.tensor_columns import TensorColumns

# A record may hold any number of rows, so a run of records is cut where these are reached.
MAX_ROWS = 8192
MAX_VALUES = 4 << 20
MAX_EXAMPLE_BYTES = 32 << 20
_LAST_SECOND = 10**12  # far past the year 9999; what is later is no time, and must not overflow


class ParsedLogDecoder:
    """Decodes records that are PredictionLogs. Not thread-safe: one for each thread."""

    def __init__(self, settings: Settings, finisher: Finisher | None = None) -> None:
        self._settings = settings
        self._reader = LogReader(settings)
        self._parser = ExampleParser()
        self._finisher = finisher or Finisher(settings)

    def decode(self, records: Sequence[bytes], position: RecordPosition) -> Iterator[Decoded]:
        """`Decoded`s of some thousands of rows.

        Requests that carry examples and requests that carry tensors gather apart, each in the order of the
        records: a log that mixes them would otherwise fall into batches of a row or two.
        Raises TypeConflictError where there is no schema and a feature's type changes.
        """
        groups = {carries: self._new_group(position, records, carries) for carries in (True, False)}
        for index, record in enumerate(records):
            request = self._request(record)
            carries = isinstance(request, LoggedRequest) and request.examples is not None
            if groups[carries].is_full:
                yield groups[carries].finish(self._parser, self._finisher)
                groups[carries] = self._new_group(position, records, carries)
            groups[carries].add(index, request)
        for group in groups.values():
            if group.read:
                yield group.finish(self._parser, self._finisher)

    def _new_group(self, position: RecordPosition, records: Sequence[bytes], carries: bool) -> _Group:
        tensors = TensorColumns(self._settings.expected)
        return _Group(position, records if self._settings.keep_payloads else None, tensors, carries)

    def _request(self, record: bytes) -> LoggedRequest | BadRecordError:
        try:
            return self._reader.read(record)
        except BadRecordError as error:
            return error


class _Group:
    """Records of a run whose requests all carry examples, or all carry tensors (or are none)."""

    def __init__(
        self,
        position: RecordPosition,
        payloads: Sequence[bytes] | None,
        tensors: TensorColumns,
        carries: bool,
    ) -> None:
        self._position = position
        self._payloads = payloads
        self._tensors = tensors
        self._examples: list[bytes] = []
        self._carries = carries
        self._requests: list[tuple[int, int, LoggedRequest]] = []  # index, rows
        self._rejects: list[Reject] = []
        self._excluded: Counter[str] = Counter()
        self._bytes = 0
        self.read = 0

    @property
    def is_full(self) -> bool:
        rows, values = max(len(self._examples), self._tensors.rows), self._tensors.values
        return rows >= MAX_ROWS or values >= MAX_VALUES or self._bytes >= MAX_EXAMPLE_BYTES

    def add(self, index: int, request: LoggedRequest | BadRecordError) -> None:
        self.read += 1
        if isinstance(request, BadRecordError):
            self._reject(index, request)
            return
        if request.excluded is not None:
            self._excluded[request.excluded] += 1
            return
        try:
            rows = self._add_tensors(request) if request.examples is None else self._add(request.examples)
        except BadRecordError as error:
            self._reject(index, error)
            return
        self._requests.append((index, rows, request))

    def _add_tensors(self, request: LoggedRequest) -> int:
        for inputs in request.inputs:
            self._tensors.check(inputs)
        return sum(map(self._tensors.add, request.inputs))

    def _add(self, examples: Sequence[bytes]) -> int:
        self._examples.extend(examples)
        self._bytes += sum(map(len, examples))
        return len(examples)

    def _reject(self, index: int, error: BadRecordError) -> None:
        payload = self._payloads[index] if self._payloads else None
        self._rejects.append(rejected(self._position, index, error.reason, error.detail, payload))

    def finish(self, parser: ExampleParser, finisher: Finisher) -> Decoded:
        """All rows of the group; a record with an example that is none is rejected whole."""
        good = np.ones(len(self._requests), bool)
        if self._carries:
            columns, good = self._parse(parser)
        else:
            columns = self._tensors.columns()
        requests = [request for request, ok in zip(self._requests, good, strict=True) if ok]
        without_rows = sum(rows == 0 for _, rows, _ in requests)
        rows = DecodedRows(columns, self._metadata(requests))
        return finisher.finish(rows, self._rejects, Counts(self.read, without_rows, self._excluded))

    def _parse(self, parser: ExampleParser) -> tuple[Sequence[Column], Array]:
        columns, bad = parse_all(parser, self._examples)
        owners = np.repeat(np.arange(len(self._requests)), [rows for _, rows, _ in self._requests])
        good = np.ones(len(self._requests), bool)
        if not bad:
            return columns, good
        good[owners[bad]] = False
        for owner in np.flatnonzero(~good):
            detail = "an input of serialized tf.Examples holds one that does not parse"
            self._reject(self._requests[owner][0], BadRecordError(NOT_AN_EXAMPLE, detail))
        # The bad examples have no rows any more; the others of their requests go with them.
        keep = pa.array(good[np.delete(owners, bad)])
        return [(name, column.filter(keep)) for name, column in columns], good

    def _metadata(self, requests: Sequence[tuple[int, int, LoggedRequest]]) -> pa.RecordBatch:
        sizes = [rows for _, rows, _ in requests]
        of_row = pa.array(np.repeat(np.arange(len(requests)), sizes))
        seconds = np.array([min(max(r.seconds, 0), _LAST_SECOND) for _, _, r in requests], np.int64)
        rates = [request.sampling_rate for _, _, request in requests]
        columns = {
            "time": times_of_micros(seconds * 1_000_000),
            "record": pa.array([self._position.first_record + index for index, _, _ in requests], pa.int64()),
            "sampling_rate": pa.array(rates, pa.float64()),
        }
        for name in ("model", "version", "signature", "origin"):
            columns[name] = pa.array([getattr(request, name) for _, _, request in requests], pa.string())
        taken = {name: column.take(of_row) for name, column in columns.items()}
        texts = [text for _, rows, request in requests for text in _answer_texts(request, rows)]
        taken["response"] = pa.array(texts, pa.large_string())
        return metadata_of(len(of_row), self._position.file, **taken)


def _answer_texts(request: LoggedRequest, rows: int) -> Sequence[str | None]:
    if request.answers is None or len(request.answers) != rows:
        return [None] * rows
    return [orjson.dumps(answer).decode() for answer in request.answers]
