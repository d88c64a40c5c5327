from __future__ import annotations

import datetime as dt
import itertools
import math
import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support_logs import (
    DT_BOOL,
    DT_FLOAT,
    DT_INT64,
    DT_STRING,
    EXPECTED,
    as_float32,
    decode,
    example,
    examples_log,
    plain_row,
    prediction_log,
    rows_of,
    settings,
    tensor,
)
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from transforms.accounting import total
from transforms.logs import prediction_log as module
from transforms.logs.features import Expected, FeatureType
from transforms.logs.prediction_log import PredictionLogDecoder
from transforms.logs.tensors import MAX_CLAIMED
from transforms.records import Decoded, Window

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


def decode_all(records: Sequence[bytes], **changes: Any) -> list[Decoded]:
    parts = decode(PredictionLogDecoder(settings(**changes)), records)
    assert total(part.accounting for part in parts).balance() == 0
    return parts


def decode_one(inputs: dict[str, TensorProto], **changes: Any) -> list[dict[str, list[Any]]]:
    parts = decode_all([prediction_log(inputs)], **changes)
    assert not any(part.rejects for part in parts)
    return rows_of(parts)


def reason_of(inputs: dict[str, TensorProto]) -> str:
    [reject] = [reject for part in decode_all([prediction_log(inputs)]) for reject in part.rejects]
    return reject.reason


@pytest.mark.parametrize("encode", ENCODINGS)
@given(st.lists(BATCHES, min_size=1, max_size=5))
@hypothesis_settings(max_examples=30, deadline=None)
def test_every_encoding_gives_the_same_features(encode: Any, requests: list[list[dict[str, Any]]]) -> None:
    records = [prediction_log(encode(rows)) for rows in requests]
    parts = decode_all(records)
    assert rows_of(parts) == [plain(row) for rows in requests for row in rows]
    found = [i for part in parts if part.batch for i in part.batch.metadata["record"].to_pylist()]
    assert found == [i for i, rows in enumerate(requests) for _ in rows]
    assert not total(part.accounting for part in parts).forms


@given(st.lists(st.tuples(st.sampled_from(ENCODINGS), BATCHES), min_size=1, max_size=6))
@hypothesis_settings(max_examples=30, deadline=None)
def test_encodings_may_be_mixed_in_a_file(requests: list[Any]) -> None:
    parts = decode_all([prediction_log(encode(rows)) for encode, rows in requests])
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
    [decoded] = decode_all([log.SerializeToString(), examples_log([example(age=[2])])])
    assert decoded.batch is not None
    rows = decoded.batch.metadata.to_pylist()
    assert rows[0] == rows[1]
    assert rows[0] == {
        "time": dt.datetime(2013, 7, 14, tzinfo=dt.UTC),
        "model": "flights",
        "version": "7",
        "signature": "serving_default",
        "file": "log",
        "record": 0,
    }
    assert (rows[2]["time"], rows[2]["version"], rows[2]["record"]) == (None, None, 1)


def test_the_window_counts_records_not_rows() -> None:
    start = dt.datetime.fromtimestamp(1000, dt.UTC)
    window = Window(start, start + dt.timedelta(seconds=10))
    times = [999, 1000, 1009, 1010, 0, 2**63 - 1, -(2**63)]
    parts = decode_all([examples_log([example(age=[s % 100])] * 3, s) for s in times], window=window)
    counts = total(part.accounting for part in parts)
    assert (counts.decoded, counts.rows, counts.outside_window, counts.no_time) == (2, 6, 2, 3)
    assert rows_of(parts) == [{"age": [0]}] * 3 + [{"age": [9]}] * 3


def test_without_a_window_time_is_not_asked_for() -> None:
    counts = total(part.accounting for part in decode_all([examples_log([example(age=[1])])]))
    assert (counts.decoded, counts.no_time) == (1, 0)


def test_a_request_with_one_bad_example_is_rejected_whole() -> None:
    good = [examples_log([example(age=[i])] * 2) for i in range(2)]
    parts = decode_all([good[0], examples_log([example(age=[5]), b"garbage"]), good[1]])
    [reject] = [reject for part in parts for reject in part.rejects]
    assert (reject.record, reject.reason) == (1, "not_a_tf_example")
    assert rows_of(parts) == [{"age": [0]}] * 2 + [{"age": [1]}] * 2


def test_an_only_string_feature_is_not_taken_for_examples() -> None:
    assert decode_one({"word": tensor(DT_STRING, [1], string_val=[b"\n\x00"])}) == [{"word": [b"\n\x00"]}]


def test_runs_are_cut_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 10)
    parts = decode_all([examples_log([example(age=[i])] * 4) for i in range(10)])
    assert len(parts) == 4
    assert rows_of(parts) == [{"age": [i]} for i in range(10) for _ in range(4)]


def test_other_records_are_rejects_with_their_reason() -> None:
    classify = PredictionLog()
    classify.classify_log.request.model_spec.name = "m"
    records = [b"garbage", example(age=[1]), b"", classify.SerializeToString(), prediction_log({})]
    parts = decode_all(records)
    assert [reject.reason for part in parts for reject in part.rejects] == [
        "not_a_prediction_log",
        "not_a_prediction_log",
        "not_a_prediction_log",
        "unsupported_log_type",
        "no_inputs",
    ]


HOSTILE = {
    "more than there are": ("age", tensor(DT_INT64, [3], int64_val=[1, 2]), "bad_tensor_shape"),
    "fewer than there are": ("age", tensor(DT_INT64, [1], int64_val=[1, 2]), "bad_tensor_shape"),
    "none of what is claimed": ("age", tensor(DT_INT64, [2]), "bad_tensor_shape"),
    "one for 2^60": ("age", tensor(DT_INT64, [1 << 60], int64_val=[1]), "bad_tensor_shape"),
    "one for too many": ("age", tensor(DT_INT64, [MAX_CLAIMED + 1], int64_val=[1]), "bad_tensor_shape"),
    "rows without values": ("age", tensor(DT_INT64, [1 << 60, 0]), "bad_tensor_shape"),
    "product past 64 bits": ("age", tensor(DT_INT64, [1 << 62] * 4, b"12345678"), "bad_tensor_shape"),
    "negative": ("age", tensor(DT_INT64, [-1], int64_val=[1]), "bad_tensor_shape"),
    "negatives": ("age", tensor(DT_INT64, [-2, -1], int64_val=[1, 2]), "bad_tensor_shape"),
    "many dimensions": ("age", tensor(DT_INT64, [1] * 300, int64_val=[1]), "bad_tensor_shape"),
    "content of part of a value": ("fare", tensor(DT_FLOAT, [1], b"12345"), "bad_tensor"),
    "content of another size": ("fare", tensor(DT_FLOAT, [1], b"12345678"), "bad_tensor_shape"),
    "strings past the end": ("word", tensor(DT_STRING, [1], b"\x09ab"), "bad_tensor"),
    "a length without end": ("word", tensor(DT_STRING, [1], b"\xff" * 20), "bad_tensor"),
    "strings for 2^60": ("word", tensor(DT_STRING, [1 << 60], b"\x00"), "bad_tensor_shape"),
    "above int64": ("age", tensor(23, [1], uint64_val=[1 << 63]), "bad_tensor"),
    "a resource": ("age", tensor(20, [1]), "unsupported_dtype"),
    "no dtype": ("age", TensorProto(), "unsupported_dtype"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_tensors_are_rejects_within_bounded_memory(case: str) -> None:
    name, proto, reason = HOSTILE[case]
    tracemalloc.start()
    assert reason_of({name: proto}) == reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_an_unknown_rank_and_batches_that_differ_are_rejects() -> None:
    unknown = TensorProto(dtype=DT_INT64, int64_val=[1])
    unknown.tensor_shape.unknown_rank = True
    assert reason_of({"age": unknown}) == "bad_tensor_shape"
    two, three = (tensor(DT_INT64, [n], int64_val=[1] * n) for n in (2, 3))
    assert reason_of({"age": two, "fare": three}) == "batch_mismatch"


def test_a_batch_without_rows_is_decoded_whatever_its_width() -> None:
    [decoded] = decode_all([prediction_log({"age": tensor(DT_INT64, [0, 2, 1 << 62])})])
    assert (decoded.batch, decoded.accounting.decoded, decoded.accounting.rows) == (None, 1, 0)


def test_a_scalar_for_a_great_batch_is_bounded() -> None:
    wide = tensor(DT_STRING, [], string_val=[b"x"])
    inputs = {"age": tensor(DT_INT64, [MAX_CLAIMED], int64_val=[1]), "word": wide, "fare": wide}
    assert reason_of(inputs) == "bad_tensor_shape"


def test_rejects_hold_no_payload() -> None:
    parts = decode_all([prediction_log({"word": tensor(DT_STRING, [3], string_val=[b"secret", b"secret"])})])
    assert "secret" not in repr([part.rejects for part in parts])
    record = b"garbage"
    [decoded] = decode_all([record], keep_payloads=True)
    assert decoded.rejects[0].payload == record


@st.composite
def protos(draw: st.DrawFn) -> TensorProto:
    values = draw(st.lists(st.integers(0, 200), max_size=4))
    fields: dict[str, Any] = {
        "float_val": values,
        "int64_val": values,
        "int_val": values,
        "half_val": values,
        "bool_val": [bool(value) for value in values],
        "string_val": [bytes([value]) for value in values],
    }
    name = draw(st.sampled_from(sorted(fields)))
    shape = draw(st.lists(st.sampled_from([-1, 0, 1, 2, 3, 1 << 40, 1 << 62]), max_size=3))
    content = draw(st.just(b"") | st.binary(max_size=16))
    return tensor(draw(st.integers(0, 25)), shape, content, **{name: fields[name]})


NAMES = st.sampled_from(["age", "age/present", "fare", "word", "word/present", "examples", "other"])


@given(st.lists(st.dictionaries(NAMES, protos(), max_size=3).map(prediction_log) | st.binary(max_size=40)))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_request_is_decoded_or_rejected(records: list[bytes]) -> None:
    parts = decode_all(records)
    counts = total(part.accounting for part in parts)
    assert counts.read == len(records)
    assert counts.total_rejected == sum(len(part.rejects) for part in parts)
    assert all(
        field.name in EXPECTED.types for part in parts if part.batch for field in part.batch.features.schema
    )


@given(BATCHES, st.data())
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_changed_byte_never_crashes(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    encode = data.draw(st.sampled_from(ENCODINGS))
    record = bytearray(prediction_log(encode(rows)))
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    parts = decode_all([bytes(record), examples_log([example(age=[1])])])
    assert rows_of(parts)[-1] == {"age": [1]}


def test_serialized_examples_equal_plain_protobuf() -> None:
    sets = [[example(age=[i], fare=[0.0], word=[b"a", b""])] * (i % 3) for i in range(9)]
    rows = rows_of(decode_all([examples_log(examples) for examples in sets]))
    assert rows == [plain_row(e) for e in itertools.chain.from_iterable(sets)]
