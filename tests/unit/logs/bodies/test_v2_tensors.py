"""Tensors of the open inference protocol, version 2, as rows."""

from __future__ import annotations

from typing import Any

import pytest
from support import bodies as support
from support.bodies import b64, reason, tensor

from trueserve.transforms.logs.bodies.instances import Bodies

BODIES = Bodies(support.settings())


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
    assert reason(BODIES, {"inputs": matrix}, "open_inference") == "no_features"
    wide = [tensor("input-0", [1, 3], "FP32", [1, 2, 3])]
    assert reason(named, {"inputs": wide}, "open_inference") == "no_features"


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
