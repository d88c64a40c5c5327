from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import (
    DT_BOOL,
    DT_FLOAT,
    DT_INT64,
    DT_STRING,
    as_float32,
    decode_logs,
    example,
    examples_log,
    plain_row,
    prediction_log,
    rows_of,
    tensor,
)
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Window
from trueserve.transforms.logs.features import Expected, FeatureType
from trueserve.transforms.logs.tensors import parsed_prediction_log as module

# One value of each feature, or None where it is missing; zero, and the shortest string, are values.
ROWS = st.fixed_dictionaries(
    {
        "age": st.none() | st.sampled_from([0, -1, 2**62]) | st.integers(-(2**63), 2**63 - 1),
        "fare": st.none() | st.sampled_from([0.0, -0.0, math.inf]) | st.floats(width=32, allow_nan=False),
        "word": st.none() | st.binary(min_size=1, max_size=9),
    }
)
BATCHES = st.lists(ROWS, min_size=1, max_size=4)


def plain(row: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in row.items() if value is not None}


def filled(rows: Sequence[dict[str, Any]], name: str, missing: Any) -> list[Any]:
    return [missing if row[name] is None else row[name] for row in rows]


def string_content(values: Sequence[bytes]) -> bytes:
    return b"".join(bytes([len(value)]) for value in values) + b"".join(values)


def by_typed_lists(rows: Sequence[dict[str, Any]]) -> dict[str, TensorProto]:
    shape = [len(rows), 1]
    return {
        "age": tensor(DT_INT64, shape, int64_val=filled(rows, "age", 77)),
        "age/present": tensor(DT_BOOL, shape, bool_val=[row["age"] is not None for row in rows]),
        "fare": tensor(DT_FLOAT, shape, float_val=filled(rows, "fare", math.nan)),
        "word": tensor(DT_STRING, shape, string_val=filled(rows, "word", b"")),
    }


def by_content(rows: Sequence[dict[str, Any]]) -> dict[str, TensorProto]:
    shape = [len(rows)]
    present = np.array([row["age"] is not None for row in rows])
    return {
        "age": tensor(DT_INT64, shape, np.array(filled(rows, "age", 0), "<i8").tobytes()),
        "age/present": tensor(DT_BOOL, shape, present.tobytes()),
        "fare": tensor(DT_FLOAT, shape, np.array(filled(rows, "fare", math.nan), "<f4").tobytes()),
        "word": tensor(DT_STRING, shape, string_content(filled(rows, "word", b""))),
    }


def by_tensorflow(rows: Sequence[dict[str, Any]]) -> dict[str, TensorProto]:
    return {
        "age": tf.make_tensor_proto(filled(rows, "age", 1), tf.int64),
        "age/present": tf.make_tensor_proto([row["age"] is not None for row in rows]),
        "fare": tf.make_tensor_proto(np.array(filled(rows, "fare", math.nan), np.float32)),
        "word": tf.make_tensor_proto(filled(rows, "word", b"")),
    }


def as_examples(rows: Sequence[dict[str, Any]]) -> dict[str, TensorProto]:
    return {"examples": tensor(DT_STRING, [len(rows)], string_val=[example(**plain(row)) for row in rows])}


ENCODINGS = [by_typed_lists, by_content, by_tensorflow, as_examples]


def decode_one(inputs: dict[str, TensorProto], **changes: Any) -> list[dict[str, list[Any]]]:
    parts = decode_logs([prediction_log(inputs)], **changes)
    assert not any(part.rejects for part in parts)
    return rows_of(parts)


@pytest.mark.parametrize("encode", ENCODINGS)
@given(st.lists(BATCHES, min_size=1, max_size=5))
@hypothesis_settings(max_examples=30, deadline=None)
def test_every_encoding_gives_the_same_features(encode: Any, requests: list[list[dict[str, Any]]]) -> None:
    records = [prediction_log(encode(rows)) for rows in requests]
    parts = decode_logs(records)
    assert rows_of(parts) == [plain(row) for rows in requests for row in rows]
    record_numbers = [i for part in parts if part.batch for i in part.batch.metadata["record"].to_pylist()]
    assert record_numbers == [i for i, rows in enumerate(requests) for _ in rows]
    assert not total(part.accounting for part in parts).forms


@given(st.lists(st.tuples(st.sampled_from(ENCODINGS), BATCHES), min_size=1, max_size=6))
@hypothesis_settings(max_examples=30, deadline=None)
def test_encodings_may_be_mixed_in_a_file(requests: list[Any]) -> None:
    parts = decode_logs([prediction_log(encode(rows)) for encode, rows in requests])
    assert rows_of(parts) == [plain(row) for _, rows in requests for row in rows]


def test_one_value_fills_the_shape() -> None:
    inputs = {
        "age": tensor(DT_INT64, [3, 1], int64_val=[0]),
        "fare": tensor(DT_FLOAT, [3], float_val=[0.0]),
        "word": tensor(DT_STRING, [3], string_val=[b"x"]),
    }
    assert decode_one(inputs) == [{"age": [0], "fare": [0.0], "word": [b"x"]}] * 3


def test_a_scalar_stands_for_every_row() -> None:
    inputs = {"age": tensor(DT_INT64, [2], int64_val=[1, 2]), "fare": tensor(DT_FLOAT, [], float_val=[0.5])}
    assert decode_one(inputs) == [{"age": [1], "fare": [0.5]}, {"age": [2], "fare": [0.5]}]


def test_lists_keep_the_values_that_are_there() -> None:
    inputs = {
        "fare": tensor(DT_FLOAT, [3, 2], float_val=[1, math.nan, math.nan, math.nan, math.nan, 0]),
        "word": tensor(DT_STRING, [3, 2], string_val=[b"a", b"b", b"", b"", b"", b"c"]),
        "age": tensor(DT_INT64, [3, 2], int64_val=[1, 2, 3, 4, 5, 6]),
        "age/present": tensor(DT_BOOL, [3, 2], bool_val=[True, True, False, True, False, False]),
    }
    assert decode_one(inputs) == [
        {"fare": [1.0], "word": [b"a", b"b"], "age": [1, 2]},
        {"age": [4]},
        {"fare": [0.0], "word": [b"c"]},
    ]


def test_a_fixed_shape_keeps_its_positions() -> None:
    expected = Expected({"fare": FeatureType.FLOAT}, fixed=frozenset({"fare"}))
    [first] = decode_one({"fare": tensor(DT_FLOAT, [2, 2], float_val=[1, math.nan] * 2)}, expected=expected)[
        :1
    ]
    assert first["fare"][0] == 1.0
    assert math.isnan(first["fare"][1])
    assert decode_one({"fare": tensor(DT_FLOAT, [1, 2], float_val=[math.nan])}, expected=expected) == [{}]


def test_present_may_have_one_value_a_row_or_be_a_feature_of_its_own() -> None:
    inputs = {
        "age": tensor(DT_INT64, [2, 2], int64_val=[1, 2, 3, 4]),
        "age/present": tensor(DT_BOOL, [2], bool_val=[False, True]),
    }
    assert decode_one(inputs) == [{}, {"age": [3, 4]}]
    both = Expected({"age": FeatureType.INT, "age/present": FeatureType.INT})
    assert decode_one(inputs, expected=both)[0] == {"age": [1, 2], "age/present": [0]}


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (tf.int8, [-128, 0, 127]),
        (tf.uint8, [0, 255]),
        (tf.int16, [-(2**15), 0]),
        (tf.uint16, [2**16 - 1, 0]),
        (tf.int32, [-(2**31), 0]),
        (tf.uint32, [2**32 - 1, 0]),
        (tf.uint64, [2**63 - 1, 0]),
        (tf.bool, [True, False]),
        (tf.float64, [0.1, 0.0]),
        (tf.half, [0.5, 0.0]),
        (tf.bfloat16, [1.5, 0.0]),
    ],
)
@pytest.mark.parametrize("as_content", [False, True])
def test_every_dtype_by_content_and_typed(dtype: tf.DType, values: list[Any], as_content: bool) -> None:
    array = np.array(values, dtype.as_numpy_dtype)
    packed = TensorProto(dtype=dtype.as_datatype_enum, tensor_content=array.tobytes())
    packed.tensor_shape.dim.add(size=len(values))
    proto = packed if as_content else tf.make_tensor_proto(values, dtype, [len(values)])
    name = "fare" if dtype.is_floating else "age"
    wanted = [as_float32(v) for v in values] if dtype.is_floating else [int(v) for v in values]
    assert [row[name] for row in decode_one({name: proto})] == [[value] for value in wanted]


def test_metadata_comes_from_the_log_and_the_response_first() -> None:
    log = PredictionLog.FromString(examples_log([example(age=[1])] * 2, seconds=1373760000, version=7))
    log.predict_log.request.model_spec.version.value = 3
    [decoded] = decode_logs([log.SerializeToString(), examples_log([example(age=[2])])])
    assert decoded.batch is not None
    rows = decoded.batch.metadata.to_pylist()
    assert rows[0] == rows[1]
    assert rows[0] == {
        "time": dt.datetime(2013, 7, 14, tzinfo=dt.UTC),
        "model": "flights",
        "version": "7",
        "signature": "serving_default",
        "request_id": None,
        "origin": None,
        "sampling_rate": None,
        "response": None,
        "file": "log",
        "record": 0,
    }
    assert (rows[2]["time"], rows[2]["version"], rows[2]["record"]) == (None, None, 1)


def test_the_window_counts_records_not_rows() -> None:
    start = dt.datetime.fromtimestamp(1000, dt.UTC)
    window = Window(start, start + dt.timedelta(seconds=10))
    times = [999, 1000, 1009, 1010, 0, 2**63 - 1, -(2**63)]
    parts = decode_logs([examples_log([example(age=[s % 100])] * 3, s) for s in times], window=window)
    counts = total(part.accounting for part in parts)
    assert (counts.decoded, counts.rows, counts.outside_window, counts.no_time) == (2, 6, 2, 3)
    assert rows_of(parts) == [{"age": [0]}] * 3 + [{"age": [9]}] * 3


def test_without_a_window_time_is_not_asked_for() -> None:
    counts = total(part.accounting for part in decode_logs([examples_log([example(age=[1])])]))
    assert (counts.decoded, counts.no_time) == (1, 0)


def test_a_request_with_one_bad_example_is_rejected_whole() -> None:
    good = [examples_log([example(age=[i])] * 2) for i in range(2)]
    parts = decode_logs([good[0], examples_log([example(age=[5]), b"garbage"]), good[1]])
    [reject] = [reject for part in parts for reject in part.rejects]
    assert (reject.record, reject.reason) == (1, "not_a_tf_example")
    assert rows_of(parts) == [{"age": [0]}] * 2 + [{"age": [1]}] * 2


def test_an_only_string_feature_is_not_taken_for_examples() -> None:
    assert decode_one({"word": tensor(DT_STRING, [1], string_val=[b"\n\x00"])}) == [{"word": [b"\n\x00"]}]


def test_runs_are_cut_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 10)
    parts = decode_logs(
        [prediction_log({"age": tensor(DT_INT64, [4], int64_val=[i] * 4)}) for i in range(10)]
    )
    assert len(parts) == 4
    assert rows_of(parts) == [{"age": [i]} for i in range(10) for _ in range(4)]


def test_other_records_are_rejects_with_their_reason() -> None:
    records = [b"garbage", example(age=[1]), b"", prediction_log({})]
    parts = decode_logs(records)
    assert [reject.reason for part in parts for reject in part.rejects] == [
        "not_a_prediction_log",
        "not_a_prediction_log",
        "not_a_prediction_log",
        "no_inputs",
    ]


@given(BATCHES, st.data())
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_changed_byte_never_crashes(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    encode = data.draw(st.sampled_from(ENCODINGS))
    record = bytearray(prediction_log(encode(rows)))
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    parts = decode_logs([bytes(record), examples_log([example(age=[1])])])
    assert rows_of(parts)[-1] == {"age": [1]}


def test_serialized_examples_equal_plain_protobuf() -> None:
    sets = [[example(age=[i], fare=[0.0], word=[b"a", b""])] * (i % 3) for i in range(9)]
    rows = rows_of(decode_logs([examples_log(examples) for examples in sets]))
    assert rows == [plain_row(e) for e in itertools.chain.from_iterable(sets)]
