"""Record batches of a schema's features: their columns, and how they become tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.schema import is_used

if TYPE_CHECKING:
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

_VALUE_TYPES = {
    schema_pb2.INT: pa.int64(),
    schema_pb2.FLOAT: pa.float32(),
    schema_pb2.BYTES: pa.large_binary(),
}


def arrow_schema(schema: schema_pb2.Schema) -> pa.Schema:
    """Columns of the record batches that hold these features: `large_list<float32 | int64 | large_binary>`.

    Raises UsageError for a feature of another type (STRUCT, or none).
    """
    return pa.schema(
        [
            (feature.name, pa.large_list(_value_type(feature)))
            for feature in schema.feature
            if is_used(feature)
        ]
    )


def adapter_config(schema: schema_pb2.Schema) -> TensorAdapterConfig:
    """How record batches of `arrow_schema(schema)` become tensors.

    A feature is a SparseTensor [batch, k] (or ragged, where the schema asks for that), so that it may be
    missing, unless the schema gives it a fixed shape: then it is dense. Floats are float32. A representation
    that needs a column which this schema does not have (the label's, in serving) is left out.

    Raises UsageError where the schema contradicts itself (a fixed shape on a feature that may be missing).
    """
    from tfx_bsl.tfxio import tensor_representation_util as representations
    from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

    try:
        tensors = representations.InferTensorRepresentationsFromMixedSchema(schema)
    except ValueError as error:
        raise UsageError(f"the schema cannot be read as tensors: {error}") from error
    columns = arrow_schema(schema)
    sources = representations.GetSourceColumnsFromTensorRepresentation
    representable = {
        name: tensor
        for name, tensor in tensors.items()
        if all(str(source) in columns.names for source in sources(tensor))
    }
    return TensorAdapterConfig(columns, representable)


def conform(batch: pa.RecordBatch, columns: pa.Schema) -> pa.RecordBatch:
    """`batch` with exactly these columns: absent ones are missing in every row, others are left out.

    Lists are compacted where they have to be: a slice's arrays, and null lists with values behind them,
    are misread by tfx_bsl. Raises TypeError for a column of another type, which decoding excludes.
    """
    arrays = [_conform_column(batch, field) for field in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def _conform_column(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    index = batch.schema.get_field_index(field.name)
    if index < 0 or pa.types.is_null(batch.schema.field(index).type):
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(index)
    if not column.type.equals(field.type):
        raise TypeError(f"column {field.name}: expected {field.type}, got {column.type}")
    return column if _is_compact(column) else column.take(pa.array(np.arange(len(column))))


def _is_compact(column: pa.Array) -> bool:
    return column.offset == 0 and (pc.sum(pc.list_value_length(column)).as_py() or 0) == len(column.values)


def _value_type(feature: schema_pb2.Feature) -> pa.DataType:
    if feature.type not in _VALUE_TYPES:
        kind = schema_pb2.FeatureType.Name(feature.type)
        raise UsageError(
            f"feature {feature.name!r} is of type {kind} in the schema; expected INT, FLOAT or BYTES"
        )
    return _VALUE_TYPES[feature.type]
