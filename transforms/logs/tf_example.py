"""TFRecords of tf.Example: serialized examples to columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from transforms.logs.features import LISTS, Column, FeatureType, Settings
from transforms.logs.rows import Counts, Finisher, Place, Rows, metadata_of, rejected
from transforms.records import Decoded

NOT_AN_EXAMPLE = "not_a_tf_example"
_DETAIL = "expected a serialized tf.Example; the record does not parse as one"
_KINDS = {
    "int64_list": FeatureType.INT,
    "float_list": FeatureType.FLOAT,
    "bytes_list": FeatureType.BYTES,
}
# The two serializations of an example without features.
_EMPTY = (b"", b"\n\x00")


class TfExampleDecoder:
    """Decodes records that are tf.Examples. Not thread-safe, as tfx_bsl's decoder is not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parser = ExampleParser()
        self._finisher = Finisher(settings)

    def decode(self, records: list[bytes], place: Place) -> Iterator[Decoded]:
        """One `Decoded` for the records, of one row each.

        Raises TypeConflictError where there is no schema and a feature's type changes.
        """
        columns, bad = self._parser.parse(records)
        good = np.delete(np.arange(len(records)), bad)
        record = pa.array(good + place.first_record, pa.int64())
        keep = self._settings.keep_payloads
        rejects = [rejected(place, i, NOT_AN_EXAMPLE, _DETAIL, records[i] if keep else None) for i in bad]
        rows = Rows(columns, metadata_of(len(good), place.file, record=record))
        yield self._finisher.finish(rows, rejects, Counts(len(records)))


class ExampleParser:
    """Serialized tf.Examples to columns, whatever is in them. Not thread-safe."""

    def __init__(self) -> None:
        self._fast = ExamplesToRecordBatchDecoder()

    def parse(self, serialized: list[bytes]) -> tuple[list[Column], list[int]]:
        """Columns with a row for every example, but for the bad ones, whose positions come with them.

        A feature without any value in all examples may have a column of Arrow's null type or none.
        """
        try:
            columns = self._columns(serialized)
        except RuntimeError:
            return self._parse_with_care(serialized)
        strange = [
            i for i in _rows_without_features(columns, len(serialized)) if not _is_empty(serialized[i])
        ]
        if not strange:
            return columns, []
        good = np.ones(len(serialized), bool)
        good[strange] = False
        return [(name, column.filter(pa.array(good))) for name, column in columns], strange

    def _parse_with_care(self, serialized: list[bytes]) -> tuple[list[Column], list[int]]:
        # tfx_bsl fails the whole list for one bad record, and for one feature in two types.
        examples = [_parsed(record) for record in serialized]
        bad = [i for i, example in enumerate(examples) if example is None]
        if bad:
            good = [
                record for record, example in zip(serialized, examples, strict=True) if example is not None
            ]
            try:
                return self._columns(good), bad
            except RuntimeError:
                pass
        return _columns_by_type([example for example in examples if example is not None]), bad

    def _columns(self, serialized: list[bytes]) -> list[Column]:
        batch = self._fast.DecodeBatch(serialized)
        return list(zip(batch.schema.names, batch.columns, strict=True))


def _rows_without_features(columns: Sequence[Column], num_rows: int) -> Sequence[int]:
    empty = np.ones(num_rows, bool)
    for _, column in columns:
        if column.null_count == 0:
            return ()
        empty &= np.asarray(column.is_null())
    return [int(i) for i in np.flatnonzero(empty)]


def _is_empty(record: bytes) -> bool:
    """Whether bytes from which no value came are an example all the same."""
    return record in _EMPTY or _parsed(record) is not None


def _parsed(record: bytes) -> Any | None:
    """The tf.Example, or None for bytes that are none.

    Protobuf takes the fields of many another message for unknown ones, so bytes that leave an example
    without features are one only if they say no more than that.
    """
    from tensorflow.core.example.example_pb2 import Example

    try:
        example = Example.FromString(record)
    except DecodeError:
        return None
    return example if example.features.feature or record in _EMPTY else None


def _columns_by_type(examples: Sequence[Any]) -> list[Column]:
    """Columns built row by row: one for each feature and type of values."""
    lists: dict[tuple[str, FeatureType], list[Any]] = {}
    for row, example in enumerate(examples):
        for key, values in _values_of(example.features.feature):
            column = lists.setdefault(key, [])
            column.extend([None] * (row - len(column)))
            column.append(values)
    for column in lists.values():
        column.extend([None] * (len(examples) - len(column)))
    return [(name, pa.array(column, LISTS[kind])) for (name, kind), column in lists.items()]


def _values_of(features: Mapping[str, Any]) -> Iterator[tuple[tuple[str, FeatureType], list[Any]]]:
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        if kind is not None:
            yield (name, _KINDS[kind]), list(getattr(feature, kind).value)
