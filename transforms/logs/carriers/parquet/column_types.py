"""The types of Parquet columns over many files, from their footers: nulls change what a writer chooses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.carriers.parquet.reader import read_schema
from trueserve.transforms.logs.carriers.parquet.tables import value_type
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.tables import is_row_number
from trueserve.transforms.logs.features import FeatureType

# For each column the types that it has, and for each type the first file, by name, that has it so.
TypeOrigins = dict[str, dict[FeatureType, str]]


class Settled(NamedTuple):
    """The type of each column, and a file that has it in this type."""

    types: dict[str, FeatureType]
    origins: dict[str, str]


def parquet_types(stream: BinaryIO, path: str) -> TypeOrigins:
    """What the footer of one file says; columns of nulls, and of types that no feature has, are left out."""
    try:
        kinds = [(name, value_type(kind)) for name, kind in _leaves(read_schema(stream))]
    except UnicodeDecodeError as error:
        raise TableError("bad_parquet", "the name of a column is not in UTF-8") from error
    return {name: {kind: path} for name, kind in kinds if kind is not None and not is_row_number(name)}


def _leaves(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """The types of columns by name, those of a struct's fields by `NAME.FIELD`."""
    for field in fields:
        if pa.types.is_struct(field.type) and field.type.num_fields:
            yield from _leaves(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field.type


def merged_types(parts: Iterable[Mapping[str, Mapping[FeatureType, str]]]) -> TypeOrigins:
    """All types of all parts, in whatever order they come."""
    result: TypeOrigins = {}
    for part in parts:
        for name, kinds in part.items():
            known = result.setdefault(name, {})
            for kind, path in kinds.items():
                known[kind] = min(known.get(kind, path), path)
    return result


def settled(occurrences: TypeOrigins) -> Settled:
    """One type a column: float where int and float occur. Beside bytes, that of the first file stands.

    Whoever reads another file then meets the conflict, and can name both files.
    """
    chosen = {name: _chosen(kinds) for name, kinds in occurrences.items()}
    return Settled(chosen, {name: occurrences[name][kind] for name, kind in chosen.items()})


def _chosen(kinds: Mapping[FeatureType, str]) -> FeatureType:
    first = min(kinds, key=lambda kind: kinds[kind])
    return FeatureType.FLOAT if first is not FeatureType.BYTES and FeatureType.FLOAT in kinds else first
