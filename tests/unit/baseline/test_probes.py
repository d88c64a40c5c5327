"""Probes cover what features can hold, and survive their file to the last bit."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from conftest import Home
from support import baseline as support

from transforms import write_results
from transforms.baseline import probes, synthetic_probes
from transforms.core import representative_rows
from transforms.core.batches import Batch
from transforms.core.errors import UsageError
from transforms.files import tfrecord
from transforms.graph.transform_graph import TransformGraph
from transforms.logs.rows.rows import metadata_of
from transforms.serving import parity


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


def rare_rows(count: int) -> dict[str, list[list[object] | None]]:
    """Plain rows, and among them one for everything that can be rare."""
    number: list[list[object] | None] = [[float(i % 50)] for i in range(count)]
    word: list[list[object] | None] = [[b"w%d" % (i % 7)] for i in range(count)]
    number[700], number[1900], number[1901] = [-4000.0], [9e9], [float("nan")]
    number[2500], number[2501], number[2502] = None, [], [1.0, 2.0, 3.0]
    word[300], word[301], word[2999] = [b""], [b"once"], None
    return {"number": number, "word": word}


RARE = {300, 301, 700, 1900, 1901, 2500, 2501, 2502, 2999}


def batches(count: int, size: int) -> list[Batch]:
    types = {"number": pa.large_list(pa.float32()), "word": pa.large_list(pa.large_binary())}
    columns = rare_rows(count) | {"row": [[i] for i in range(count)]}
    arrays = [
        pa.array(values, types.get(name, pa.large_list(pa.int64()))) for name, values in columns.items()
    ]
    all_rows = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    return [
        Batch(
            all_rows.slice(first, size),
            metadata_of(
                min(size, count - first), "f", record=pa.array(range(first, min(first + size, count)))
            ),
        )
        for first in range(0, count, size)
    ]


def pooled(folder: Path, parts: list[Batch], rows: int) -> list[int]:
    path = str(folder / "pool")
    sample = write_results.WriteSampleOfRows(path, rows, ("number", "word"))
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | beam.Create(parts, reshuffle=False) | sample
    kept = write_results.read_rows(path)
    assert kept is not None
    return [row["row"][0] for row in kept.to_pylist()]


def test_one_pass_keeps_what_is_rare_however_the_rows_are_cut(tmp_path: Path) -> None:
    kept = pooled(tmp_path, batches(3000, 3000), 40)
    assert set(kept) >= RARE
    assert len(kept) < 40 + 60, "bounded"
    assert pooled(tmp_path, batches(3000, 7)[::-1], 40) == kept
    assert not set(pooled(tmp_path, batches(3000, 3000), 1)) - set(kept), "random rows are the only others"


def test_random_rows_come_in_the_order_of_their_hashes(tmp_path: Path) -> None:
    fewer, more = (pooled(tmp_path, batches(3000, 500), rows) for rows in (10, 200))
    assert [row for row in more if row in set(fewer)] == fewer


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


def test_a_baselines_probes_cover_vocabularies_edges_and_what_is_missing(home: Home) -> None:
    raw, outputs = (batch.to_pylist() for batch in probes.read_probes(f"{home.baseline}/probes.tfrecord"))
    examples = parity.read_probes(f"{home.baseline}/probes.tfrecord")
    why = [
        e.features.feature["made_up"].bytes_list.value[:] if "made_up" in e.features.feature else []
        for e in examples
    ]
    assert why[: probes.NUM_PROBES] == [[]] * probes.NUM_PROBES
    assert all(why[probes.NUM_PROBES :])
    assert len(why) <= probes.NUM_PROBES + synthetic_probes.MAX_SYNTHETIC_ROWS
    real = range(probes.NUM_PROBES)
    # The head and the tail of both vocabularies, and words that are in neither.
    assert {outputs[i]["carrier_id"][0] for i in real} == set(range(5))
    assert {outputs[i]["carrier_id"][0] for i in range(len(raw))} == set(range(6))
    assert {value for row in outputs for value in row["tag_ids"]} == {-1, 0, 1, 2}
    distances = [row["distance"][0] for row in home.training]
    probed = {raw[i]["distance"][0] for i in real}
    assert {min(distances), max(distances)} <= probed
    assert {raw[i]["delay"] is None for i in real} == {True, False}
    assert {len(raw[i]["tags"] or []) for i in real} == {0, 1, 2, 3}
    # Both sides of each edge of the hour's buckets.
    buckets = {row["hour"][0]: row["hour_bucket"][0] for row in with_hours(raw, outputs)}
    edges = [hour for hour in range(23) if buckets[hour] != buckets[hour + 1]]
    assert len(edges) == 3
    reasons = {reason[0] for reason in why if reason}
    assert {b"carrier: an unknown word", b"carrier: an empty text", b"everything is missing"} <= reasons
    assert {b"distance: far above the range", b"hour: right above an edge", b"tags: two values"} <= reasons


def with_hours(
    raw: list[dict[str, list[int]]], outputs: list[dict[str, list[int]]]
) -> list[dict[str, list[int]]]:
    rows = [{**left, **right} for left, right in zip(raw, outputs, strict=True)]
    return [row for row in rows if row["hour"] and 0 <= row["hour"][0] < 24]


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
