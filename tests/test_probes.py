"""Probes survive their file to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import support_baseline as support
import tensorflow as tf

from transforms import tfrecord
from transforms.baseline import probes
from transforms.errors import UsageError
from transforms.transform_graph import TransformGraph


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
