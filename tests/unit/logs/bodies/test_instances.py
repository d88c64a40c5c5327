"""Requests as TensorFlow Serving takes them: rows, columns, serialized examples, and what is no request."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support import bodies as support
from support.bodies import b64, example, reason, tensor

from trueserve.transforms.logs.bodies.instances import Bodies, body_of
from trueserve.transforms.logs.bodies.row_checks import MAX_INSTANCES
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES

BODIES = Bodies(support.settings())
OF_EXAMPLE: dict[str, list[Any]] = {"age": [30], "fare": [2.5], "word": [b"blue"]}


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
    types = {"tag": FeatureType.BYTES, "signal": FeatureType.INT, "sensor": FeatureType.INT}
    bodies = Bodies(support.settings(types))
    assert bodies.instances(in_columns) == bodies.instances(in_rows) == in_rows["instances"]


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
    assert reason(BODIES, {"instances": [{"image": b64(b"\xff")}]}) == "no_features"


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
