"""Values that came in another type than the schema's, from every carrier: converted, to be compared."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.logs import decode, example
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.logs.columns.left_out import left_out_columns
from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import (
    LISTS,
    Expected,
    FeatureType,
    Settings,
    conform,
    expected_features,
)
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder
from trueserve.transforms.logs.rows.other_types import other_types

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
EXPECTED = Expected({"i": INT, "f": FLOAT, "s": BYTES})
IMAGE = Expected({"f": FLOAT}, sizes={"f": 16})


def column(kind: FeatureType, rows: list[Any]) -> pa.Array:
    return pa.array(rows, LISTS[kind])


def converted(
    columns: list[tuple[str, pa.Array]], expected: Expected = EXPECTED, forms: Any = None
) -> dict[str, Any]:
    batch = other_types(columns, len(columns[0][1]), expected, forms or {})
    if batch is None:
        return {}
    for array in batch.columns:
        array.validate(full=True)
        assert array.type in (LISTS[FLOAT], LISTS[BYTES])
    return {name: array.to_pylist() for name, array in zip(batch.schema.names, batch.columns, strict=True)}


@pytest.mark.parametrize(
    ("name", "kind", "rows", "form", "answer"),
    [
        ("f", INT, [[255], None, [], [0, 3]], "int_for_float", [[255.0], None, [], [0.0, 3.0]]),
        ("f", INT, [[(1 << 60) + 1]], "int_for_float", [[float(1 << 60)]]),
        ("i", FLOAT, [[0.5], None, [3.0, math.inf]], "float_for_int", [[0.5], None, [3.0, math.inf]]),
        ("s", INT, [[10115], None, [-3, 0]], "int_for_bytes", [[b"10115"], None, [b"-3", b"0"]]),
        ("s", FLOAT, [[10115.0], [0.5], None], "float_for_bytes", [[b"10115"], [b"0.5"], None]),
        ("f", BYTES, [[b"0.25"], [b" 3 ", b"1e3"], None], "bytes_for_float", [[0.25], [3.0, 1000.0], None]),
        ("i", BYTES, [[b"12"], [b"+7"], [b"0.5"]], "bytes_for_int", [[12.0], [7.0], [0.5]]),
        ("f", BYTES, [[b"1"], [b"x"], [b"1", b""], []], "bytes_for_float", [[1.0], None, None, None]),
        ("f", BYTES, [[b"1" * 41], [b"\xff"], [b"2"]], "bytes_for_float", [None, None, [2.0]]),
    ],
)
def test_a_value_becomes_one_of_the_expected_type(
    name: str, kind: FeatureType, rows: list[Any], form: str, answer: list[Any]
) -> None:
    assert converted([(name, column(kind, rows))]) == {f"{form}:{name}": answer}
    # A part of a column, as filters give it.
    sliced = column(kind, [None, *rows]).slice(1)
    assert converted([(name, sliced)]) == {f"{form}:{name}": answer}


def test_what_cannot_be_converted_is_not_there() -> None:
    assert converted([("f", column(BYTES, [[b"x"], [b"\x00" * 4], None]))]) == {}
    assert converted([("new", column(INT, [[3]])), ("i", column(INT, [[3]])), ("f", pa.nulls(1))]) == {}


@pytest.mark.parametrize(
    ("dtype", "form"), [("u1", "uint8_bytes"), ("<f4", "float32_bytes"), ("<f8", "float64_bytes")]
)
def test_bytes_in_memory_are_the_values(dtype: str, form: str) -> None:
    values = np.arange(16).astype(dtype)
    rows = [[values.tobytes()], None, [b"12"], [values.tobytes(), b"2"], [values.tobytes()[1:]]]
    values_of_other_types = converted([("f", column(BYTES, rows))], IMAGE)
    assert values_of_other_types.pop("bytes_for_float:f") == [None, None, [12.0], None, None]
    assert values_of_other_types == {f"{form}:f": [values.tolist(), None, None, None, None]}


def test_texts_of_numbers_are_no_bytes_in_memory() -> None:
    assert converted([("f", column(BYTES, [[b"0000000000000012"]]))], IMAGE) == {
        "bytes_for_float:f": [[12.0]]
    }
    assert converted([("f", column(BYTES, [[b"\x01" * 15]]))], Expected({"f": FLOAT}, sizes={"f": 15})) == {}


def test_whole_numbers_that_came_as_floats_are_among_the_floats() -> None:
    columns = [("i", column(INT, [[0], [1], [7], None])), ("i", column(FLOAT, [None, None, None, [0.5]]))]
    forms = {("i", "point_zero"): np.array([0, 1])}
    assert converted(columns, forms=forms) == {"float_for_int:i": [[0.0], [1.0], None, [0.5]]}
    assert converted(columns) == {"float_for_int:i": [None, None, None, [0.5]]}


def test_sizes_are_those_of_the_schema() -> None:
    schema = schema_pb2.Schema(
        feature=[
            schema_pb2.Feature(name="fixed", type=FLOAT_TYPE, shape={"dim": [{"size": 4}, {"size": 5}]}),
            schema_pb2.Feature(name="counted", type=FLOAT_TYPE, value_count={"min": 8, "max": 8}),
            schema_pb2.Feature(name="varies", type=FLOAT_TYPE, value_count={"min": 1, "max": 8}),
            schema_pb2.Feature(name="one", type=FLOAT_TYPE, value_count={"min": 1, "max": 1}),
            schema_pb2.Feature(name="unknown", type=FLOAT_TYPE),
        ]
    )
    assert expected_features(schema, serving=False).sizes == {"fixed": 20, "counted": 8}


FLOAT_TYPE = schema_pb2.FLOAT


def test_rows_do_not_have_them_and_are_counted_once() -> None:
    records = [example(f=[3], i=[1]), example(f=[0.5], i=[2])]
    [decoded] = decode(TfExampleDecoder(Settings(expected=EXPECTED)), records)
    assert decoded.batch is not None
    assert decoded.batch.other_types is not None
    assert decoded.batch.features.to_pydict() == {"f": [None, [0.5]], "i": [[1], [2]]}
    assert decoded.batch.other_types.to_pydict() == {"int_for_float:f": [[3.0], None]}
    assert decoded.accounting.forms == {("f", "int_for_float"): 1}
    [usual] = decode(TfExampleDecoder(Settings(expected=EXPECTED)), [example(f=[0.5], new=[3])])
    assert usual.batch is not None
    assert usual.batch.other_types is None


def of_json(
    instances: Sequence[dict[str, Any]], expected: Expected = EXPECTED
) -> tuple[dict[str, Any], Any, Any]:
    """The values of another type, the features, and all forms counted."""
    columns, forms = typed_columns(instances, expected, exact=True)
    left_out, kept = left_out_columns(instances, forms, expected)
    features, counted = conform([*columns, *left_out], len(instances), expected)
    for key, rows in kept.items():
        counted[key] += len(rows)
    return converted([*columns, *left_out], expected, kept), features.to_pydict(), +counted


def test_of_json_the_values_that_no_conversion_took() -> None:
    instances: list[dict[str, Any]] = [
        {"i": 0.5},
        {"i": 1.0},
        {"i": 7},
        {"i": [1, 2.5]},
        {"i": "0.25"},
        {"i": "x"},
        {"i": None},
        {},
    ]
    values_of_other_types, features, forms = of_json(instances)
    assert values_of_other_types == {
        "float_for_int:i": [[0.5], [1.0], None, [1.0, 2.5], [0.25], None, None, None]
    }
    assert features == {"i": [None, [1], [7], None, None, None, None, None]}
    assert forms == {
        ("i", "float_for_int"): 3,
        ("i", "point_zero"): 1,
        ("i", "bytes_for_int"): 1,
        ("i", "null"): 1,
        ("i", "scalar"): 5,
    }


def test_of_json_bytes_but_no_texts_and_nothing_that_a_mask_hides() -> None:
    data = bytes(range(16))
    values_of_other_types, _, forms = of_json([{"f": data}, {"f": "x"}, {"f": True}], IMAGE)
    assert values_of_other_types == {"uint8_bytes:f": [list(range(16)), None, None]}
    assert forms["f", "bytes_for_float"] == 2
    values_of_other_types, _, forms = of_json([{"i": 0.5, "i/present": True}])
    assert values_of_other_types == {}
    assert forms["i", "float_for_int"] == 1


def test_no_value_makes_it_fail() -> None:
    odd: list[dict[str, Any]] = [
        {},
        {"i": [[0.5, [True]]]},
        {"i": 1e300},
        {"i": 1 << 70},
        {"i": {"a": 1}},
        {"i": float("nan")},
    ]
    values_of_other_types, _, forms = of_json(odd)
    assert values_of_other_types == {}
    assert {form for _, form in forms} >= {"long_int_for_int", "object_for_int"}


def parquet(values: pa.Array, expected: Expected) -> Any:
    from trueserve.transforms.logs.carriers.parquet.tables import _parquet_columns
    from trueserve.transforms.logs.rows.rows import Counts, DecodedRows, Finisher, metadata_of

    stream = io.BytesIO()
    [name] = expected.types
    pq.write_table(pa.table({name: values}), stream)
    [batch] = pq.read_table(stream).to_batches()
    settings = Settings(expected=expected)
    columns, forms = _parquet_columns(batch, settings)
    rows = DecodedRows(
        columns, metadata_of(batch.num_rows, "f", record=pa.array(range(batch.num_rows))), forms
    )
    return Finisher(settings).finish(rows, (), Counts(batch.num_rows))


def test_of_parquet() -> None:
    floats = parquet(pa.array([0.5, 1.0, None]), Expected({"i": INT}))
    assert floats.batch.other_types.to_pydict() == {"float_for_int:i": [[0.5], [1.0], None]}
    assert floats.accounting.forms == {("i", "float_for_int"): 1, ("i", "point_zero"): 1}
    data = bytes(range(16))
    images = parquet(pa.array([data, None]), IMAGE)
    assert images.batch.other_types.to_pydict() == {"uint8_bytes:f": [list(range(16)), None]}
    assert images.accounting.forms == {("f", "bytes_for_float"): 1}
    pixels = parquet(pa.array([255, 0], pa.uint8()), Expected({"f": FLOAT}))
    assert pixels.batch.features.to_pydict() == {"f": [[255.0], [0.0]]}
    assert pixels.batch.other_types is None
