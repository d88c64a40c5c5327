"""JoinRows gives what a join in memory gives, however many partitions and batches there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from support import logs
from support.join import comparison, joined
from support.logs import example
from support.memory_files import SCHEME

from trueserve.transforms import coders, join_rows
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Batch, Fault, Reject
from trueserve.transforms.joining import report
from trueserve.transforms.joining.counts import Joined, RowCounts
from trueserve.transforms.joining.outcome import SideOutput
from trueserve.transforms.joining.piece import Side
from trueserve.transforms.joining.split import JoinSettings, keyed
from trueserve.transforms.logs.features import FeatureType, Settings
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder
from trueserve.transforms.read import ReadResult

EXAMPLES = [example(i=[n], f=[n / 2]) for n in range(30)] + [example(f=[1.0])] * 2
REQUESTS = [example(i=[n], f=[n / 2 + (n % 5 == 0)]) for n in range(10, 45)] + [example(f=[1.0])]


def batches(records: Sequence[bytes], cut: int) -> list[Batch]:
    decoder = TfExampleDecoder(Settings())
    parts = [
        decoded.batch
        for first in range(0, len(records), cut)
        for decoded in logs.decode(decoder, records[first : first + cut], first)
    ]
    return [batch for batch in parts if batch is not None]


def read(pipeline: Any, side: str, records: Sequence[bytes], cut: int, rejects: Sequence[Reject]) -> Any:
    items: dict[str, Sequence[Any]] = {
        "batches": batches(records, cut),
        "rejects": rejects,
        "faults": [Fault(f"{side}.gz", "truncated", "it ends early", 7)],
        "accounting": [Accounting(read=3, decoded=3), Accounting(read=4, decoded=3)],
    }
    return ReadResult(
        *(
            pipeline | f"{side}{name}" >> beam.Create(items[name], reshuffle=False)
            for name in ReadResult._fields
        )
    )


def run(folder: str, settings: JoinSettings, partitions: int, cut: int) -> dict[str, Any]:
    path = f"{folder}/joined-{partitions}-{cut}"
    rejected = [Reject("b.gz", record, "no_example", "bytes") for record in (9, 1, 5, 3)]
    with beam.Pipeline("FnApiRunner") as pipeline:
        reads = {
            Side.EXAMPLES: read(pipeline, "examples", EXAMPLES, cut, ()),
            Side.REQUESTS: read(pipeline, "requests", REQUESTS, cut, rejected),
        }
        _ = reads | join_rows.JoinRows(settings, partitions, path)
    return join_rows.read_joined(path)


@pytest.mark.parametrize(("partitions", "cut"), [(1, 1000), (3, 7)])
@pytest.mark.parametrize("store", ["", f"{SCHEME}://bucket"])
def test_rows_are_joined_as_in_memory(tmp_path: Path, store: str, partitions: int, cut: int) -> None:
    """Also where temporary files are on an object store, which has no file that grows."""
    settings = comparison(["i"], samples=4)
    result = run(store or str(tmp_path), settings, partitions, cut)
    reading = result.pop("reading")
    assert result == report.to_json(joined(EXAMPLES, REQUESTS, settings))
    assert result["counts"]["examples"] == 30
    assert result["counts"]["examples_without_key"] == 2
    assert result["counts"]["requests_without_key"] == 1
    assert result["counts"]["compared"] == 20
    assert result["counts"]["mismatched"] == 4
    assert len(result["samples"]) == 4
    assert [reading[side]["counts"]["read"] for side in ("examples", "requests")] == [7, 7]
    assert [reading[side]["unaccounted"] for side in ("examples", "requests")] == [1, 1]
    assert reading["examples"]["faults"] == ["examples.gz at byte 7: it ends early"]
    assert reading["examples"]["rejects"] == []
    assert reading["requests"]["rejects"] == [f"b.gz, record {record}: bytes" for record in (1, 3, 5)]


def test_rows_wait_on_disk_and_are_not_grouped_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a runner holds of a side are the names of its files: one for each partition."""

    def refuse(*_: Any) -> bytes:
        raise AssertionError("a runner was to hold rows")

    monkeypatch.setattr(coders.PieceCoder, "encode", refuse)
    assert run(str(tmp_path), comparison(["i"]), 3, 7)["counts"]["compared"] == 20
    files = sorted(path.name for path in tmp_path.glob("joined-3-7-partitions/*/*"))
    assert files == ["0", "0", "1", "1", "2", "2"]


def test_a_bundle_that_is_repeated_leaves_no_row_twice(tmp_path: Path) -> None:
    spill = join_rows._Spill(str(tmp_path))
    pieces = [keyed(part, Side.REQUESTS, comparison(["i"]))[0] for part in batches(EXAMPLES[:9], 3)]
    results = []
    for _ in range(2):
        spill.start_bundle()
        for number, piece in zip((0, 1, 0), pieces, strict=True):
            assert piece is not None
            spill.process((number, piece))
        results.append(dict(value.value for value in spill.finish_bundle()))
    assert results[0].keys() == results[1].keys() == {0, 1}
    for files in results:
        assert [[piece.keys for piece in files[number].read()] for number in (0, 1)] == [
            [piece.keys for piece in pieces[::2] if piece],
            [piece.keys for piece in pieces[1:2] if piece],
        ]


def test_types_are_those_of_all_batches(tmp_path: Path) -> None:
    parts = [*batches([example(i=[1])], 1), *batches([example(f=[0.5], b=[b"x"])], 1)]
    path = str(tmp_path / "types")
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | beam.Create(parts, reshuffle=False) | join_rows.WriteTypes(path)
    assert join_rows.read_types(path) == {
        "i": FeatureType.INT,
        "f": FeatureType.FLOAT,
        "b": FeatureType.BYTES,
    }


def splitting(partitions: int) -> Any:
    split = join_rows._Split(Side.EXAMPLES, comparison(["i"]), partitions)
    split.start_bundle()
    return split


def test_rows_wait_for_others_before_they_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = batches(EXAMPLES[:4], 2)
    split = splitting(2)
    assert [list(split.process(part)) for part in parts] == [[], []]
    released = [value.value for value in split.finish_bundle()]
    assert sum(piece.keys.num_rows for _, piece in released) == 4
    assert list(split.finish_bundle()) == []

    # As soon as they take the bytes of two batches, and then anew.
    held = joined_bytes(parts)
    monkeypatch.setattr(join_rows, "_HELD_BYTES", held)
    split = splitting(2)
    assert list(split.process(parts[0])) == []
    assert sum(piece.keys.num_rows for _, piece in split.process(parts[1])) == 4
    assert list(split.process(parts[0])) == []
    assert sum(piece.keys.num_rows for _, piece in split.process(parts[1])) == 4
    monkeypatch.setattr(join_rows, "_HELD_BYTES", held + 1)
    assert [list(splitting(2).process(part)) for part in parts] == [[], []]
    # Nothing waits for a single partition.
    assert [number for number, _ in splitting(1).process(parts[0])] == [0]


def joined_bytes(parts: Sequence[Batch]) -> int:
    pieces = [keyed(part, Side.EXAMPLES, comparison(["i"]))[0] for part in parts]
    return sum(piece.features.nbytes + piece.keys.nbytes for piece in pieces if piece is not None)


def test_rows_without_a_key_are_counted_apart() -> None:
    [missing] = splitting(2).process(batches([example(f=[1.0])] * 3, 3)[0])
    assert missing.tag == "without_key"
    assert missing.value == Joined(RowCounts(examples_without_key=3))


def test_elements_are_summed_before_they_are_many() -> None:
    total = join_rows._SumJoined(3)
    accumulator = total.create_accumulator()
    for _ in range(999):
        accumulator = total.add_input(accumulator, Joined(RowCounts(keys=1)))
    assert len(accumulator) == 999
    accumulator = total.add_input(accumulator, Joined(RowCounts(keys=1)))
    assert accumulator == [
        Joined(RowCounts(keys=1000)),
        SideOutput(Side.EXAMPLES, Accounting()),
        SideOutput(Side.REQUESTS, Accounting()),
    ]
    merged = total.merge_accumulators([accumulator, accumulator])
    assert total.extract_output(merged)["counts"]["keys"] == 2000
