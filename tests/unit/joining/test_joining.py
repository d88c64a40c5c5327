"""Joining in memory: keys, tolerance, pairs, samples, bounds, and what is said of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.join import column, comparison, joined, pieces_of
from support.logs import example

from trueserve.transforms.core.batches import Batch
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.joining import counts, keys, pairs
from trueserve.transforms.joining.cells import cells_of, equal_rows, rounded
from trueserve.transforms.joining.counts import FeatureOutcome, Joined, RowPosition
from trueserve.transforms.joining.join import join
from trueserve.transforms.joining.key_parts import KeyPart, parse_key
from trueserve.transforms.joining.keys import number_keys
from trueserve.transforms.joining.piece import Side
from trueserve.transforms.joining.split import MOST_PARTITIONS, PARTITION_BYTES, partitions_for
from trueserve.transforms.logs.rows.rows import metadata_of


def assert_rounded(values: list[float], digits: int) -> None:
    wanted = np.array([round(value, digits) for value in values], np.float64).astype(np.float32)
    assert rounded(np.array(values, np.float32), digits).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("value", [0.5, 1.5, 2.5, 0.125, 0.375, 1.005, 2.675, -0.5, 1e-40, 3.4e38, -0.0])
def test_halves_are_rounded_as_python_does(value: float) -> None:
    for digits in (0, 1, 2, 3):
        assert_rounded([float(np.float32(value))], digits)


@pytest.mark.parametrize(
    ("left", "right", "close", "same"),
    [
        (1.0, 1.0, 0.0, True),
        (0.0, -0.0, 0.0, False),
        (0.0, -0.0, 1e-9, True),
        (1.0, 1.0009, 1e-3, True),
        (1.0, 1.0011, 1e-3, False),
        (1000.0, 1000.9, 1e-3, True),
        (1000.0, 1001.5, 1e-3, False),
        (1e-6, 2e-6, 1e-3, True),
        (float("nan"), float("nan"), 1e-3, True),
        (float("nan"), 1.0, 1e-3, False),
        (float("inf"), float("inf"), 1e-3, True),
        (float("inf"), float("-inf"), 1e-3, False),
        (float("inf"), 3e38, 1e-3, False),
    ],
)
def test_close_floats(left: float, right: float, close: float, same: bool) -> None:
    pair = [cells_of(column([[value]], pa.float32())) for value in (left, right)]
    row = np.zeros(1, np.int64)
    assert equal_rows(pair[0], pair[1], row, row, close).tolist() == [same]


def test_long_lists_are_compared_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueserve.transforms.joining.cells._AT_ONCE", 5)
    left = [[1, 2, 3, 4], [], [5], [6, 7, 8, 9, 10, 11, 12], [13]]
    right = [[1, 2, 3, 4], [], [0], [6, 7, 8, 9, 10, 11, 0], [13]]
    pair = [cells_of(column(values, pa.int64())) for values in (left, right)]
    rows = np.arange(5)
    assert equal_rows(pair[0], pair[1], rows, rows).tolist() == [True, True, False, False, True]


def test_keys_that_share_a_hash_are_told_apart() -> None:
    lists = [[b"ab", b"c"], [b"a", b"bc"], [b"ab", b"c"]], [[b"a", b"bc"], [b"abc"]]
    pair = [[cells_of(column(values, pa.large_binary()))] for values in lists]
    codes = [keys.key_hashes(side) for side in pair]
    assert len({*codes[0].tolist(), *codes[1].tolist()}) == 1
    base, test, distinct = number_keys(pair, codes)
    assert distinct == 3
    assert base[0] == base[2] != base[1] == test[0]
    assert test[1] not in {base[0], base[1]}


def test_any_hash_gives_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    base = [example(id=[b"%d" % i], x=[i]) for i in range(50)]
    test = [example(id=[b"%d" % i], x=[i + (i % 5 == 0)]) for i in range(25, 75)]
    wanted = joined(base, test, comparison(["id"]))
    monkeypatch.setattr(
        "trueserve.transforms.joining.split.key_hashes",
        lambda cells: np.zeros(len(cells[0].lengths), np.uint64),
    )
    assert joined(base, test, comparison(["id"])).rows == wanted.rows
    assert (wanted.rows.compared, wanted.rows.mismatched) == (25, 5)


def test_a_key_that_stands_often_is_compared_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    base = [example(id=[i // 4], x=[i % 4]) for i in range(12)]
    test = [example(id=[i // 5], x=[i % 5]) for i in range(15)]
    how = comparison(["id"], allow_duplicates=True)
    at_once = joined(base, test, how)
    monkeypatch.setattr(pairs, "AT_ONCE", 7)
    assert joined(base, test, how).rows == at_once.rows
    assert (at_once.rows.pairs, at_once.rows.matched) == (3 * 4 * 5, 3 * 4)


def test_samples_name_places_and_features_and_no_values() -> None:
    base = [example(id=[i], x=[i], word=[b"secret%d" % i]) for i in range(9)]
    test = [example(id=[i], x=[i + (i in {3, 5})], other=[1.0]) for i in range(9)]
    actual = joined(base, test, comparison(["id"], samples=2, ignore=frozenset({"other"})))
    assert len(actual.samples) == 2
    assert "secret" not in repr(actual)
    assert {sample.differs[FeatureOutcome.BASE_ONLY] for sample in actual.samples} == {("word",)}
    assert all(sample.example == sample.request for sample in actual.samples)
    every = joined(base, test, comparison(["id"], samples=100, keep_values=True))
    sample = next(sample for sample in every.samples if sample.example == RowPosition("log", 3))
    assert sample.key == ([3],)
    assert sample.values == {"word": ([b"secret3"], None), "other": (None, [1.0]), "x": ([3], [4])}
    # The least hashes, whatever the batches: a smaller sample is a part of a larger one.
    assert [sample.order for sample in actual.samples] == [sample.order for sample in every.samples[:2]]


def test_a_feature_in_two_types_on_a_side_is_told() -> None:
    base = [example(id=[1], x=[1]), example(id=[2], x=[b"a"])]
    test = [example(id=[1], x=[1]), example(id=[2], x=[1])]
    halves = joined(base[:1], test, comparison(["id"])), joined(base[1:], test, comparison(["id"]))
    assert not halves[0].conflicts
    assert not halves[1].conflicts
    how = comparison(["id"])
    pieces = [piece for rows in (base[:1], base[1:]) for piece in pieces_of(rows, Side.EXAMPLES, how)[0]]
    actual = join([*pieces, *pieces_of(test, Side.REQUESTS, how)[0]], how)
    assert actual.conflicts == {"x"}


def test_strange_features_are_bounded_and_none_is_lost() -> None:
    width = counts.WIDTH
    mismatched = {f"n{i:05}": np.full(width, 1, np.int64) for i in range(counts.MOST_STRANGE + 5)}
    for feature_counts in mismatched.values():
        feature_counts[counts.BASE_COUNT] = 0
    known = {"known": np.full(width, 7, np.int64)}
    result = counts.total(
        [Joined(features=mismatched), Joined(features=known), Joined(features=mismatched)], 0
    )
    assert len(result.features) == counts.MOST_STRANGE + 2
    assert result.features["known"].tolist() == [7] * width
    strange = sum(
        feature_counts[counts.TEST_COUNT]
        for name, feature_counts in result.features.items()
        if name != "known"
    )
    assert strange == 2 * (counts.MOST_STRANGE + 5)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (["b", "a"], (KeyPart("a"), KeyPart("b"))),
        (["request_id"], (KeyPart("request_id", of_log=True),)),
        (["id = request_id"], (KeyPart("id", of_log=True),)),
    ],
)
def test_keys_are_parsed(text: list[str], parts: tuple[KeyPart, ...]) -> None:
    assert parse_key(text) == parts


def test_ids_of_the_log_are_text_and_else_a_feature() -> None:
    features = pa.RecordBatch.from_arrays(
        [column([[7], [8], None, []], pa.int64()), column([[1], [2], [3], None], pa.int64())],
        names=["request_id", "id"],
    )
    metadata = metadata_of(4, "log", request_id=pa.array(["a", None, None, None], pa.string()))
    batch = Batch(features, metadata)
    (of_requests,) = keys.key_columns(batch, parse_key(["id=request_id"]), Side.REQUESTS)
    assert of_requests.to_pylist() == [[b"a"], [b"8"], None, []]
    assert keys.with_key([of_requests]).tolist() == [True, True, False, False]
    (of_examples,) = keys.key_columns(batch, parse_key(["id=request_id"]), Side.EXAMPLES)
    assert of_examples.to_pylist() == [[b"1"], [b"2"], [b"3"], None]


@pytest.mark.parametrize("text", [[], [""], ["a=b"], ["=request_id"], ["a="]])
def test_keys_that_are_none_are_refused(text: list[str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_key(text)


def test_partitions_go_by_the_bytes() -> None:
    assert partitions_for([]) == 1
    assert partitions_for([FileSize("a", PARTITION_BYTES), FileSize("b", 1)]) == 2
    assert partitions_for([FileSize("a.gz", PARTITION_BYTES)]) > partitions_for(
        [FileSize("a", PARTITION_BYTES)]
    )
    assert partitions_for([FileSize("a", 1 << 60)]) == MOST_PARTITIONS
