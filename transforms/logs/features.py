"""Columns of decoded features, brought to the types of a schema or held to the types seen before."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.schema import in_serving, is_used
from trueserve.transforms.logs.carriers.text.text_form import ANY_TEXT, TextForm
from trueserve.transforms.logs.repeated_rows import DroppedRows

# A feature's name and its `large_list` column. A name stands twice where its values came in two types;
# the rows of the one are then null in the other.
Column = tuple[str, pa.Array]
Array = np.ndarray[Any, Any]


class FeatureType(enum.StrEnum):
    """The three types of values that features have."""

    INT = "int"
    FLOAT = "float"
    BYTES = "bytes"


VALUES = {
    FeatureType.INT: pa.int64(),
    FeatureType.FLOAT: pa.float32(),
    FeatureType.BYTES: pa.large_binary(),
}
LISTS = {feature_type: pa.large_list(values) for feature_type, values in VALUES.items()}
#: How texts spell true and false where the schema does not say it.
BOOLEANS = ("true", "false")
# By the number of a type: to hash the type itself takes longer than all else that is done with a column here.
_TYPES = {values.id: feature_type for feature_type, values in VALUES.items()}
_SCHEMA_TYPES = {
    schema_pb2.INT: FeatureType.INT,
    schema_pb2.FLOAT: FeatureType.FLOAT,
    schema_pb2.BYTES: FeatureType.BYTES,
}


class TypeConflictError(Exception):
    """Without a schema, a feature has another type than before."""

    def __init__(self, feature: str, before: FeatureType, now: FeatureType) -> None:
        super().__init__(
            f"feature {feature!r} is {now} here and was {before} before;"
            " write it in one type, or say which with --schema"
        )
        self.feature = feature


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a schema says of the features of an environment.

    Attributes:
      types: the features that are kept, by name.
      fixed: those whose lists have a fixed length; the position of a value in them means something.
      single: those that have at most one value a row.
      elsewhere: features of other environments (the label): known, and left out without being counted.
      sizes: how many values a row has, of features that always have so many, and several.
      booleans: for features of texts that are true and false, how the schema spells these.
    """

    types: Mapping[str, FeatureType]
    fixed: frozenset[str] = frozenset()
    single: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    sizes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    booleans: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)


def expected_features(schema: schema_pb2.Schema, *, serving: bool) -> Expected:
    """The features that `schema` has in SERVING, or all of them."""
    typed = [feature for feature in schema.feature if feature.type in _SCHEMA_TYPES and is_used(feature)]
    used_features = [feature for feature in typed if not serving or in_serving(feature, schema)]
    types = {feature.name: _SCHEMA_TYPES[feature.type] for feature in used_features}
    return Expected(
        types=types,
        fixed=frozenset(feature.name for feature in used_features if feature.HasField("shape")),
        single=frozenset(feature.name for feature in used_features if _is_single(feature)),
        elsewhere=frozenset(feature.name for feature in schema.feature) - types.keys(),
        sizes={feature.name: size for feature in used_features if (size := _size(feature)) > 1},
        booleans=_booleans(schema, used_features),
    )


def _booleans(
    schema: schema_pb2.Schema, features: Sequence[schema_pb2.Feature]
) -> dict[str, tuple[str, str]]:
    """How features of texts spell true and false, if the schema lists such values."""
    domains = {domain.name: domain.value for domain in schema.string_domain}
    spelled: dict[str, tuple[str, str]] = {}
    for feature in (feature for feature in features if feature.type == schema_pb2.BYTES):
        values = domains.get(feature.domain, feature.string_domain.value)
        if feature.HasField("bool_domain"):
            values = (feature.bool_domain.true_value, feature.bool_domain.false_value)
        true, false = ([v for v in values if v.lower() == text] for text in BOOLEANS)
        if len(true) <= 1 and len(false) <= 1 and (true or false):
            spelled[feature.name] = _spelled_alike(*true, *false)
    return spelled


def _spelled_alike(first: str, *_others: str) -> tuple[str, str]:
    """`true` and `false` in the case of one of them."""
    spell = str.lower if first.islower() else str.upper if first.isupper() else str.capitalize
    return spell(BOOLEANS[0]), spell(BOOLEANS[1])


def _is_single(feature: schema_pb2.Feature) -> bool:
    if feature.HasField("shape"):
        return all(dim.size == 1 for dim in feature.shape.dim)
    return bool(feature.value_count.max == 1)


def _size(feature: schema_pb2.Feature) -> int:
    """How many values each row has; 0 where that differs."""
    if feature.HasField("shape"):
        return math.prod(dim.size for dim in feature.shape.dim)
    least, most = feature.value_count.min, feature.value_count.max
    return most if least == most else 0


@dataclasses.dataclass(frozen=True)
class Settings:
    """What every decoder is told.

    Attributes:
      expected: the features to decode to; None takes types as they come, and holds on to them.
      seen: without `expected`, types that are known beforehand.
      origins: for some of these, a file that has the feature in this type.
      window: rows outside of it are counted and left out.
      time_feature: the feature that holds a row's time; None takes it from the log itself. It is kept
        among the features only where `expected` has it.
      log_time_first: whether the log's own time is taken where it has one; else `time_feature` alone counts.
      version_feature: likewise, the feature that holds the version of the model that answered.
      columns: names for the values of rows that come without names (CSV bodies, lists).
      exclude: rules for requests that are no traffic; see `logs.rows.exclude`.
      responses: whether the answers are wanted, too.
      warm_ups: what requests that `export` wrote are known by; see `logs.rows.warm_ups`.
      keep_payloads: whether rejects carry the bytes of their record.
      sample: the fraction of records that is decoded, chosen by a hash of their id or bytes; the others are
        counted as excluded.
      text: how text files are read.
      dropped: repeated rows that are left out; None for none.
    """

    expected: Expected | None = None
    seen: Mapping[str, FeatureType] = dataclasses.field(default_factory=dict)
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    window: Window = dataclasses.field(default_factory=Window)
    time_feature: str | None = None
    log_time_first: bool = False
    version_feature: str | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    responses: bool = False
    warm_ups: frozenset[int] = frozenset()
    keep_payloads: bool = False
    sample: float = 1.0
    text: TextForm = ANY_TEXT
    dropped: DroppedRows | None = None


def type_of(column: pa.Array) -> FeatureType | None:
    """The type of a list column's values; None for a column in which nothing has a type."""
    column_type = column.type
    return None if pa.types.is_null(column_type) else _TYPES[column_type.value_type.id]


def conform(
    columns: Sequence[Column], num_rows: int, expected: Expected
) -> tuple[pa.RecordBatch, Counter[tuple[str, str]]]:
    """The columns that `expected` knows, in its types, and the rows that came in other forms.

    A row whose value has another type than expected becomes null and is counted as `float_for_int` and the
    like. A feature that is not expected is left out, and the rows that have it counted `unknown_feature`.
    A feature that occurs in no row has no column, but for one where there would be none at all.
    """
    kept: dict[str, pa.Array] = {}
    forms: Counter[tuple[str, str]] = Counter()
    for name, column in columns:
        kind, wanted = type_of(column), expected.types.get(name)
        if kind is None or name in expected.elsewhere:
            continue
        if wanted is None:
            forms[name, "unknown_feature"] += num_rows - column.null_count
            continue
        emptied, with_values = (column, 0) if kind is wanted else _empty_lists_of(column, wanted)
        if with_values:
            forms[name, f"{kind}_for_{wanted}"] += with_values
        kept[name] = merged(kept[name], emptied) if name in kept else emptied
    kept = {name: without_empty(column) for name, column in kept.items()}
    return _record_batch(kept or _placeholder(expected, num_rows), num_rows), +forms


def hold(columns: Sequence[Column], num_rows: int, seen: dict[str, FeatureType]) -> pa.RecordBatch:
    """The columns as they came. Their types are added to `seen`, and must be those that are there.

    An empty list has no value of another type, whatever list it is. Raises TypeConflictError.
    """
    kept: dict[str, pa.Array] = {}
    for name, column in columns:
        kind = type_of(column)
        if kind is None:
            continue
        before = seen.setdefault(name, kind)
        emptied, with_values = (column, 0) if kind is before else _empty_lists_of(column, before)
        if with_values:
            raise TypeConflictError(name, before, kind)
        kept[name] = merged(kept[name], emptied) if name in kept else emptied
    return _record_batch({name: without_empty(column) for name, column in kept.items()}, num_rows)


def merged(first: pa.Array, second: pa.Array) -> pa.Array:
    """Rows of `first`, and of `second` where `first` is null."""
    if first.null_count == 0 or second.null_count == len(second):
        return first
    take_other = first.is_null().to_numpy(zero_copy_only=False)
    rows = np.arange(len(first))
    return pa.concat_arrays([first, second]).take(pa.array(np.where(take_other, rows + len(first), rows)))


def without_empty(column: pa.Array) -> pa.Array:
    """The column with each empty list null: a value is missing, whichever way a writer says so.

    TFX's CsvExampleGen writes a feature without values or without a kind, clients leave it out or send null.
    """
    if not len(column):
        return column
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset :][: len(column) + 1]
    is_empty = offsets[1:] == offsets[:-1]
    if column.null_count == 0 and not is_empty.any():
        return column
    null = column.is_null().to_numpy(zero_copy_only=False)
    if not (is_empty & ~null).any():
        return column
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, mask=np.append(null | is_empty, False)), column.values
    )


def lists(values: pa.Array, lengths: Array, null: Array | None = None) -> pa.LargeListArray:
    """A list column from flat values, the length of each row and, if any, the rows that are null."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if null is None or not null.any():
        return pa.LargeListArray.from_arrays(pa.array(offsets), values)
    return pa.LargeListArray.from_arrays(pa.array(offsets, mask=np.append(null, False)), values)


def _empty_lists_of(column: pa.Array, wanted: FeatureType) -> tuple[pa.Array, int]:
    """A column of `wanted` with the empty lists of `column`, all else null, and how many rows had values."""
    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
    empty = lists(pa.array([], VALUES[wanted]), np.zeros(len(column), np.int64), lengths != 0)
    return empty, int((lengths > 0).sum())


def _placeholder(expected: Expected, num_rows: int) -> dict[str, pa.Array]:
    # A RecordBatch without columns loses its number of rows on its way to another process.
    return {name: pa.nulls(num_rows, LISTS[wanted]) for name, wanted in list(expected.types.items())[:1]}


def _record_batch(columns: Mapping[str, pa.Array], num_rows: int) -> pa.RecordBatch:
    if columns:
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    # A RecordBatch takes its number of rows from its columns, or from a struct without fields.
    return pa.RecordBatch.from_struct_array(pa.array([{}] * num_rows, pa.struct([])))
