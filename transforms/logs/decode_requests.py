"""Requests to batches: carried records through a format's parser, as typed rows with all counts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Decoded, Reject
from trueserve.transforms.logs.carriers.records import chunks as chunks_of
from trueserve.transforms.logs.columns.left_out import left_out_columns
from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.envelopes import completed, opened
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import (
    BadRecordError,
    Carried,
    Request,
    RequestEvent,
    RequestParser,
    ResponseEvent,
)
from trueserve.transforms.logs.rows.request_response_join import Joiner, Ready
from trueserve.transforms.logs.rows.rows import (
    Counts,
    DecodedRows,
    Finisher,
    RecordPosition,
    metadata_of,
    rejected,
)
from trueserve.transforms.logs.rows.times import times_of_micros

# A batch ends where it has this many rows or values, whatever comes first.
MAX_ROWS = 8192
MAX_VALUES = 4 << 20


class RequestDecoder:
    """Decodes carried records of one format. Not thread-safe: one for each file."""

    def __init__(self, settings: Settings, parser: RequestParser) -> None:
        self._settings = settings
        self._parser = parser
        self._features = settings.expected.types if settings.expected is not None else {}
        self._joiner = Joiner()
        self._finisher = Finisher(settings)

    def decode(self, chunks: Iterable[Sequence[Carried]], position: RecordPosition) -> Iterator[Decoded]:
        """A `Decoded` for each chunk of records, more where they carry others or have very many rows.

        A request that waits for its answer is read in one of them, and decoded in a later one; together
        they count every record once.
        """
        first = position.first_record
        try:
            for chunk in chunks:
                # In pieces: an envelope may carry very many.
                for records in chunks_of(opened(chunk, self._features)):
                    yield from self._decode(records, RecordPosition(position.file, first))
                    first += len(records)
        except Exception:
            # What follows cannot be read; what waits has been.
            yield from self._decode_rest(RecordPosition(position.file, first))
            raise
        yield from self._decode_rest(RecordPosition(position.file, first))

    def _decode(self, chunk: Sequence[Carried], position: RecordPosition) -> Iterator[Decoded]:
        gathered = self._gather(position)
        for index, carried in enumerate(chunk):
            gathered.add(index, carried, self._parser)
            if gathered.is_full:
                yield gathered.finish(self._finisher)
                gathered = self._gather(position)
        yield gathered.finish(self._finisher)

    def _decode_rest(self, position: RecordPosition) -> Iterator[Decoded]:
        """The requests whose answers never came."""
        gathered = self._gather(position)
        for ready in self._joiner.rest():
            gathered.take([ready])
            if gathered.is_full:
                yield gathered.finish(self._finisher)
                gathered = self._gather(position)
        if not gathered.is_empty:
            yield gathered.finish(self._finisher)

    def _gather(self, position: RecordPosition) -> _Gathered:
        return _Gathered(self._settings, self._joiner, position)


class _Gathered:
    """The records of one batch: their requests, and what became of the others."""

    def __init__(self, settings: Settings, joiner: Joiner, position: RecordPosition) -> None:
        self._position = position
        self._settings = settings
        self._joiner = joiner
        self._requests: list[Ready] = []
        self._rejects: list[Reject] = []
        self._excluded: Counter[str] = Counter()
        self._read = self._without_rows = self._rows = self._values = 0

    @property
    def is_full(self) -> bool:
        return self._rows >= MAX_ROWS or self._values >= MAX_VALUES

    @property
    def is_empty(self) -> bool:
        return not self._read and not self._requests

    def add(self, index: int, carried: Carried, parser: RequestParser) -> None:
        self._read += 1
        envelope = carried.envelope
        if envelope is not None and envelope.excluded:
            self._excluded[envelope.excluded] += 1
            return
        try:
            if isinstance(carried.value, BadRecordError):
                raise carried.value
            parsed = parser.parse(carried.value)
        except BadRecordError as error:
            payload = carried.payload if self._settings.keep_payloads else None
            self._rejects.append(rejected(self._position, index, error.reason, error.detail, payload))
            return
        if parsed is None or isinstance(parsed, ResponseEvent):
            self._without_rows += 1
            if parsed is not None:
                self.take(self._joiner.answer(parsed, len(carried.payload)))
        else:
            self._add_request(self._position.first_record + index, parsed, carried)

    def _add_request(self, record: int, parsed: Request | RequestEvent, carried: Carried) -> None:
        request = parsed.request if isinstance(parsed, RequestEvent) else parsed
        if carried.envelope is not None or request.dated_by_path:
            request = completed(request, carried.envelope, self._position.file)
            parsed = parsed._replace(request=request) if isinstance(parsed, RequestEvent) else request
        if (reason := self._left_out(request, carried.payload)) is not None:
            self._excluded[reason] += 1
        elif not request.instances:
            self._without_rows += 1
        elif isinstance(parsed, RequestEvent):
            self.take(self._joiner.ask(parsed, record, len(carried.payload)))
        else:
            self.take([Ready(record, request)])

    def take(self, ready: Iterable[Ready]) -> None:
        """Takes requests that are read, counted as such, and wait for nothing."""
        for item in ready:
            self._requests.append(item)
            self._rows += len(item.request.instances)
            self._values += sum(map(len, item.request.instances))

    def _left_out(self, request: Request, payload: bytes) -> str | None:
        if request.excluded is not None:
            return request.excluded
        if self._settings.sample < 1:
            key = payload if request.request_id is None else request.request_id.encode("utf-8", "replace")
            return "sample" if fraction_of(key) >= self._settings.sample else None
        return None

    def finish(self, finisher: Finisher) -> Decoded:
        """All rows; the account of all records."""
        expected = self._settings.expected
        assert expected is not None, "requests are decoded by a schema"
        instances = [instance for _, request in self._requests for instance in request.instances]
        metadata_features = (self._settings.time_feature, self._settings.version_feature)
        exact = any(request.exact for _, request in self._requests)
        missing_values = self._settings.text.missing_values
        columns, forms = typed_columns(
            instances, expected, *metadata_features, exact=exact, missing_values=missing_values
        )
        left_out, forms = left_out_columns(instances, forms, expected)
        rows = DecodedRows([*columns, *left_out], self._metadata(), forms)
        counts = Counts(self._read, self._without_rows, self._excluded)
        return finisher.finish(rows, self._rejects, counts)

    def _metadata(self) -> pa.RecordBatch:
        sizes = [len(request.instances) for _, request in self._requests]
        of_row = pa.array([at for at, size in enumerate(sizes) for _ in range(size)], pa.int64())

        def each(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
            return pa.array(values, kind).take(of_row)

        requests = [request for _, request in self._requests]
        texts = {
            name: each([_text(getattr(request, name)) for request in requests], pa.string())
            for name in ("model", "version", "signature", "request_id", "origin")
        }
        time = times_of_micros_or_null([request.time for request in requests])
        return metadata_of(
            len(of_row),
            self._position.file,
            time=time.take(of_row),
            record=each([record for record, _ in self._requests], pa.int64()),
            sampling_rate=each([request.sampling_rate for request in requests], pa.float64()),
            response=self._responses(requests),
            **texts,
        )

    def _responses(self, requests: Sequence[Request]) -> pa.Array:
        if not self._settings.responses:
            return pa.nulls(sum(len(request.instances) for request in requests), pa.large_string())
        return pa.array(
            [text for request in requests for text in _response_texts(request)], pa.large_string()
        )


def fraction_of(key: bytes) -> float:
    """A number in [0, 1) that `key` alone decides, for a sample that is the same in every run."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") / 2.0**64


def times_of_micros_or_null(micros: Sequence[int | None]) -> pa.Array:
    """Microseconds since 1970 as UTC times; null for None, and for what is no time."""
    known = pa.array([0 if m is None or not -(1 << 63) <= m < 1 << 63 else m for m in micros], pa.int64())
    return times_of_micros(known.to_numpy())


def _response_texts(request: Request) -> list[str | None]:
    if request.responses is None or len(request.responses) != len(request.instances):
        return [None] * len(request.instances)
    return [_json(answer) for answer in request.responses]


def _json(answer: Any) -> str | None:
    """JSON as it comes; None for what has no such form."""
    try:
        return orjson.dumps(answer, default=repr).decode()
    except TypeError:
        # Integers beyond 64 bits, text that was no UTF-8, very deep nesting.
        try:
            return json.dumps(answer, default=repr)
        except (TypeError, ValueError, RecursionError):
            return None


def _text(value: str | None) -> str | None:
    return None if value is None else value.encode("utf-8", "replace").decode("utf-8")
