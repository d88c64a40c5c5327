"""The process that reads Parquet: how large its batches are, what it checks, and what it says of errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from trueserve.transforms.logs.carriers.parquet import child


def metadata(num_rows: int, *sizes: int) -> Any:
    groups = [SimpleNamespace(total_byte_size=size) for size in sizes]
    return SimpleNamespace(num_rows=num_rows, num_row_groups=len(groups), row_group=groups.__getitem__)


@pytest.mark.parametrize(
    ("num_rows", "sizes", "most", "expected"),
    [
        (1000, [500], 100, 100),
        (1000, [10_000, 10_000], 100, 50),
        (1000, [10_000], 100, 100),
        # A row that is longer than a batch, sizes that make no sense, and nothing at all.
        (10, [1_000_000], 100, 1),
        (1000, [-5, 20_000], 100, 50),
        (0, [], 100, 100),
        (0, [100], 100, 10),
    ],
)
def test_rows_of_a_batch_by_what_the_footer_says(
    monkeypatch: pytest.MonkeyPatch, num_rows: int, sizes: list[int], most: int, expected: int
) -> None:
    monkeypatch.setattr(child, "BATCH_BYTES", 1000)
    assert child._batch_rows(metadata(num_rows, *sizes), most) == expected


@pytest.mark.parametrize(
    ("limit", "lengths"),
    [(8000, [1000]), (7992, [999, 1]), (4000, [500, 500]), (3200, [400, 400, 200]), (1, [1] * 1000)],
)
def test_a_batch_is_cut_into_parts_that_fit(
    monkeypatch: pytest.MonkeyPatch, limit: int, lengths: list[int]
) -> None:
    monkeypatch.setattr(child, "BATCH_BYTES", limit)
    batch = pa.RecordBatch.from_pydict({"x": pa.array(range(1000), pa.int64())})
    parts = list(child._parts(batch))
    assert [part.num_rows for part in parts] == lengths
    assert pa.Table.from_batches(parts) == pa.Table.from_batches([batch])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.string(), pa.binary()),
        (pa.large_string(), pa.large_binary()),
        (pa.binary(), pa.binary()),
        (pa.int64(), pa.int64()),
        (pa.list_(pa.string()), pa.list_(pa.binary())),
        (pa.large_list(pa.large_string()), pa.large_list(pa.large_binary())),
        (
            pa.struct([("a", pa.string()), ("b", pa.int32())]),
            pa.struct([("a", pa.binary()), ("b", pa.int32())]),
        ),
        (pa.struct([]), pa.struct([])),
    ],
)
def test_texts_are_checked_as_bytes(kind: pa.DataType, expected: pa.DataType) -> None:
    assert child._bytes_type(kind) == expected
    column = pa.array([None], kind)
    assert child._as_bytes(column).type == expected


def test_a_dictionary_is_checked_with_its_indices() -> None:
    column = pa.array(["a", "b", "a"]).dictionary_encode()
    checked = child._as_bytes(column)
    assert checked.to_pylist() == [b"a", b"b", b"a"]
    broken = pa.DictionaryArray.from_arrays(pa.array([0, 7]), pa.array(["a"]), safe=False)
    with pytest.raises(ValueError, match="column 2 holds values that its type cannot have") as error:
        child._check(pa.RecordBatch.from_arrays([pa.array([1, 2]), broken], ["a", "b"]))
    assert "7" not in str(error.value)


def test_the_number_of_an_error_is_the_systems() -> None:
    assert child._errno(FileNotFoundError(2, "gone")) == 2
    assert child._errno(ValueError("bad")) is None
