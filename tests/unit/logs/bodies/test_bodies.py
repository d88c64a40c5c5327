from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support import bodies as support
from support.bodies import b64, example

from transforms.logs.bodies.instances import MAX_INSTANCES, Bodies, body_of
from transforms.logs.features import FeatureType
from transforms.logs.request import BadRecordError
from transforms.logs.rows.log_fields import answers_of, first_text, rate_of, text_of
from transforms.logs.rows.parse_time import micros_of
from transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES

BODIES = Bodies(support.settings())
AT = 1_591_203_604_000_000  # 2020-06-03 17:00:04 UTC
OF_EXAMPLE: dict[str, list[Any]] = {"age": [30], "fare": [2.5], "word": [b"blue"]}


def reason(bodies: Bodies, body: dict[str, Any], method: str = "instances") -> str:
    with pytest.raises(BadRecordError) as error:
        getattr(bodies, method)(body)
    assert "secret" not in error.value.detail
    return error.value.reason


def tensor(name: str, shape: list[Any], datatype: str, data: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


# --- instances: rows


def test_rows_are_objects_of_values_lists_and_nested_lists() -> None:
    rows = [{"age": 3, "fare": 1.5, "tags": ["a", "b"]}, {"age": None, "tags": [["a"], ["b"]]}, {}]
    assert BODIES.instances({"signature_name": "any", "instances": rows}) == rows


def test_bytes_are_decoded_wherever_a_value_may_stand() -> None:
    rows = [{"word": b64(b"\xff\0"), "tags": [b64(b"a"), "b", [b64(b"")]]}]
    assert BODIES.instances({"instances": rows}) == [{"word": b"\xff\0", "tags": [b"a", "b", [b""]]}]


@pytest.mark.parametrize("text", ["AAEC/w==", "AAEC/w", "AAEC\n/w==", " AAEC /w"])
def test_base64_is_taken_with_and_without_padding_and_lines(text: str) -> None:
    assert BODIES.instances({"instances": [{"word": {"b64": text}}]}) == [{"word": b"\0\1\2\xff"}]


@pytest.mark.parametrize("text", ["secret!", "AAECA", "AA=A", "é", 5, None, ["AA=="]])
def test_bad_base64_is_a_reject(text: object) -> None:
    assert reason(BODIES, {"instances": [{"word": {"b64": text}}]}) == "bad_base64"


def test_objects_that_are_no_bytes_stay_and_are_counted_later() -> None:
    rows = [{"word": {"b64": "AA==", "more": 1}, "age": {"a": {"b64": "secret!"}}}]
    assert BODIES.instances({"instances": rows}) == rows


def test_a_feature_may_be_named_b64() -> None:
    bodies = Bodies(support.settings({"b64": FeatureType.INT}))
    assert bodies.instances({"instances": [{"b64": 3}]}) == [{"b64": 3}]


def test_values_without_names_take_those_of_columns_or_of_the_only_feature() -> None:
    named = Bodies(support.settings(columns=("age", "word")))
    assert named.instances({"instances": [[3, "a"], [None, ["b"]]]}) == [
        {"age": 3, "word": "a"},
        {"age": None, "word": ["b"]},
    ]
    only = Bodies(support.settings({"fare": FeatureType.FLOAT}))
    assert only.instances({"instances": [1.0, [2.0, 5.0]]}) == [{"fare": 1.0}, {"fare": [2.0, 5.0]}]
    # https://www.tensorflow.org/tfx/serving/api_rest: two tensors of shape [1, 2] each
    assert only.instances({"instances": [[[1, 2]], [[3, 4]]]}) == [{"fare": [[1, 2]]}, {"fare": [[3, 4]]}]


def test_values_without_names_are_rejects_where_there_are_none_or_too_few() -> None:
    assert reason(BODIES, {"instances": ["secret"]}) == "no_names"
    named = Bodies(support.settings(columns=("age", "word")))
    assert reason(named, {"instances": [[1, "secret", 3]]}) == "columns_differ"
    assert reason(named, {"instances": ["secret"]}) == "columns_differ"


# --- inputs: columns


def test_columns_are_rows_of_the_same_number() -> None:
    # The two requests of https://www.tensorflow.org/tfx/serving/api_rest that are one in rows and columns
    in_rows = {
        "instances": [
            {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
            {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]},
        ]
    }
    in_columns = {
        "inputs": {
            "tag": ["foo", "bar"],
            "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
            "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]],
        }
    }
    assert BODIES.instances(in_columns) == BODIES.instances(in_rows) == in_rows["instances"]


@given(st.lists(st.fixed_dictionaries({"age": st.integers(), "tags": st.lists(st.text())}), min_size=1))
def test_any_rows_are_the_same_in_columns(rows: list[dict[str, Any]]) -> None:
    columns = {name: [row[name] for row in rows] for name in ("age", "tags")}
    assert BODIES.instances({"inputs": columns}) == BODIES.instances({"instances": rows}) == rows


def test_a_scalar_stands_for_every_row_and_alone_for_one() -> None:
    assert BODIES.instances({"inputs": {"age": [1, 2], "word": "a"}}) == [
        {"age": 1, "word": "a"},
        {"age": 2, "word": "a"},
    ]
    assert BODIES.instances({"inputs": {"age": 1, "word": b64(b"a")}}) == [{"age": 1, "word": b"a"}]


def test_columns_of_different_numbers_of_rows_are_a_reject() -> None:
    assert reason(BODIES, {"inputs": {"age": [1, 2], "word": ["secret"]}}) == "rows_differ"


def test_one_input_needs_no_name() -> None:
    only = Bodies(support.settings({"fare": FeatureType.FLOAT}))
    assert only.instances({"inputs": [1.0, 2.5]}) == [{"fare": 1.0}, {"fare": 2.5}]
    assert only.instances({"inputs": 7}) == [{"fare": 7}]


# --- examples to classify or regress


def test_the_context_is_part_of_every_example() -> None:
    # https://www.tensorflow.org/tfx/serving/api_rest: bytes of an image beside text, and a common context
    body = {
        "signature_name": "classify_objects",
        "context": {"tags": ["x"], "age": 1},
        "examples": [{"word": b64(b"image bytes"), "fare": 1}, {"fare": [2.5], "age": 3}],
    }
    assert BODIES.instances(body) == [
        {"tags": ["x"], "age": [1], "word": [b"image bytes"], "fare": [1]},
        {"tags": ["x"], "age": [3], "fare": [2.5]},
    ]
    assert BODIES.instances({"examples": [{"age": 1}], "context": None}) == [{"age": [1]}]


# --- serialized examples


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [b64(example(**OF_EXAMPLE))]},
        {"instances": [{"examples": b64(example(**OF_EXAMPLE))}]},
        {"instances": [{"my_own_input": b64(example(**OF_EXAMPLE))}]},
        {"inputs": {"examples": [b64(example(**OF_EXAMPLE))]}},
        {"inputs": [b64(example(**OF_EXAMPLE))]},
        {"inputs": b64(example(**OF_EXAMPLE))},
        {"inputs": [tensor("examples", [1], "BYTES", [b64(example(**OF_EXAMPLE))])]},
    ],
)
def test_a_serialized_example_gives_its_features(body: dict[str, Any]) -> None:
    assert BODIES.instances(body) == [OF_EXAMPLE]


def test_an_example_stands_beside_a_key_that_is_passed_through() -> None:
    row = {"key": "7", "inputs": b64(example(age=[1, 2]))}
    assert BODIES.instances({"instances": [row]}) == [{"key": "7", "age": [1, 2]}]


def test_bytes_that_are_no_example_are_rejects_where_one_must_stand() -> None:
    for row in (b64(b"\xffsecret"), {"examples": b64(b"\xffsecret")}):
        assert reason(BODIES, {"instances": [row]}) == "not_a_tf_example"


def test_bytes_of_a_feature_are_never_an_example() -> None:
    data = example(**OF_EXAMPLE)
    assert BODIES.instances({"instances": [{"word": b64(data)}]}) == [{"word": data}]
    bodies = Bodies(support.settings({"examples": FeatureType.BYTES}))
    for more in ({}, {"key": 1}):
        assert bodies.instances({"instances": [{"examples": b64(data)} | more]}) == [
            {"examples": data} | more
        ]


def test_bytes_for_the_only_feature_are_its_value_unless_they_are_an_example_that_has_it() -> None:
    bodies = Bodies(support.settings({"word": FeatureType.BYTES}))
    for data in (b"", b"\xff", example(other=[1])):
        assert bodies.instances({"instances": [b64(data)]}) == [{"word": data}]
    assert bodies.instances({"instances": [b64(example(word=[b"a"]))]}) == [{"word": [b"a"]}]


def test_unknown_bytes_beside_features_are_an_unknown_feature() -> None:
    row = {"age": 1, "image": b64(example(age=[2]))}
    assert BODIES.instances({"instances": [row]}) == [{"age": 1, "image": example(age=[2])}]
    assert BODIES.instances({"instances": [{"image": b64(b"\xff")}]}) == [{"image": b"\xff"}]


# --- what is no request


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "not_a_request"),
        ({"signature_name": "secret"}, "not_a_request"),
        ({"instances": [{}], "inputs": {"age": [1]}}, "not_a_request"),
        ({"instances": None}, "not_a_request"),
        ({"instances": {"age": 1}}, "not_a_request"),
        ({"instances": "secret"}, "not_a_request"),
        ({"instances": []}, "no_instances"),
        ({"inputs": []}, "no_instances"),
        ({"inputs": {}}, "no_instances"),
        ({"inputs": {"age": []}}, "no_instances"),
        ({"examples": []}, "no_instances"),
        ({"examples": ["secret"]}, "not_a_request"),
        ({"examples": [{}], "context": "secret"}, "not_a_request"),
        ({"instances": [{1: 2}]}, "not_a_request"),
        ({"instances": [{"caf\udce9": "secret"}]}, "not_a_request"),
        ({"inputs": {"caf\udce9": ["secret"]}}, "not_a_request"),
    ],
)
def test_what_is_no_request_is_a_reject(body: dict[str, Any], why: str) -> None:
    assert reason(BODIES, body) == why


@pytest.mark.parametrize("value", [None, 5, [], "[1, 2]", "5", "null", b"[]"])
def test_a_body_is_an_object(value: object) -> None:
    with pytest.raises(BadRecordError) as error:
        body_of(value)
    assert error.value.reason == "not_a_request"


def test_a_body_is_an_object_or_its_text() -> None:
    assert body_of({"a": 1}) == body_of('{"a": 1}') == body_of(b'{"a": 1}') == {"a": 1}


# --- bounds


def test_very_many_rows_are_a_reject_within_bounded_memory() -> None:
    values = [0] * (8 * MAX_INSTANCES)
    only = Bodies(support.settings({"age": FeatureType.INT}))
    for body in (
        {"instances": values},
        {"inputs": values},
        {"inputs": {"age": values}},
        {"examples": values},
    ):
        tracemalloc.start()
        assert reason(only, body) == "too_many_instances"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 << 20


def test_what_stands_once_for_very_many_rows_is_a_reject() -> None:
    shared = {f"f{n}": 0 for n in range(1 + MAX_FILLED_VALUES // 10_000)}
    assert reason(BODIES, {"examples": [{}] * 10_000, "context": shared}) == "too_many_instances"
    assert reason(BODIES, {"inputs": {"age": [0] * 10_000} | shared}) == "too_many_instances"


def test_lists_nested_very_deep_are_a_reject() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for body in ({"instances": [{"age": deep}]}, {"inputs": {"age": deep}}, {"inputs": deep}):
        assert reason(BODIES, body) == "nested_too_deeply"
    assert reason(BODIES, {"inputs": [tensor("age", [1], "INT64", deep)]}) == "nested_too_deeply"


@given(support.JSON)
@hypothesis_settings(max_examples=300)
def test_any_json_is_rows_or_a_reject(value: Any) -> None:
    bodies = Bodies(support.settings(columns=("age", "word")))
    for body in (value, {"instances": value}, {"inputs": value}, {"examples": [value], "context": value}):
        for read in (bodies.instances, bodies.open_inference):
            rows = None
            with contextlib.suppress(BadRecordError):
                rows = read(body_of(body))
            assert rows is None or len(rows) > 0
            assert all(isinstance(name, str) for row in rows or () for name in row)


# --- the v2 protocol


def test_tensors_of_the_v2_protocol_are_rows() -> None:
    # https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md:
    # data are flat in row-major order, or nested as the shape says
    inputs = [
        tensor("age", [2], "UINT32", [1, 2]),
        tensor("fare", [2, 1], "FP32", [1.5, 2]),
        tensor("word", [2, 2], "BYTES", ["a", "b", b64(b"\xff"), "d"]),
        tensor("tags", [2, 2, 1], "BYTES", [[["a"], ["b"]], [["c"], ["d"]]]),
        tensor("more", [], "BOOL", [True]),
    ]
    assert BODIES.open_inference({"id": "42", "inputs": inputs}) == [
        {"age": 1, "fare": [1.5], "word": ["a", "b"], "tags": ["a", "b"], "more": True},
        {"age": 2, "fare": [2], "word": [b"\xff", "d"], "tags": ["c", "d"], "more": True},
    ]


def test_a_matrix_without_names_of_features_takes_those_of_columns() -> None:
    named = Bodies(support.settings(columns=("age", "fare")))
    matrix = [tensor("input-0", [2, 2], "FP32", [[1, 2.5], [3, 4.5]])]
    assert named.open_inference({"inputs": matrix}) == [{"age": 1, "fare": 2.5}, {"age": 3, "fare": 4.5}]
    assert BODIES.open_inference({"inputs": matrix}) == [{"input-0": [1, 2.5]}, {"input-0": [3, 4.5]}]
    wide = [tensor("input-0", [1, 3], "FP32", [1, 2, 3])]
    assert named.open_inference({"inputs": wide}) == [{"input-0": [1, 2, 3]}]


def test_tensors_without_values_are_rows_of_empty_lists() -> None:
    inputs = [tensor("tags", [2, 0], "BYTES", []), tensor("age", [2], "INT8", [1, 2])]
    assert BODIES.open_inference({"inputs": inputs}) == [{"tags": [], "age": 1}, {"tags": [], "age": 2}]


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (None, "no_inputs"),
        ([], "no_inputs"),
        ({"age": [1]}, "no_inputs"),
        (["secret"], "not_a_request"),
        ([tensor("age", [1], "INT64", [1]), tensor("age", [1], "INT64", [1])], "not_a_request"),
        ([tensor("caf\udce9", [1], "INT64", [1])], "not_a_request"),
        ([{"shape": [1], "datatype": "INT64", "data": [1]}], "not_a_request"),
        ([tensor("age", [1], "secret", [1])], "unsupported_dtype"),
        ([tensor("age", [1], ["secret"], [1])], "unsupported_dtype"),  # type: ignore[arg-type]
        ([tensor("age", [2], "INT64", ["secret"])], "bad_tensor_shape"),
        ([tensor("age", [0], "INT64", ["secret"])], "bad_tensor_shape"),
        ([tensor("age", [-1], "INT64", [1])], "bad_tensor_shape"),
        ([tensor("age", [-1, -1], "INT64", [1])], "bad_tensor_shape"),
        ([tensor("age", [1 << 62] * 4, "INT64", [1])], "bad_tensor_shape"),
        ([tensor("age", [1 << 62, 0], "INT64", [])], "bad_tensor_shape"),
        ([tensor("age", [1 << 70], "INT64", [1])], "bad_tensor_shape"),
        ([tensor("age", [1.0], "INT64", [1])], "bad_tensor_shape"),
        ([tensor("age", [True], "INT64", [1])], "bad_tensor_shape"),
        ([tensor("age", "secret", "INT64", [1])], "bad_tensor_shape"),  # type: ignore[arg-type]
        ([tensor("age", [1] * 300, "INT64", [1])], "bad_tensor_shape"),
        (
            [tensor("age", [1 << 19, 0], "INT64", []), tensor("b", [1 << 20, 0], "INT8", [])],
            "bad_tensor_shape",
        ),
        ([{"name": "age", "shape": [1], "datatype": "INT64"}], "binary_tensor"),
        ([tensor("age", [1], "INT64", [1]), tensor("fare", [2], "FP32", [1, 2])], "rows_differ"),
        ([tensor("age", [0], "INT64", [])], "no_instances"),
        ([tensor("word", [1], "BYTES", [{"b64": "secret!"}])], "bad_base64"),
        ([tensor("examples", [1], "BYTES", [b64(b"\xffsecret")])], "not_a_tf_example"),
    ],
)
def test_hostile_tensors_of_the_v2_protocol_are_rejects(inputs: Any, why: str) -> None:
    assert reason(BODIES, {"inputs": inputs}, "open_inference") == why


# --- CSV


def test_csv_takes_names_from_columns_and_numbers_where_the_schema_has_them() -> None:
    named = Bodies(support.settings(columns=("age", "fare", "word", "late")))
    text = '3,1,"a,""b""\n c",0\r\n-4,2.5e1,5,\n,, , 7'
    assert named.csv(text) == [
        {"age": 3, "fare": 1.0, "word": 'a,"b"\n c', "late": "0"},
        {"age": -4, "fare": 25.0, "word": "5"},
        {"word": " ", "late": " 7"},
    ]
    assert [type(value) for value in named.csv("3,1,a,b")[0].values()] == [int, float, str, str]


@pytest.mark.parametrize(
    ("cell", "age"),
    [("+3", 3), (" 3 ", 3), ("3.0", 3.0), ("1_000", "1_000"), ("0x1F", "0x1F"), ("one", "one"), ("٣", "٣")],
)
def test_cells_are_numbers_only_if_written_so(cell: str, age: object) -> None:
    [row] = Bodies(support.settings(columns=("age",))).csv(cell)
    assert (row["age"], type(row["age"])) == (age, type(age))


def test_long_digits_stay_text_and_nan_is_a_number() -> None:
    assert Bodies(support.settings(columns=("age",))).csv("9" * 100_000) == [{"age": "9" * 100_000}]
    [row] = Bodies(support.settings(columns=("fare",))).csv("NaN")
    assert math.isnan(row["fare"])


def test_of_one_column_an_empty_line_is_a_row() -> None:
    assert Bodies(support.settings(columns=("age",))).csv("1\n\n2\n") == [{"age": 1}, {}, {"age": 2}]
    assert Bodies(support.settings(columns=("age", "word"))).csv("1,a\n\n2,b\n") == [
        {"age": 1, "word": "a"},
        {"age": 2, "word": "b"},
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [("1", "bad_csv_row"), ("1,2,secret", "bad_csv_row"), ('1,"secret', "bad_csv_row"), ("", "no_instances")],
)
def test_bad_csv_is_a_reject(text: str, why: str) -> None:
    with pytest.raises(BadRecordError) as error:
        Bodies(support.settings(columns=("age", "word"))).csv(text)
    assert (error.value.reason, "secret" in error.value.detail) == (why, False)


def test_csv_without_names_is_a_reject() -> None:
    with pytest.raises(BadRecordError) as error:
        BODIES.csv("1,2")
    assert error.value.reason == "no_names"


@given(st.text(alphabet='1,."\n\r\0a\ud800', max_size=12))
def test_any_csv_is_rows_or_a_reject(text: str) -> None:
    rows = None
    with contextlib.suppress(BadRecordError):
        rows = Bodies(support.settings(columns=("age", "word"))).csv(text)
    assert rows is None or len(rows) > 0


# --- what a log says beside the body


@pytest.mark.parametrize(
    "value",
    [
        "2020-06-03 17:00:04 UTC",
        "2020-06-03T17:00:04Z",
        "2020-06-03T19:00:04+02:00",
        "2020-06-03 17:00:04",
        "2020-06-03 17:00:04.000000 UTC",
        b"2020-06-03T17:00:04.000000000Z",
        "1591203604",
        "1591203604.0",
        "1.591203604E9",
        AT // 1_000_000,
        AT // 1_000,
        AT,
        AT * 1_000,
        float(AT) / 1e6,
        dt.datetime(2020, 6, 3, 17, 0, 4),
        dt.datetime(2020, 6, 3, 17, 0, 4, tzinfo=dt.UTC),
        dt.datetime(2020, 6, 3, 12, 0, 4, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
    ],
)
def test_times_in_all_their_forms(value: object) -> None:
    assert micros_of(value) == AT


def test_dates_and_fractions_of_seconds_are_times() -> None:
    assert (
        micros_of(dt.date(2020, 6, 3))
        == micros_of("2020-06-03")
        == micros_of("20200603")
        == AT - 61_204_000_000
    )
    assert micros_of(1591203604.25) == micros_of("2020-06-03 17:00:04.25 UTC") == AT + 250_000


NO_TIMES = [None, True, 0, -1, 0.0, math.nan, math.inf, 1 << 63, 1e300, 10**400, "", "now", "\ud800", b"\xff"]


@pytest.mark.parametrize("value", [*NO_TIMES, "9" * 100, [AT], {}, dt.datetime(1, 1, 1), dt.date(1970, 1, 1)])
def test_what_is_no_time_is_none(value: object) -> None:
    assert micros_of(value) is None


@given(st.datetimes(min_value=dt.datetime(1970, 1, 2), timezones=st.timezones()))
def test_a_time_is_the_same_as_text(time: dt.datetime) -> None:
    assert micros_of(time) == micros_of(time.isoformat()) or time.utcoffset() is None


@given(support.JSON | st.decimals() | st.binary(max_size=9))
def test_any_value_is_text_a_time_and_a_rate_or_none(value: Any) -> None:
    assert isinstance(text_of(value), str | None)
    assert isinstance(micros_of(value), int | None)
    assert isinstance(rate_of(value), float | None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("v2", "v2"),
        (b"v2", "v2"),
        (3, "3"),
        (3.0, "3"),
        (1.5, "1.5"),
        (Decimal("5123456789012345678.000000000"), "5123456789012345678"),
        (Decimal("1E+999999999"), None),
        (Decimal("sNaN"), None),
        (10**400, None),
        (math.inf, None),
        ("", None),
        (True, None),
        ({}, None),
    ],
)
def test_names_and_numbers_as_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_the_first_field_with_text_counts() -> None:
    assert first_text({"a": None, "b": "", "c": 0}, ("a", "b", "c", "d")) == "0"
    assert first_text({}, ("a",)) is None


def test_a_rate_is_unset_or_a_number_or_odd() -> None:
    assert [rate_of(value) for value in (None, "", 0, 0.0, 0.25, "0.25", 1, 10)] == [
        *[None] * 4,
        0.25,
        0.25,
        1.0,
        10.0,
    ]
    assert all(math.isnan(rate_of(value) or 0) for value in ("x", True, [1], 10**400))


ROWS = [{"p": [1, 2], "q": "a"}, {"p": [3, 4], "q": "b"}]


@pytest.mark.parametrize(
    ("response", "answers"),
    [
        ({"predictions": [0.1, 0.2]}, [0.1, 0.2]),
        ('{"predictions": [[0.1], [0.2]]}', [[0.1], [0.2]]),
        ({"results": [0.1, 0.2]}, [0.1, 0.2]),
        ({"result": [[["a", 0.5]], [["b", 1]]]}, [[["a", 0.5]], [["b", 1]]]),
        ({"outputs": {"p": [[1, 2], [3, 4]], "q": ["a", "b"]}}, ROWS),
        ({"outputs": [[1], [2]]}, [[1], [2]]),
        (
            {"outputs": [tensor("p", [2, 2], "INT8", [1, 2, 3, 4]), tensor("q", [2], "BYTES", ["a", "b"])]},
            ROWS,
        ),
        ({"predictions": [0.1]}, None),
        ({"predictions": [0.1, 0.2, 0.3]}, None),
        ({"predictions": {"p": [1, 2]}}, [{"p": 1}, {"p": 2}]),
        ({"outputs": {"p": [1, 2], "q": [1]}}, None),
        ({"outputs": {"p": 1}}, None),
        ({"outputs": {}}, None),
        ({"outputs": [tensor("p", [3], "INT8", [1, 2])] * 2}, None),
        ({"error": "secret"}, None),
        ("no JSON", None),
        ("[1, 2]", None),
        (None, None),
        (5, None),
    ],
)
def test_answers_are_one_for_each_row_or_none(response: object, answers: list[Any] | None) -> None:
    assert answers_of(response, 2) == answers


@given(support.JSON)
def test_any_response_is_answers_or_none(value: Any) -> None:
    for response in (value, {"predictions": value}, {"outputs": value}, json.dumps(value)):
        answers = answers_of(response, 2)
        assert answers is None or len(answers) == 2
