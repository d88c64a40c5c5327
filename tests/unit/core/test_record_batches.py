"""Record batches of a schema's features: columns, tensors, and batches brought into that form."""

from __future__ import annotations

import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from support.baseline import SCHEMA
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

from trueserve.transforms.core import record_batches
from trueserve.transforms.core.errors import UsageError


def parse(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def test_features_are_sparse_unless_the_schema_gives_them_a_shape() -> None:
    config = record_batches.adapter_config(parse(SCHEMA))
    specs = TensorAdapter(config).TypeSpecs()
    assert specs["distance"] == tf.SparseTensorSpec([None, None], tf.float32)
    assert specs["carrier"] == tf.SparseTensorSpec([None, None], tf.string)
    assert specs["hour"] == tf.TensorSpec([None, 1], tf.int64)


def test_a_shape_on_a_feature_that_may_be_missing_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="min_fraction"):
        record_batches.adapter_config(parse('feature { name: "f" type: FLOAT shape {} }'))


def test_a_struct_feature_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'s' is of type STRUCT"):
        record_batches.arrow_schema(parse('feature { name: "s" type: STRUCT }'))


def test_conform_adds_absent_columns_and_compacts_slices() -> None:
    columns = record_batches.arrow_schema(
        parse('feature { name: "a" type: INT } feature { name: "b" type: FLOAT }')
    )
    a = pa.array([[1], None, [2, 3], []], pa.large_list(pa.int64()))
    batch = pa.RecordBatch.from_arrays([a, pa.nulls(4)], names=["a", "unknown"]).slice(1, 3)
    result = record_batches.conform(batch, columns)
    assert result.schema.equals(columns)
    assert result.to_pydict() == {"a": [None, [2, 3], []], "b": [None, None, None]}
    assert result.column(0).offset == 0
    assert result.column(0).values.to_pylist() == [2, 3]


def test_conform_drops_values_behind_null_lists() -> None:
    columns = pa.schema([("a", pa.large_list(pa.int64()))])
    offsets, validity = (
        pa.py_buffer(b"".join(i.to_bytes(8, "little") for i in (0, 1, 2))),
        pa.py_buffer(b"\x02"),
    )
    a = pa.Array.from_buffers(columns.field(0).type, 2, [validity, offsets], children=[pa.array([7, 8])])
    assert a.to_pylist() == [None, [8]]
    assert record_batches.conform(pa.RecordBatch.from_arrays([a], schema=columns), columns).column(
        0
    ).values.to_pylist() == [8]


def test_conform_refuses_another_type() -> None:
    columns = pa.schema([("a", pa.large_list(pa.int64()))])
    batch = pa.RecordBatch.from_arrays([pa.array([[1.0]], pa.large_list(pa.float32()))], names=["a"])
    with pytest.raises(TypeError, match=r"column a: expected large_list.*int64.*got large_list.*float"):
        record_batches.conform(batch, columns)
