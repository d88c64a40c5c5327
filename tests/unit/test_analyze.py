"""What AnalyzeAndTransform's steps do with one batch, and what is refused before there is a graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from support import baseline
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms import analyze
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.augmentation import Augmentation

BIG = 2**64 - 3


def rows(*values: float) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([[v] for v in values], pa.large_list(pa.float32()))], ["x"])


def test_folders_that_tensorflow_cannot_write_to_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.io.gfile, "get_registered_schemes", lambda: ["", "gs"])
    analyze.check_schemes(baseline="/a/b", temp="gs://bucket/a", other=None)
    with pytest.raises(UsageError) as error:
        analyze.check_schemes(baseline="gs://bucket/a", temp="s3://bucket/a")
    assert str(error.value) == (
        "--temp: TensorFlow, which writes the transform graph, cannot write to 's3://bucket/a' from a remote"
        " runner; use gs://, or the local runner"
    )


def test_the_inputs_are_those_of_the_graph_and_of_its_analysis() -> None:
    def of_graph(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"stops": inputs["stops"]}

    assert analyze.inputs_of(of_graph, baseline.schema()) == {"stops"}

    def of_analysis(inputs: Mapping[str, Any]) -> dict[str, Any]:
        mean = tft.mean(tf.sparse.to_dense(inputs["delay"]))
        return {"stops": inputs["stops"], "mean": mean + tf.zeros([1])}

    assert analyze.inputs_of(of_analysis, baseline.schema()) == {"delay", "stops"}


def test_a_function_that_cannot_be_traced_is_refused_in_one_line() -> None:
    def preprocessing_fn(inputs: Mapping[str, Any]) -> dict[str, Any]:
        raise KeyError("a\n  b " + "x" * 600)

    with pytest.raises(UsageError, match="cannot be traced: KeyError: ") as error:
        analyze.inputs_of(preprocessing_fn, baseline.schema())
    _, _, message = str(error.value).partition("KeyError: ")
    assert len(message) == 500


def test_rows_get_their_hashes_and_give_them_back() -> None:
    hashes = np.array([1, BIG], np.uint64)
    batch = analyze.with_row_hashes(rows(0.5, 1.5), hashes)
    assert batch.schema.names == ["x", analyze.ROW_HASH]
    assert batch.column(1).to_pylist() == [[1], [-3]]
    assert batch.column(0).to_pylist() == [[0.5], [1.5]]
    assert analyze._without_row_hash(batch).equals(rows(0.5, 1.5))


def test_rows_are_augmented_by_their_hashes_and_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    checked: list[int] = []

    def apply(_self: Augmentation, batch: pa.RecordBatch, hashes: pa.Array, _schema: Any) -> pa.RecordBatch:
        seen.append(hashes.to_pylist())
        return rows(*(value[0] + 1 for value in batch.column(0).to_pylist()))

    def check(_self: Augmentation, batch: pa.RecordBatch, hashes: pa.Array, _schema: Any) -> None:
        checked.append(batch.num_rows + len(hashes))

    monkeypatch.setattr(Augmentation, "apply", apply)
    monkeypatch.setattr(Augmentation, "check_repeats", check)
    augment = analyze._Augment(Augmentation("a.py", lambda x: x, True, ""))
    schema = schema_pb2.Schema()
    for value in (0.5, 2.5):
        batch = analyze.with_row_hashes(rows(value, 1.5), np.array([7, BIG], np.uint64))
        assert [part.column(0).to_pylist() for part in augment.process(batch, schema)] == [
            [[value + 1], [2.5]]
        ]
    assert seen == [[7, BIG], [7, BIG]]
    assert checked == [4]


def test_empty_batches_are_dropped() -> None:
    assert analyze._has_rows(rows(1.0)) is True
    assert analyze._has_rows(rows()) is False


def test_a_scheme_is_what_stands_before_the_slashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.io.gfile, "get_registered_schemes", lambda: ["gs"])
    with pytest.raises(UsageError, match=re.escape("'hdfs://gs://a'")):
        analyze.check_schemes(temp="hdfs://gs://a")
