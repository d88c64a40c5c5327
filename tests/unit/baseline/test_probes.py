"""Probes cover what features can hold, and survive their file to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from support import baseline as support

from trueserve.transforms.baseline import probes
from trueserve.transforms.core import representative_rows
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import tfrecord
from trueserve.transforms.graph.transform_graph import TransformGraph


def test_rows_and_outputs_come_back_as_they_were(tmp_path: Path) -> None:
    raw = support.batch(support.ROWS)
    transformed = TransformGraph(support.transform_output()).apply(raw)
    path = str(tmp_path / "probes.tfrecord")
    probes.write_probes(path, raw, transformed)
    read_raw, read_transformed = probes.read_probes(path)
    assert read_raw.equals(raw)
    assert read_transformed.equals(transformed)


def test_kinds_bits_and_the_three_ways_of_having_no_value(tmp_path: Path) -> None:
    floats = [[0.1], [float("inf")], [], None, [1e-45, -0.0]]
    raw = pa.RecordBatch.from_arrays(
        [
            pa.array(floats, pa.large_list(pa.float32())),
            pa.array([[2**62], [], None, [-1], [0]], pa.large_list(pa.int64())),
            pa.array([[b"\xff\x00"], [b""], [], None, [b"a", b"b"]], pa.large_list(pa.large_binary())),
            pa.nulls(5, pa.large_list(pa.int64())),
        ],
        names=["f", "i", "b", "never"],
    )
    path = str(tmp_path / "probes.tfrecord")
    probes.write_probes(path, raw, raw.slice(0, 5))
    for batch in probes.read_probes(path):
        assert batch.schema.equals(raw.schema)
        assert batch.to_pydict() == raw.to_pydict()
        written, read = (np.asarray(b.column(0).flatten()).view(np.int32) for b in (raw, batch))
        assert written.tolist() == read.tolist()


def test_records_are_tf_examples_with_kinds_and_without_missing_values(tmp_path: Path) -> None:
    raw = support.batch(support.ROWS)
    probes.write_probes(str(tmp_path / "probes"), raw, raw)
    (records,) = tfrecord.read_records((tmp_path / "probes").open("rb"))
    third = tf.train.Example.FromString(records[2]).features.feature
    assert third["raw/tags"].WhichOneof("kind") == "bytes_list"
    assert not third["raw/tags"].bytes_list.value
    assert "raw/distance" not in third
    assert len(records) == len(support.ROWS)


@pytest.mark.parametrize("content", [b"", b"nonsense, and long enough", tfrecord.frame(b"\xff\xff")])
def test_a_broken_file_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "probes.tfrecord"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"probes\.tfrecord holds no probes"):
        probes.read_probes(str(path))


def test_distinct_words_are_kept_by_a_hash_of_the_word() -> None:
    distinct = pa.table(
        {"w": pa.array([[b"w%d" % (i % 500)] for i in range(5000)], pa.large_list(pa.large_binary()))}
    )
    rows = representative_rows.covering(distinct, ["w"], 30)
    assert 30 <= len(rows) <= 31
    turned = distinct.take(pa.array(range(4999, -1, -1)))
    again = representative_rows.covering(turned, ["w"], 30)
    values = [{distinct["w"][int(i)].as_py()[0] for i in some} for some in (rows, [4999 - i for i in again])]
    assert len(values[0] & values[1]) >= 30, "the same words, whatever their order"


def test_the_edge_of_a_bucket_is_found_between_real_rows() -> None:
    """The graph has its edge at 3.7, and no row lies within 0.4 of it."""
    kinds = pa.large_list(pa.float32()), pa.large_list(pa.int64())
    rows = pa.RecordBatch.from_arrays([pa.array([[float(i)] for i in range(9)], kinds[0])], names=["x"])

    def apply(batch: pa.RecordBatch) -> pa.RecordBatch:
        values = batch.column(0).to_pylist()
        # It refuses rows without a value.
        became = [[int(value[0] >= 3.7)] if value else None for value in values]
        return pa.RecordBatch.from_arrays([pa.array(became, kinds[1])], names=["y"])

    made = probes.make_probes(rows, apply, {"y": ["x"]}, ["x"], [])
    outputs = {
        why: value[0]
        for why, (value,) in zip(made.synthetic, (r.values() for r in made.rows.to_pylist()[9:]), strict=True)
    }
    assert (
        3.7 - 2e-4 < outputs["x: right below an edge"] < 3.7 <= outputs["x: right above an edge"] < 3.7 + 2e-4
    )
    assert outputs["x: far above the range"] == 88.0
    assert "x: missing" not in outputs, "what the graph refuses is no probe"
