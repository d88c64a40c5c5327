"""How often rows have the same values, from a sample that is the same however the input is cut."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks import in_memory
from trueserve.transforms.branches.samples.repeats import RepeatsPartial, of_codes
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.repeated_rows import RowRepeats
from trueserve.transforms.logs.rows.rows import metadata_of

Array = np.ndarray[Any, Any]


def batch(columns: dict[str, Any], first: int, file: str = "a/log") -> Batch:
    features = in_memory.batch(columns)
    records = pa.array(np.arange(first, first + features.num_rows))
    return Batch(features, metadata_of(features.num_rows, file, record=records))


def columns_of(rows: int, repeated: float, seed: int = 0) -> dict[str, Any]:
    """Rows of a number and a text, a share of them the same row."""
    rng = np.random.default_rng(seed)
    same = rng.random(rows) < repeated
    x = np.where(same, 7.0, rng.normal(size=rows)).astype(np.float32)
    word = np.where(same, "health", rng.choice(np.array([*"abc"], object), rows))
    return {"x": x, "word": word.astype(object), "time": np.arange(rows)}


def partial(columns: dict[str, Any], cuts: Sequence[int], ranges: int = 1) -> RepeatsPartial:
    parts = [RepeatsPartial(frozenset({"x", "word"})) for _ in range(ranges)]
    bounds = [0, *cuts, len(columns["x"])]
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        rows = {name: values[start:end] for name, values in columns.items()}
        parts[number * ranges // (len(bounds) - 1)].add(batch(rows, start))
    merged = RepeatsPartial(frozenset({"x", "word"}))
    for part in reversed(parts):
        merged.merge(pickle.loads(pickle.dumps(part)))
    return merged


def test_of_few_rows_all_are_looked_at() -> None:
    columns = columns_of(3000, 0.02)
    same = np.flatnonzero(columns["word"] == "health")
    repeats = partial(columns, [1000, 1700]).result()
    [row] = repeats.repeated
    assert (row.rows, row.file, row.record) == (len(same), "a/log", same[0])
    assert (repeats.rows, repeats.single) == (3000, 3000 - len(same))


@pytest.mark.parametrize("ranges", [1, 4])
def test_of_more_rows_a_sample_tells_the_share(ranges: int) -> None:
    repeats = partial(columns_of(60_000, 0.02), range(500, 60_000, 500), ranges).result()
    [row, *_] = repeats.repeated
    assert 4000 < repeats.rows <= 8192
    assert row.rows / repeats.rows == pytest.approx(0.02, rel=0.4)


def test_however_rows_are_cut_the_sample_is_the_same() -> None:
    columns = columns_of(20_000, 0.05)
    uncut = partial(columns, []).result()
    assert partial(columns, range(300, 20_000, 300)).result() == uncut


def test_time_and_what_is_not_named_do_not_count() -> None:
    columns = columns_of(500, 0.1)
    with_time = RepeatsPartial(frozenset({"x", "word", "time"}))
    with_time.add(batch(columns, 0))
    assert with_time.result().repeated == ()
    assert len(partial(columns, []).result().repeated) == 1


def test_rows_without_values_are_none() -> None:
    rows = RepeatsPartial(frozenset({"y"}))
    rows.add(batch(columns_of(500, 0.1), 0))
    assert rows.result() == RowRepeats(500, 0, (), 1)
    assert RepeatsPartial(frozenset()).result() == RowRepeats(0, 0, (), 1)


def test_rows_of_one_record_are_drawn_apart() -> None:
    """A request of 20,000 rows is not taken or left as one."""
    columns = columns_of(20_000, 0.05)
    features = in_memory.batch(columns)
    metadata = metadata_of(20_000, "log", record=pa.array(np.zeros(20_000, np.int64)))
    rows = RepeatsPartial(frozenset({"x", "word"}))
    rows.add(Batch(features, metadata))
    assert rows.result().rows == 4096


def test_what_is_kept_is_bounded_and_says_what_is_not() -> None:
    codes = np.repeat(np.arange(1, 301, dtype=np.uint64), np.arange(1, 301))
    repeats = of_codes(codes)
    assert [row.rows for row in repeats.repeated] == [*range(300, 200, -1)]
    assert (repeats.most_others, repeats.single, repeats.rows) == (200, 1, len(codes))
    assert RowRepeats.from_json(repeats.to_json()) == repeats


def test_ranges_of_other_lengths_count_by_their_rows() -> None:
    """A long range has the request in a fifth of its rows, a short one of a tenth of the rows not at all."""
    long, short = RepeatsPartial(frozenset({"x"})), RepeatsPartial(frozenset({"x"}))
    long.add(batch(columns_of(36_000, 0.2), 0))
    short.add(batch(columns_of(4_000, 0.0, seed=1), 0, file="b"))
    for first, second in ((long, short), (short, long)):
        merged = RepeatsPartial(frozenset({"x"}))
        merged.merge(pickle.loads(pickle.dumps(first)))
        merged.merge(pickle.loads(pickle.dumps(second)))
        repeats = merged.result()
        assert repeats.repeated[0].rows / repeats.rows == pytest.approx(0.18, abs=0.015)


def test_files_of_the_same_name_are_drawn_apart() -> None:
    """Each day's folder has a `part-0`; more of them than rows are looked at."""
    rows = RepeatsPartial(frozenset({"x"}))
    for day in range(4500):
        rows.add(batch({"x": np.ones(1, np.float32)}, 0, file=f"a/log/dt={day}/part-0"))
    assert rows.result().rows > 2000


def test_a_copy_of_the_log_elsewhere_gives_the_same_sample() -> None:
    parts = [RepeatsPartial(frozenset({"x", "word"})) for _ in range(2)]
    for part, folder in zip(parts, ("gs://b/log", "/copies/of/log"), strict=True):
        part.add(batch(columns_of(20_000, 0.05), 0, file=f"{folder}/dt=1/part-0"))
    first, second = (part.result() for part in parts)
    assert first.repeated[0].record == second.repeated[0].record
    assert (first.rows, first.single) == (second.rows, second.single)
