"""Rows for probes are kept in one pass, and a baseline's probes cover what its features can hold."""

from __future__ import annotations

import pyarrow as pa
from support.homes import Home

from trueserve.transforms.baseline import probes, synthetic_probes
from trueserve.transforms.branches.samples.sample import SamplePartial, read
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of
from trueserve.transforms.serving import parity


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


def pooled(parts: list[Batch], rows: int) -> list[int]:
    partial = SamplePartial(rows, ("number", "word"))
    for part in parts:
        partial.add(part)
    kept = read(partial.result())
    assert kept is not None
    return [row["row"][0] for row in kept.to_pylist()]


def test_one_pass_keeps_what_is_rare_however_the_rows_are_cut() -> None:
    kept = pooled(batches(3000, 3000), 40)
    assert set(kept) >= RARE
    assert len(kept) < 40 + 60, "bounded"
    assert pooled(batches(3000, 7)[::-1], 40) == kept
    assert not set(pooled(batches(3000, 3000), 1)) - set(kept), "random rows are the only others"


def test_random_rows_come_in_the_order_of_their_hashes() -> None:
    fewer, more = (pooled(batches(3000, 500), rows) for rows in (10, 200))
    assert [row for row in more if row in set(fewer)] == fewer


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
