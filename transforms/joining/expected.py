"""The schema that both sides are decoded by, so that a value has one type wherever it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.schema import SERVING, TRAINING, in_serving
from trueserve.transforms.joining.key_parts import KeyPart
from trueserve.transforms.logs.carriers.text_types import widest
from trueserve.transforms.logs.features import FeatureType, type_of

Types = Mapping[str, FeatureType]
_SCHEMA_TYPES = {
    FeatureType.INT: schema_pb2.INT,
    FeatureType.FLOAT: schema_pb2.FLOAT,
    FeatureType.BYTES: schema_pb2.BYTES,
}
_SHOWN = 20
_MOST = 2.0**63  # of an int64


def types_of(batch: pa.RecordBatch, key: Collection[str] = ()) -> Types:
    """The types of a batch's features, without those that no row has.

    Whole floats of a key are ints: pandas writes ints with gaps so, and as floats of 32 bits keys would meet
    that differ.
    """
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    types = {name: type_of(column) for name, column in columns.items()}
    types |= {
        name: FeatureType.INT
        for name in key
        if types.get(name) is FeatureType.FLOAT and _are_integers(columns[name])
    }
    return {name: kind for name, kind in types.items() if kind is not None}


def together(parts: Iterable[Types]) -> Types:
    """The types of all batches: a reader without a schema holds each feature to one, but for whole floats."""
    return widest(parts)


def lacks_types(schema: schema_pb2.Schema | None, key: Sequence[KeyPart]) -> bool:
    """Whether the examples must be looked at for types: of everything, or of a key that the schema lacks."""
    return schema is None or not {part.feature for part in key} <= {
        feature.name for feature in schema.feature
    }


def joined_schema(
    schema: schema_pb2.Schema | None, key: Sequence[KeyPart], types: Types
) -> schema_pb2.Schema:
    """`schema`, or one of all of `types`, with the features of the key in every environment.

    Raises:
      UsageError: neither the schema nor the examples have a feature of the key.
    """
    result = schema_pb2.Schema()
    if schema is None:
        for name, kind in sorted(types.items()):
            result.feature.add(name=name, type=_SCHEMA_TYPES[kind])
    else:
        result.CopyFrom(schema)
    for part in key:
        _add_key(result, part.feature, types)
    return result


def not_served(schema: schema_pb2.Schema) -> list[str]:
    """The features that requests do not have, such as the label."""
    return sorted(feature.name for feature in schema.feature if not in_serving(feature, schema))


def _are_integers(column: pa.LargeListArray) -> bool:
    values = np.asarray(column.flatten())
    return bool(np.all(values == np.rint(values)) and np.all(np.abs(values) < _MOST))


def _add_key(schema: schema_pb2.Schema, name: str, types: Types) -> None:
    before = {feature.name: feature for feature in schema.feature}
    if name not in before and name not in types:
        names = sorted({*before, *types})
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        raise UsageError(
            f"--key: the examples have no feature {name!r}, but {', '.join(names[:_SHOWN]) or 'none'}{more}"
        )
    kind = before[name].type if name in before else _SCHEMA_TYPES[types[name]]
    for feature in [feature for feature in schema.feature if feature.name == name]:
        schema.feature.remove(feature)
    schema.feature.add(name=name, type=kind, in_environment=[TRAINING, SERVING])
