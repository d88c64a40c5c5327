"""TFRecords of tensorflow_serving.apis.PredictionLog with predict requests: to columns and metadata.

A request carries serialized tf.Examples in one string tensor, or one tensor a feature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError

from transforms.logs.claims import decode_tensors
from transforms.logs.features import Array, Column, FeatureType, Settings
from transforms.logs.rows import Counts, Finisher, Place, Rows, metadata_of, rejected
from transforms.logs.tensors import PRESENT, Tensor, TensorColumns, TensorError
from transforms.logs.tf_example import NOT_AN_EXAMPLE, ExampleParser
from transforms.logs.times import times_of_micros
from transforms.records import Decoded, Reject

NOT_A_LOG = "not_a_prediction_log"
# A record may hold any number of rows, so a run of records is cut where these are reached.
MAX_ROWS = 8192
MAX_VALUES = 4 << 20
_LAST_SECOND = 10**12  # far past the year 9999; what is later is no time, and must not overflow
#: Without a schema, the names that exporters give to an input of serialized examples.
EXAMPLE_INPUTS = frozenset({"examples", "inputs", "input_example_tensor", "serialized_examples"})


@dataclasses.dataclass(frozen=True)
class _Request:
    """What one record says: its metadata, and its inputs."""

    seconds: int
    model: str | None
    version: str | None
    signature: str | None
    inputs: dict[str, Tensor]


class PredictionLogDecoder:
    """Decodes records that are PredictionLogs. Not thread-safe, as tfx_bsl's decoder is not."""

    def __init__(self, settings: Settings, finisher: Finisher | None = None) -> None:
        from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

        self._from_string = PredictionLog.FromString
        self._settings = settings
        self._known = frozenset(settings.expected.types) if settings.expected else frozenset()
        self._read = self._known | {name + PRESENT for name in self._known} if settings.expected else None
        self._parser = ExampleParser()
        self._finisher = finisher or Finisher(settings)

    def decode(self, records: list[bytes], place: Place) -> Iterator[Decoded]:
        """`Decoded`s of some thousands of rows.

        Requests that carry examples and requests that carry tensors gather apart, each in the order of the
        records: a log that mixes them would otherwise fall into batches of a row or two.
        Raises TypeConflictError where there is no schema and a feature's type changes.
        """
        groups = {carries: self._new_group(place, records, carries) for carries in (True, False)}
        for index, record in enumerate(records):
            request = self._request(record)
            carries = self._carries_examples(request)
            if groups[carries].is_full:
                yield groups[carries].finish(self._parser, self._finisher)
                groups[carries] = self._new_group(place, records, carries)
            groups[carries].add(index, request)
        for group in groups.values():
            if group.read:
                yield group.finish(self._parser, self._finisher)

    def _new_group(self, place: Place, records: list[bytes], carries: bool) -> _Group:
        tensors = TensorColumns(self._settings.expected)
        return _Group(place, records if self._settings.keep_payloads else None, tensors, carries)

    def _request(self, record: bytes) -> _Request | TensorError:
        try:
            log = self._from_string(record)
        except DecodeError:
            return TensorError(NOT_A_LOG, "expected a PredictionLog; the record does not parse as one")
        kind = log.WhichOneof("log_type")
        if kind is None:
            return TensorError(NOT_A_LOG, "expected a PredictionLog; the record holds no request of any kind")
        if kind != "predict_log":
            return TensorError("unsupported_log_type", f"expected a predict_log; the record is a {kind}")
        try:
            return _predict_request(log, self._read)
        except TensorError as error:
            return error

    def _carries_examples(self, request: _Request | TensorError) -> bool:
        """Whether its one input holds serialized examples."""
        if isinstance(request, TensorError):
            return False
        if len(request.inputs) != 1:
            return False
        [(name, tensor)] = request.inputs.items()
        named_so = name not in self._known if self._known else name in EXAMPLE_INPUTS
        return named_so and tensor.kind is FeatureType.BYTES


def _predict_request(log: Any, known: Container[str] | None) -> _Request:
    request, response = log.predict_log.request, log.predict_log.response
    # The request mostly leaves the version open; the response says which one answered.
    specs = (response.model_spec, request.model_spec, log.log_metadata.model_spec)
    inputs = decode_tensors(dict(request.inputs), known)
    if not inputs:
        raise TensorError("no_inputs", "the request has no inputs")
    return _Request(
        seconds=log.log_metadata.timestamp_secs,
        model=next((spec.name for spec in specs if spec.name), None),
        version=next(filter(None, map(_version, specs)), None),
        signature=next((spec.signature_name for spec in specs if spec.signature_name), None),
        inputs=inputs,
    )


def _version(spec: Any) -> str | None:
    return str(spec.version.value) if spec.HasField("version") else spec.version_label or None


class _Group:
    """Records of a run whose requests all carry examples, or all carry tensors (or are none)."""

    def __init__(
        self, place: Place, payloads: list[bytes] | None, tensors: TensorColumns, carries: bool
    ) -> None:
        self._place = place
        self._payloads = payloads
        self._tensors = tensors
        self._examples: list[bytes] = []
        self._carries = carries
        self._requests: list[tuple[int, int, _Request]] = []  # index, rows
        self._rejects: list[Reject] = []
        self.read = 0

    @property
    def is_full(self) -> bool:
        return max(len(self._examples), self._tensors.rows) >= MAX_ROWS or self._tensors.values >= MAX_VALUES

    def add(self, index: int, request: _Request | TensorError) -> None:
        self.read += 1
        if isinstance(request, TensorError):
            self._reject(index, request)
            return
        try:
            rows = self._tensors.add(request.inputs) if not self._carries else self._add_examples(request)
        except TensorError as error:
            self._reject(index, error)
            return
        self._requests.append((index, rows, request))

    def _add_examples(self, request: _Request) -> int:
        [tensor] = request.inputs.values()
        self._examples.extend(tensor.values)
        return len(tensor.values)

    def _reject(self, index: int, error: TensorError) -> None:
        payload = self._payloads[index] if self._payloads else None
        self._rejects.append(rejected(self._place, index, error.reason, error.detail, payload))

    def finish(self, parser: ExampleParser, finisher: Finisher) -> Decoded:
        """All rows of the group; a record with an example that is none is rejected whole."""
        good = np.ones(len(self._requests), bool)
        if self._carries:
            columns, good = self._parse(parser)
        else:
            columns = self._tensors.columns()
        requests = [request for request, ok in zip(self._requests, good, strict=True) if ok]
        without_rows = sum(rows == 0 for _, rows, _ in requests)
        rows = Rows(columns, self._metadata(requests))
        return finisher.finish(rows, self._rejects, Counts(self.read, without_rows))

    def _parse(self, parser: ExampleParser) -> tuple[Sequence[Column], Array]:
        columns, bad = parser.parse(self._examples)
        owners = np.repeat(np.arange(len(self._requests)), [rows for _, rows, _ in self._requests])
        good = np.ones(len(self._requests), bool)
        if not bad:
            return columns, good
        good[owners[bad]] = False
        for owner in np.flatnonzero(~good):
            detail = "an input of serialized tf.Examples holds one that does not parse"
            self._reject(self._requests[owner][0], TensorError(NOT_AN_EXAMPLE, detail))
        # The bad examples have no rows any more; the others of their requests go with them.
        keep = pa.array(good[np.delete(owners, bad)])
        return [(name, column.filter(keep)) for name, column in columns], good

    def _metadata(self, requests: Sequence[tuple[int, int, _Request]]) -> pa.RecordBatch:
        sizes = [rows for _, rows, _ in requests]
        of_row = pa.array(np.repeat(np.arange(len(requests)), sizes))
        seconds = np.array([min(max(r.seconds, 0), _LAST_SECOND) for _, _, r in requests], np.int64)
        columns = {
            "time": times_of_micros(seconds * 1_000_000),
            "record": pa.array([self._place.first_record + index for index, _, _ in requests], pa.int64()),
        }
        for name in ("model", "version", "signature"):
            columns[name] = pa.array([getattr(request, name) for _, _, request in requests], pa.string())
        taken = {name: column.take(of_row) for name, column in columns.items()}
        return metadata_of(len(of_row), self._place.file, **taken)
