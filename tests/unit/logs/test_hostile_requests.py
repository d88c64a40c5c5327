from __future__ import annotations

import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import (
    DT_BOOL,
    DT_FLOAT,
    DT_INT64,
    DT_STRING,
    EXPECTED,
    decode_logs,
    prediction_log,
    rows_of,
    tensor,
)
from tensorflow.core.framework.tensor_pb2 import TensorProto

from trueserve.transforms.core.accounting import total
from trueserve.transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES


def reason_of(inputs: dict[str, TensorProto]) -> str:
    [reject] = [reject for part in decode_logs([prediction_log(inputs)]) for reject in part.rejects]
    return reject.reason


HOSTILE = {
    "more than there are": ("age", tensor(DT_INT64, [3], int64_val=[1, 2]), "bad_tensor_shape"),
    "fewer than there are": ("age", tensor(DT_INT64, [1], int64_val=[1, 2]), "bad_tensor_shape"),
    "none of what is claimed": ("age", tensor(DT_INT64, [2]), "bad_tensor_shape"),
    "one for 2^60": ("age", tensor(DT_INT64, [1 << 60], int64_val=[1]), "bad_tensor_shape"),
    "one for too many": ("age", tensor(DT_INT64, [MAX_FILLED_VALUES + 1], int64_val=[1]), "bad_tensor_shape"),
    "rows without values": ("age", tensor(DT_INT64, [1 << 60, 0]), "bad_tensor_shape"),
    "rows without values beside one": (
        "age",
        tensor(DT_INT64, [1 << 60, 0], int64_val=[1]),
        "bad_tensor_shape",
    ),
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
    [decoded] = decode_logs([prediction_log({"age": tensor(DT_INT64, [0, 2, 1 << 62])})])
    assert (decoded.batch, decoded.accounting.decoded, decoded.accounting.rows) == (None, 1, 0)


def test_a_scalar_for_a_great_batch_is_bounded() -> None:
    wide = tensor(DT_STRING, [], string_val=[b"x"])
    inputs = {"age": tensor(DT_INT64, [MAX_FILLED_VALUES], int64_val=[1]), "word": wide, "fare": wide}
    assert reason_of(inputs) == "bad_tensor_shape"


def test_rejects_hold_no_payload() -> None:
    parts = decode_logs([prediction_log({"word": tensor(DT_STRING, [3], string_val=[b"secret", b"secret"])})])
    assert "secret" not in repr([part.rejects for part in parts])
    record = b"garbage"
    [decoded] = decode_logs([record], keep_payloads=True)
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
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_request_is_decoded_or_rejected(records: list[bytes]) -> None:
    parts = decode_logs(records)
    counts = total(part.accounting for part in parts)
    assert counts.read == len(records)
    assert counts.total_rejected == sum(len(part.rejects) for part in parts)
    assert all(
        field.name in EXPECTED.types for part in parts if part.batch for field in part.batch.features.schema
    )


def peak_of(record: bytes) -> tuple[list[Any], int]:
    tracemalloc.start()
    parts = decode_logs([record])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return parts, peak


@pytest.mark.parametrize(
    "shape", [[MAX_FILLED_VALUES // 2], [1, MAX_FILLED_VALUES // 2], [MAX_FILLED_VALUES // 2, 0]]
)
@pytest.mark.parametrize("name", ["x{}", "age/present{}"])
def test_many_inputs_together_are_bounded(shape: list[int], name: str) -> None:
    inputs = {name.format(i): tensor(DT_INT64, shape, int64_val=[1] * (shape[-1] > 0)) for i in range(150)}
    known = {feature: tensor(dtype, shape, float_val=[1]) for feature, dtype in (("fare", DT_FLOAT),)}
    parts, peak = peak_of(prediction_log(inputs | known))
    assert [r.reason for part in parts for r in part.rejects] == ["bad_tensor_shape"] * (shape[0] > 1)
    assert peak < 48 << 20


def test_the_known_inputs_of_a_record_share_one_bound() -> None:
    shape = [MAX_FILLED_VALUES // 2 + 1]
    inputs = {"age": tensor(DT_INT64, shape, int64_val=[1]), "fare": tensor(DT_FLOAT, shape, float_val=[1])}
    parts, peak = peak_of(prediction_log(inputs))
    assert [r.reason for part in parts for r in part.rejects] == ["bad_tensor_shape"]
    assert peak < 1 << 20


def test_a_long_string_that_fills_a_shape_counts_for_its_length() -> None:
    long = tensor(DT_STRING, [MAX_FILLED_VALUES // 8], string_val=[b"x" * 100])
    assert reason_of({"word": long, "age": tensor(DT_INT64, [], int64_val=[1])}) == "bad_tensor_shape"
    assert reason_of({"examples": long}) == "bad_tensor_shape"


def test_unknown_inputs_are_counted_and_never_filled() -> None:
    wide = {f"x{i}": tensor(DT_FLOAT, [2, 1 << 40], float_val=[0.0]) for i in range(150)}
    nothing = {"y": tensor(DT_FLOAT, [2, 1 << 40], float_val=[math.nan])}
    parts, peak = peak_of(prediction_log(wide | nothing | {"age": tensor(DT_INT64, [2], int64_val=[1, 2])}))
    assert rows_of(parts) == [{"age": [1]}, {"age": [2]}]
    assert total(part.accounting for part in parts).forms == {(n, "unknown_feature"): 2 for n in wide}
    assert peak < 8 << 20


def test_a_mask_that_does_not_fit_its_feature_is_a_reject() -> None:
    age = tensor(DT_INT64, [2, 3], int64_val=[1, 2, 3, 4, 5, 6])
    flags = tensor(DT_BOOL, [2, 2], bool_val=[False] * 4)
    assert reason_of({"age": age, "age/present": flags}) == "bad_mask"
    assert (
        reason_of({"age": age, "age/present": tensor(DT_STRING, [2], string_val=[b"", b"x"])}) == "bad_mask"
    )
