"""Probes as rows and as requests, a signature's outputs as rows, and the proof on a small model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trueserve.transforms.serving import parity
from trueserve.transforms.serving.tolerance import RaggedRows


def probe(**features: Any) -> Any:
    """A probe whose features are named with `__` for the slash; a list of no value has no kind."""
    example = tf.train.Example()
    for name, values in features.items():
        feature = example.features.feature[name.replace("__", "/")]
        if values and isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        elif values and isinstance(values[0], float):
            feature.float_list.value.extend(values)
        elif values:
            feature.int64_list.value.extend(values)
    return example


def as_lists(rows: Mapping[str, RaggedRows]) -> dict[str, tuple[list[Any], list[int]]]:
    return {name: (row.values.tolist(), row.lengths.tolist()) for name, row in rows.items()}


PROBES = [
    probe(raw__n=[1, 2], raw__s=[b"a"], transformed__x=[1.5], prediction__y=[0.25], made_up=[b"empty"]),
    probe(raw__n=[], transformed__x=[2.5, 3.5], transformed__w=[b"z"]),
    probe(raw__f=[0.5], transformed__i=[7]),
]


def test_a_part_of_a_probe() -> None:
    raw = parity.part(PROBES[0], "raw/")
    assert sorted(raw.features.feature) == ["n", "s"]
    assert sorted(parity.part(PROBES[0], "raw/", ["s"]).features.feature) == ["s"]
    assert sorted(parity.part(PROBES[0], "nothing/").features.feature) == []
    assert tf.train.Example.FromString(parity.request(PROBES[0])) == raw


def test_rows_of_all_probes() -> None:
    rows = parity.rows_of(PROBES, "transformed/")
    assert as_lists(rows) == {
        "i": ([7], [0, 0, 1]),
        "w": ([b"z"], [0, 1, 0]),
        "x": ([1.5, 2.5, 3.5], [1, 2, 0]),
    }
    assert [rows[name].values.dtype for name in ("i", "w", "x")] == [np.int64, object, np.float32]
    empty = parity.rows_of([probe(raw__n=[])], "raw/")["n"]
    assert (empty.values.dtype, empty.lengths.tolist()) == (np.float32, [0])


def test_raw_values() -> None:
    assert list(parity.raw_values(PROBES[0], "n")) == [1, 2]
    assert parity.raw_values(PROBES[1], "n") == []
    assert parity.raw_values(PROBES[0], "absent") == []
    assert "raw/absent" not in PROBES[0].features.feature


@pytest.mark.parametrize(
    ("example", "missing"),
    [
        (probe(raw__f=[1.0, math.nan]), True),
        (probe(raw__s=[b"a", b""]), True),
        (probe(raw__f=[0.0], raw__s=[b"0"], raw__n=[0]), False),
        (probe(transformed__f=[math.nan], other=[b""]), False),
        (probe(), False),
    ],
)
def test_values_that_a_tensor_takes_for_missing(example: Any, missing: bool) -> None:
    assert parity.says_missing(example) is missing


def test_dense_tensors() -> None:
    specs = {
        "n": (tf.int64, None),
        "n/present": (tf.bool, None),
        "s": (tf.string, 2),
        "f": (tf.float32, None),
        "f/present": (tf.bool, None),
        "g": (tf.float32, None),
    }
    tensors = parity.dense_tensors(PROBES, specs)
    assert sorted(tensors) == ["f", "f/present", "g", "n", "n/present", "s"]
    assert tensors["n"].tolist() == [[1, 2], [0, 0], [0, 0]]
    assert tensors["n/present"].tolist() == [[True, True], [False, False], [False, False]]
    assert tensors["s"].tolist() == [[b"a", b""], [b"", b""], [b"", b""]]
    assert np.isnan(tensors["f"]).tolist() == [[True], [True], [False]]
    assert tensors["f/present"].tolist() == [[False], [False], [True]]
    assert tensors["g"].shape == (3, 0)
    # A feature may be called so, too.
    assert "x/present" in parity.dense_tensors(
        [probe(**{"raw__x/present": [1]})], {"x/present": (tf.int64, 1)}
    )


def constants(**arrays: Any) -> dict[str, Any]:
    return {name.replace("__", "/"): tf.constant(array) for name, array in arrays.items()}


def test_dense_outputs_are_rows_of_as_many_values() -> None:
    outputs = constants(
        a=[[1.0, 2.0], [3.0, 4.0]], b=[True, False], c=[b"x", b"y"], d=np.zeros((0, 3), np.float32)
    )
    rows = parity.columns(outputs, {})
    assert as_lists(rows) == {
        "a": ([1.0, 2.0, 3.0, 4.0], [2, 2]),
        "b": ([1, 0], [1, 1]),
        "c": ([b"x", b"y"], [1, 1]),
        "d": ([], []),
    }
    assert [rows[name].values.dtype for name in "abc"] == [np.float32, np.int64, object]
    other = parity.columns(
        {
            "h": tf.constant([1.5], tf.bfloat16),
            "u": tf.constant([2], tf.uint8),
            "d": tf.constant([0.1], tf.float64),
        },
        {},
    )
    assert [other[name].values.dtype for name in "hud"] == [np.float32, np.int64, np.float32]


SPARSE = {"s__indices": [[0, 1], [0, 4], [2, 3]], "s__values": [7, 8, 9], "s__shape": [3, 5]}


def test_sparse_outputs_are_rows_of_their_values() -> None:
    outputs = {**constants(**SPARSE), **constants(t__values=[1], u__shape=[2], v__indices=[3])}
    assert as_lists(parity.columns(outputs, {})) == {
        "s": ([7, 8, 9], [2, 0, 1]),
        "t/values": ([1], [1]),
        "u/shape": ([2], [1]),
        "v/indices": ([3], [1]),
    }


def test_outputs_that_are_sparse_or_ragged_themselves_are_the_same() -> None:
    sparse = tf.SparseTensor(SPARSE["s__indices"], SPARSE["s__values"], SPARSE["s__shape"])
    ragged = tf.ragged.constant([[7, 8], [], [9]])
    assert as_lists(parity.columns({"s": sparse, "r": ragged}, {})) == {
        "s": ([7, 8, 9], [2, 0, 1]),
        "r": ([7, 8, 9], [2, 0, 1]),
    }


def test_sparse_outputs_with_indices_of_their_own() -> None:
    nothing = RaggedRows(np.zeros(0, np.int64), np.zeros(0, np.int64))
    rows = as_lists(parity.columns(constants(**SPARSE), {"s$sparse_values": nothing}))
    assert rows == {"s$sparse_values": ([7, 8, 9], [2, 0, 1]), "s$sparse_indices_0": ([1, 4, 3], [2, 0, 1])}


def test_some_rows_and_all_rows_together() -> None:
    rows = RaggedRows(np.array([1, 2, 3, 4]), np.array([2, 0, 1, 1]))
    part = parity.take(rows, [3, 0])
    assert (part.values.tolist(), part.lengths.tolist()) == ([4, 1, 2], [1, 2])
    nothing = parity.take(rows, [])
    assert (nothing.values.tolist(), nothing.lengths.tolist()) == ([], [])
    both = parity.joined([{"x": part}, {"x": rows, "y": rows}])
    assert as_lists(both) == {"x": ([4, 1, 2, 1, 2, 3, 4], [1, 2, 2, 0, 1, 1])}
    assert parity.joined([]) == {}


Function = Callable[[Any], dict[str, Any]]
RAW_SPEC = {"n": tf.io.FixedLenFeature([], tf.float32)}


def write_model(
    folder: Path,
    probes: list[Any],
    transform: Function,
    predict: Function,
    tensors: Callable[[Any], dict[str, Any]] | None = None,
) -> str:
    """A SavedModel with these signatures of `n`, and its probes."""
    module = tf.Module()
    text = tf.TensorSpec([None], tf.string, name="examples")

    def of_examples(function: Function) -> Any:
        def call(examples: Any) -> dict[str, Any]:
            return function(tf.io.parse_example(examples, RAW_SPEC)["n"])

        return tf.function(call).get_concrete_function(text)

    signatures = {"transform_features": of_examples(transform), "serving_default": of_examples(predict)}
    if tensors is not None:
        dense = tf.TensorSpec([None, 1], tf.float32, name="n")
        signatures["raw_tensors"] = tf.function(lambda n: tensors(n[:, 0])).get_concrete_function(n=dense)
    tf.saved_model.save(module, str(folder), signatures=signatures)
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "probes.tfrecord")) as writer:
        for example in probes:
            writer.write(example.SerializeToString())
    return str(folder)


def doubling_probes(count: int) -> list[Any]:
    return [
        probe(raw__n=[float(i)], transformed__x=[2.0 * i], prediction__y=[2.0 * i + 1]) for i in range(count)
    ]


def doubled(n: Any) -> dict[str, Any]:
    return {"x": n * 2}


def predicted(n: Any) -> dict[str, Any]:
    return {"y": n * 2 + 1}


def test_a_model_that_gives_what_it_must(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", doubling_probes(3), doubled, predicted, predicted)
    assert parity.check(folder) == []
    assert parity.answer(folder) == []


def test_a_model_that_gives_something_else(tmp_path: Path) -> None:
    # The 17th probe is not put to it alone.
    folder = write_model(
        tmp_path / "m",
        doubling_probes(18),
        lambda n: {"x": n * 2 + tf.cast(n >= 16, tf.float32)},
        lambda n: {"y": n * 2 + 1 - tf.cast(tf.shape(n)[0] > 1, tf.float32)},
        lambda n: {"y": n * 2},
    )
    differences = parity.answer(folder)
    assert [(each["signature"], each["name"]) for each in differences] == [
        ("transform_features", "x"),
        ("serving_default", "y"),
        ("raw_tensors", "y"),
    ]


def test_a_model_that_looks_at_the_other_rows(tmp_path: Path) -> None:
    folder = write_model(
        tmp_path / "m",
        doubling_probes(3),
        lambda n: {"x": n * 2 + tf.cast(tf.shape(n)[0] == 1, tf.float32)},
        predicted,
    )
    assert [difference.signature for difference in parity.check(folder)] == [
        "transform_features, one at a time"
    ]


@pytest.mark.parametrize(
    ("probes", "message"),
    [
        ([], "0 features and 0 outputs of 0 probes are known"),
        ([probe(raw__n=[1.0], transformed__x=[2.0])], "1 features and 0 outputs of 1 probes are known"),
        ([probe(raw__n=[1.0], prediction__y=[2.0])], "0 features and 1 outputs of 1 probes are known"),
    ],
)
def test_nothing_to_prove_a_model_by(tmp_path: Path, probes: list[Any], message: str) -> None:
    folder = write_model(tmp_path / "m", probes, doubled, predicted)
    with pytest.raises(ValueError, match=f"nothing to prove it by: {message}"):
        parity.check(folder)


def test_probes_with_missing_values_are_not_put_to_tensors(tmp_path: Path) -> None:
    probes = [
        *doubling_probes(2),
        probe(raw__n=[math.nan], transformed__x=[math.nan], prediction__y=[math.nan]),
    ]
    folder = write_model(tmp_path / "m", probes, doubled, predicted, predicted)
    assert parity.check(folder) == []
