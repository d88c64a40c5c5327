"""Parts of the traffic that are compared on their own: which slices a row is in, and what is told of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.schema import in_serving, is_used

Array = np.ndarray[Any, Any]
Slicing = tuple[str, ...]

#: Names that a request has beside its features; a feature of the same name is not sliced by.
REQUEST_NAMES = ("model", "version", "signature", "origin", "hour", "day")
MISSING = "(missing)"
NOT_UTF8 = "(not UTF-8)"

# Microseconds, and numpy's name of the unit.
_TIMES = {"hour": (3_600_000_000, "h"), "day": (86_400_000_000, "D")}
_LONGEST = 80
# Commas between names; one in a value has a backslash before it.
_PARTS = re.compile(r"(?<!\\),")
_COLUMN = "slice_"


@dataclasses.dataclass(frozen=True)
class SliceStatistics:
    """What is known of the slices that are large enough.

    Attributes:
      statistics: a data set for each slice, with its name; the largest first.
      rows: how many rows each of them has.
      left_out: how many other slices there are: too small, or beyond the largest; a lower bound if `more`.
    """

    statistics: statistics_pb2.DatasetFeatureStatisticsList
    rows: Mapping[str, int]
    left_out: int = 0
    more: bool = False


def check(slicings: Iterable[Slicing], schema: schema_pb2.Schema) -> None:
    """Raises UsageError for a name that is none, or whose values are no categories."""
    features = {f.name: f for f in schema.feature if is_used(f) and in_serving(f, schema)}
    for name in (name for slicing in slicings for name in slicing):
        if name in REQUEST_NAMES:
            continue
        if name not in features:
            expected = ", ".join((*REQUEST_NAMES, *sorted(features)))
            raise UsageError(f"--slice_by: expected one of {expected}; got {name!r}")
        if features[name].type not in (schema_pb2.INT, schema_pb2.BYTES):
            kind = schema_pb2.FeatureType.Name(features[name].type)
            names = ", ".join(REQUEST_NAMES)
            raise UsageError(
                f"--slice_by: {name} is {kind} in the schema; use an INT or BYTES feature, or one of {names}"
            )


def of_features(slicing: Slicing) -> Slicing:
    """The names of a slicing that are features."""
    return tuple(name for name in slicing if name not in REQUEST_NAMES)


def feature_part(label: str, features: Collection[str]) -> tuple[Slicing, str]:
    """Those of the `features` that a slice was made by, and its name by these alone.

    They are `carrier` and `carrier=UA` of the slice `carrier=UA,hour=2013-07-14T05`.
    """
    parts = [(_name_in(part, features), part) for part in _PARTS.split(label)]
    by_feature = [(name, part) for name, part in parts if name not in REQUEST_NAMES]
    return tuple(name for name, _ in by_feature), ",".join(part for _, part in by_feature)


def _name_in(part: str, features: Collection[str]) -> str:
    """The name in `name=value`; that of a feature may hold an equals sign."""
    first = part.split("=", 1)[0]
    if first in REQUEST_NAMES:
        return first
    return max((name for name in features if part.startswith(f"{name}=")), key=len, default=first)


def labels(features: pa.RecordBatch, slicing: Slicing) -> pa.DictionaryArray:
    """The name of each row's slice, by features alone."""
    metadata = pa.RecordBatch.from_struct_array(pa.array([{}] * features.num_rows, pa.struct([])))
    return _labels(Batch(features, metadata), slicing)


def marked(batch: Batch, slicings: Sequence[Slicing]) -> Batch:
    """The batch with the slice that each row is in, one column a slicing, beside its metadata."""
    if not slicings:
        return batch
    columns = [_labels(batch, slicing) for slicing in slicings]
    names = [f"{_COLUMN}{i}" for i in range(len(columns))]
    metadata = batch.metadata
    arrays, all_names = [*metadata.columns, *columns], [*metadata.schema.names, *names]
    return dataclasses.replace(batch, metadata=pa.RecordBatch.from_arrays(arrays, names=all_names))


def marks(metadata: pa.RecordBatch) -> list[pa.DictionaryArray]:
    """The columns that `marked` has added."""
    names = [name for name in metadata.schema.names if name.startswith(_COLUMN)]
    return [metadata.column(metadata.schema.get_field_index(name)) for name in names]


def by_window(batch: Batch, start: dt.datetime, every: dt.timedelta) -> Iterator[tuple[int, Batch]]:
    """The rows of each window of length `every` by its number, counted from 0 at `start`.

    Every row has a time that is not before `start`: readers leave others out.
    """
    times = _column(batch.metadata, "time").cast(pa.int64()).to_numpy(zero_copy_only=False)
    first = (start - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    numbers = (times - first) // (every // dt.timedelta(microseconds=1))
    windows = np.unique(numbers)
    if len(windows) == 1:
        yield int(windows[0]), batch
        return
    for number in windows:
        rows = pa.array(np.flatnonzero(numbers == number))
        yield int(number), Batch(*(_take(part, rows) for part in (batch.features, batch.metadata)))


def narrowed(batch: Batch, features: frozenset[str]) -> Batch:
    """The batch with these features alone."""
    names: list[str] = batch.features.schema.names
    # A batch of Arrow's without columns has no rows.
    kept = [index for index, name in enumerate(names) if name in features] or [0]
    columns = [batch.features.column(index) for index in kept]
    narrow = pa.RecordBatch.from_arrays(columns, names=[names[index] for index in kept])
    return Batch(narrow, batch.metadata)


def _take(part: pa.RecordBatch, rows: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column.take(rows) for column in part.columns], schema=part.schema)


def _labels(batch: Batch, slicing: Slicing) -> pa.DictionaryArray:
    """The name of each row's slice, such as `version=2,hour=2013-07-14T05`."""
    parts = [_values(batch, name).dictionary_encode() for name in slicing]
    codes = np.zeros(batch.metadata.num_rows, np.int64)
    for part in parts:
        codes = codes * max(len(part.dictionary), 1) + part.indices.to_numpy(zero_copy_only=False)
        codes = np.unique(codes, return_inverse=True)[1].reshape(-1)
    _, firsts, slice_of_row = np.unique(codes, return_index=True, return_inverse=True)
    texts = [part.take(pa.array(firsts)).to_pylist() for part in parts]
    names = [_name(slicing, values) for values in zip(*texts, strict=True)]
    indices = pa.array(slice_of_row.reshape(-1).astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))


def _name(slicing: Slicing, values: Iterable[str]) -> str:
    return ",".join(f"{name}={_bounded(value)}" for name, value in zip(slicing, values, strict=True))


def _bounded(value: str) -> str:
    """The value with commas told from those between slices' names, and its end by a digest if it is long."""
    text = value.replace("\\", "\\\\").replace(",", "\\,")
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}...{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def lasts(label: str) -> dt.timedelta | None:
    """How long a slice of this name lasts: an hour or a day where it was made by these, else None."""
    names = {part.split("=", 1)[0] for part in _PARTS.split(label)}
    lengths = [length for name, (length, _) in _TIMES.items() if name in names]
    return dt.timedelta(microseconds=min(lengths)) if lengths else None


def _values(batch: Batch, name: str) -> pa.Array:
    """One text a row, none null."""
    if name in _TIMES:
        texts = _period_texts(_column(batch.metadata, "time"), *_TIMES[name])
    elif name in REQUEST_NAMES:
        texts = _column(batch.metadata, name)
    else:
        texts = _firsts(_column(batch.features, name), batch.features.num_rows)
    return pc.fill_null(texts.cast(pa.large_string()), MISSING)


def _period_texts(time: pa.Array, length: int, unit: str) -> pa.Array:
    """The UTC hour or day that a time lies in; Arrow's own formatting would need a database of time zones."""
    units = pc.fill_null(time.cast(pa.int64()), 0).to_numpy(zero_copy_only=False) // length
    distinct, text_of_row = np.unique(units, return_inverse=True)
    texts = pa.array(np.datetime_as_string(distinct.astype(f"datetime64[{unit}]")).tolist(), pa.string())
    is_null: Array = np.asarray(time.is_null())
    return texts.take(pa.array(text_of_row.reshape(-1), mask=is_null))


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    index = batch.schema.get_field_index(name)
    return pa.nulls(batch.num_rows) if index < 0 else batch.column(index)


def _firsts(column: pa.Array, num_rows: int) -> pa.Array:
    """The first value of each list as text, null where there is none."""
    if pa.types.is_null(column.type):
        return pa.nulls(num_rows, pa.large_string())
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    starts = np.cumsum(lengths) - lengths
    firsts = column.flatten().take(pa.array(starts, pa.int64(), mask=lengths == 0))
    return _text(firsts) if pa.types.is_large_binary(firsts.type) else firsts.cast(pa.large_string())


def _text(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        encoded = values.dictionary_encode()
        texts = pa.array([_decoded(value) for value in encoded.dictionary.to_pylist()], pa.large_string())
        return texts.take(encoded.indices)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
