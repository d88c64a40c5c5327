"""What the graph is fed with for features that requests do not have: as many rows, and no value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from trueserve.transforms.graph import transform_graph
from trueserve.transforms.graph.transform_graph import TransformGraph

ROWS = tf.constant(3, tf.int64)


def no_values(spec: Any) -> Any:
    value = transform_graph._no_values(spec, ROWS)
    assert spec.is_compatible_with(value)
    assert int(transform_graph._num_rows(value)) == 3
    return value


@pytest.mark.parametrize(
    ("shape", "expected"), [([None, None], [3, 1]), (None, [3, 1]), ([None, None, None], [3, 1, 1])]
)
def test_a_sparse_input_has_no_value(shape: Any, expected: list[int]) -> None:
    value = no_values(tf.SparseTensorSpec(shape, tf.float32))
    assert value.dense_shape.numpy().tolist() == expected
    assert value.values.shape == [0]


def test_a_ragged_input_has_empty_rows() -> None:
    plain = no_values(tf.RaggedTensorSpec([None, None], tf.float32, 1, tf.int64))
    assert plain.to_list() == [[], [], []]
    nested = no_values(tf.RaggedTensorSpec([None, None, None], tf.string, 2, tf.int64))
    assert nested.to_list() == [[], [], []]
    assert nested.ragged_rank == 2
    deep = no_values(tf.RaggedTensorSpec([None, None, None, None], tf.string, 3, tf.int64))
    assert deep.ragged_rank == 3


def test_a_dense_input_has_noughts() -> None:
    assert no_values(tf.TensorSpec([None], tf.int64)).numpy().tolist() == [0, 0, 0]
    assert no_values(tf.TensorSpec([None, 2], tf.int64)).numpy().tolist() == [[0, 0]] * 3
    assert no_values(tf.TensorSpec([None, None], tf.int64)).numpy().tolist() == [[0]] * 3


def test_rows_are_counted_in_tensors_of_every_kind() -> None:
    for value in (
        tf.zeros([4, 2]),
        tf.sparse.from_dense(tf.zeros([4, 2])),
        tf.RaggedTensor.from_row_lengths([1.0, 2.0, 3.0], [0, 2, 0, 1]),
    ):
        assert int(transform_graph._num_rows(value)) == 4


def test_rows_that_fit_have_as_many_values_as_the_shape() -> None:
    columns = {"a": [[1], [1, 2], None, []], "b": [[1, 2], [1, 2], [1, 2], [1]]}
    batch = pa.RecordBatch.from_arrays(
        [pa.array(values, pa.large_list(pa.int64())) for values in columns.values()], list(columns)
    )
    fits = transform_graph._rows_that_fit(batch, {"a": 1, "b": 2})
    assert fits.tolist() == [True, False, False, False]
    assert transform_graph._rows_that_fit(batch, {"b": 2}).tolist() == [True, True, True, False]
    assert transform_graph._rows_that_fit(batch.slice(0, 2), {"b": 2}) is None
    assert transform_graph._rows_that_fit(batch, {}) is None


def test_rows_go_where_they_came_from() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([7, 8])], ["a"])
    mask = np.array([False, True, False, True, False])
    assert transform_graph._spread(batch, mask).column(0).to_pylist() == [None, 7, None, 8, None]


class Vocabularies(TransformGraph):
    """Only the folder of a graph's assets."""

    def __init__(self, assets: Any) -> None:
        self._assets = assets


def test_the_first_and_the_last_words_of_a_vocabulary_are_kept(tmp_path: Any) -> None:
    vocabulary = [f"w{n}".encode() for n in range(2001)]
    (tmp_path / "a").write_bytes(b"\n".join(vocabulary[:2000]) + b"\n")
    (tmp_path / "b").write_bytes(b"\n".join(vocabulary))
    (tmp_path / "c.gz").write_bytes(b"packed")
    assert Vocabularies(tmp_path).vocabularies() == [
        vocabulary[:2000],
        vocabulary[:1000] + vocabulary[1001:],
        [b""],
    ]
