"""Bodies of MLflow, Seldon and pandas: the same rows, whatever stands around them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bodies as support
from support.bodies import b64, reason

from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.features import FeatureType

BODIES = Bodies(support.settings())
NAMES = ["age", "fare", "word"]
LISTS: list[list[Any]] = [[3, 1.5, "a"], [4, None, "b"]]
ROWS = [dict(zip(NAMES, values, strict=True)) for values in LISTS]
COLUMNS = {name: [row[name] for row in ROWS] for name in NAMES}
SAME: dict[str, Any] = {
    "split": {"dataframe_split": {"columns": NAMES, "index": [0, 1], "data": LISTS}},
    "split without index": {"dataframe_split": {"columns": NAMES, "data": LISTS}, "params": {"k": 1}},
    "split of MLflow 1": {"columns": NAMES, "index": [0, 1], "data": LISTS},
    "split of Azure": {"input_data": {"columns": NAMES, "index": [0, 1], "data": LISTS}},
    "records": {"dataframe_records": ROWS},
    "inputs": {"inputs": COLUMNS},
    "list of records": ROWS,
    "columns": COLUMNS,
    "columns and a signature": {"signature_name": "serving_default"} | COLUMNS,
    "columns by row": {name: {"7": values[0], "8": values[1]} for name, values in COLUMNS.items()},
    "ndarray": {"data": {"names": NAMES, "ndarray": LISTS}, "meta": {}},
    "ndarray of objects": {"data": {"ndarray": ROWS}},
}


@pytest.mark.parametrize("body", SAME.values(), ids=SAME.keys())
def test_every_layout_gives_the_same_rows(body: Any) -> None:
    assert BODIES.read(body).rows == ROWS


def test_a_tensor_of_seldon_has_flat_values() -> None:
    body = {"data": {"names": ["age", "fare"], "tensor": {"shape": [2, 2], "values": [1, 2.5, 3, 4.5]}}}
    assert BODIES.read(body).rows == [{"age": 1, "fare": 2.5}, {"age": 3, "fare": 4.5}]


@pytest.mark.parametrize("names", [None, [0, 1, 2], []])
@pytest.mark.parametrize("key", ["dataframe_split", "input_data"])
def test_values_without_names_take_those_of_columns(names: Any, key: str) -> None:
    named = Bodies(support.settings(columns=tuple(NAMES)))
    frame = {"data": LISTS} if names is None else {"columns": names, "data": LISTS}
    assert named.read({key: frame}).rows == ROWS
    assert reason(BODIES, {key: frame}) == "no_names"
    assert named.read({"data": {"ndarray": LISTS}}).rows == ROWS


def test_bytes_are_decoded_in_every_layout() -> None:
    for body in (
        {"dataframe_split": {"columns": ["word"], "data": [[b64(b"\xff")], [b64(b"a")]]}},
        {"dataframe_records": [{"word": b64(b"\xff")}, {"word": b64(b"a")}]},
        {"word": [b64(b"\xff"), b64(b"a")]},
    ):
        assert BODIES.read(body).rows == [{"word": b"\xff"}, {"word": b"a"}]


def test_equal_lists_of_features_of_one_value_are_columns() -> None:
    lists = {"age": [1, 2], "tags": [["a", "b"], []]}
    assert BODIES.read(lists).rows == [{"age": 1, "tags": ["a", "b"]}, {"age": 2, "tags": []}]
    # What is no feature, and as long, is a column; what is not stands for every row.
    rest = {"age": [1, 2], "other": [5, 6], "more": [1, 2, 3]}
    assert BODIES.read(rest).rows == [
        {"age": 1, "other": 5, "more": [1, 2, 3]},
        {"age": 2, "other": 6, "more": [1, 2, 3]},
    ]
    for lists in ({"age": [3], "tags": [["a"]]}, {"age": {"0": 3}, "tags": {"0": ["a"]}}):
        assert BODIES.read(lists).rows == [{"age": 3, "tags": ["a"]}]
    assert BODIES.read({"age": [3], "fare": [1.5]}).rows == [{"age": 3, "fare": 1.5}]


@pytest.mark.parametrize(
    "row",
    [
        {"age": 3, "tags": ["a", "b"]},
        {"age": [3, 4], "fare": 1.5},
        {"age": [3, 4], "fare": [1.5]},
        {"tags": ["a", "b"]},
        {"age": [3], "tags": ["a", "b"]},
        {"age": [3], "tags": ["a"]},
        {"age": [3], "fare": [1.5], "tags": ["a"], "other": [1]},
        {"age": {"x": 1}, "fare": {"y": 1}},
    ],
)
def test_other_objects_with_features_are_a_row(row: dict[str, Any]) -> None:
    assert BODIES.read(row).rows == [row]


def test_lists_in_an_instance_are_its_values() -> None:
    row = {"age": [1, 2], "fare": [1.5, 2.5]}
    assert BODIES.instances({"instances": [row]}) == [row]


def test_a_feature_of_such_a_name_is_a_feature() -> None:
    bodies = Bodies(support.settings({"data": FeatureType.BYTES, "columns": FeatureType.BYTES}))
    assert bodies.read({"data": "x", "columns": "y"}).rows == [{"data": "x", "columns": "y"}]
    split = Bodies(support.settings({"dataframe_split": FeatureType.INT}))
    assert split.read({"dataframe_split": 3}).rows == [{"dataframe_split": 3}]


@pytest.mark.parametrize("key", ["dataframe_split", "dataframe_records", "input_data"])
def test_a_column_of_such_a_name_is_no_frame(key: str) -> None:
    assert BODIES.read({"age": 3, key: "x"}).rows == [{"age": 3, key: "x"}]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"dataframe_split": "secret"}, "not_a_request"),
        ({"dataframe_split": {"columns": NAMES}}, "not_a_request"),
        ({"dataframe_split": {"columns": "secret", "data": LISTS}}, "not_a_request"),
        ({"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}, "not_a_request"),
        ({"dataframe_split": {"columns": ["caf\udce9"], "data": [["secret"]]}}, "not_a_request"),
        ({"dataframe_split": {"columns": [["age"]], "data": [["secret"]]}}, "not_a_request"),
        ({"dataframe_split": {"columns": NAMES, "data": []}}, "no_instances"),
        ({"dataframe_split": {"columns": NAMES, "data": [["secret"]]}}, "columns_differ"),
        ({"dataframe_split": {"columns": NAMES, "data": ["secret"]}}, "columns_differ"),
        ({"dataframe_split": {"columns": ["secret"], "data": [[1]]}}, "no_features"),
        ({"dataframe_records": "secret"}, "not_a_request"),
        ({"dataframe_records": []}, "no_instances"),
        ({"dataframe_records": [{"secret": 1}]}, "no_features"),
        ({"data": {"tensor": {"shape": [2], "values": ["secret"]}}}, "bad_tensor_shape"),
        ({"data": {"tensor": {"shape": [1, 1, 1], "values": ["secret"]}}}, "bad_tensor_shape"),
        ({"data": {"tensor": {"shape": [-1, -1], "values": ["secret"]}}}, "bad_tensor_shape"),
        ({"data": {"tensor": "secret"}}, "bad_tensor_shape"),
        ({"data": {"tensor": {"shape": [1 << 40, 0], "values": []}}}, "no_instances"),
        ({"age": [1, 2], "tags": ["secret"]}, "rows_differ"),
        ({"age": [], "fare": []}, "no_instances"),
        ({"invalid": ["secret"]}, "not_a_request"),
        ({"strData": "secret"}, "not_a_request"),
        ({"inputs": {"secret": [1, 2]}}, "no_features"),
        ({"instances": [{"secret": 1}]}, "no_features"),
        ({"instances": [{"age": 1}, {"secret": 1}]}, "no_features"),
        ({"examples": [{"secret": 1}]}, "no_features"),
        ({"instances": [{"features": {"secret": 1}}]}, "no_features"),
    ],
)
def test_what_is_no_request_is_a_reject_with_one_reason(body: dict[str, Any], why: str) -> None:
    assert reason(BODIES, body) == why


def test_an_instance_without_known_features_names_some_that_are() -> None:
    with pytest.raises(Exception, match=r"'age', 'fare', 'word', \.\.\.") as error:
        BODIES.instances({"instances": [{"secret": 1}]})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("name", ["age", "late", "age/present", "requested", "served_by"])
def test_a_name_that_means_something_is_enough(name: str) -> None:
    settings = support.settings(time_feature="requested", version_feature="served_by")
    assert Bodies(settings).instances({"instances": [{name: 1, "new": 2}]}) == [{name: 1, "new": 2}]


def test_an_instance_may_be_empty_where_it_stands_as_one() -> None:
    assert BODIES.instances({"instances": [{}]}) == [{}]
    assert reason(BODIES, {}) == "not_a_request"


@given(st.lists(st.fixed_dictionaries({"age": st.integers(), "tags": st.lists(st.text())}), min_size=2))
def test_any_rows_are_the_same_in_every_layout(rows: list[dict[str, Any]]) -> None:
    lists = [[row["age"], row["tags"]] for row in rows]
    columns = {name: [row[name] for row in rows] for name in ("age", "tags")}
    for body in (
        columns,
        rows,
        {"dataframe_records": rows},
        {"dataframe_split": {"columns": ["age", "tags"], "data": lists}},
        {"data": {"names": ["age", "tags"], "ndarray": lists}},
    ):
        assert BODIES.read(body).rows == rows
