"""--sample: the same records in every run, all of them counted."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.logs import example, examples_log, rows_of

from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.rows.sampling import chosen, chosen_rows

RECORDS = [example(age=[i]) for i in range(20_000)]
EXPECTED = Expected({"age": FeatureType.INT}, elsewhere=frozenset({"word"}))


def decode(path: Path, file_format: Format, fraction: float) -> list[Decoded]:
    settings = Settings(expected=EXPECTED, sample=fraction)
    parts = list(decode_file(FileSize(str(path), path.stat().st_size), file_format, settings))
    assert all(isinstance(part, Decoded) for part in parts)
    return [part for part in parts if isinstance(part, Decoded)]


def test_a_fraction_is_chosen_and_lies_in_every_larger_one() -> None:
    block = block_of(RECORDS)
    tenth, half = chosen(block, 0.1), chosen(block, 0.5)
    # Five standard deviations of a binomial share.
    assert tenth.mean() == pytest.approx(0.1, abs=0.011)
    assert half.mean() == pytest.approx(0.5, abs=0.018)
    assert (half | ~tenth).all()


def test_the_choice_is_by_content_and_not_by_place() -> None:
    assert (chosen(block_of(RECORDS[::-1]), 0.3)[::-1] == chosen(block_of(RECORDS), 0.3)).all()


@pytest.mark.parametrize("file_format", [Format.TF_EXAMPLE, Format.PREDICTION_LOG])
def test_what_is_left_out_is_counted_and_rows_keep_their_records(tmp_path: Path, file_format: Format) -> None:
    wrap = examples_log if file_format is Format.PREDICTION_LOG else None
    records = [wrap([record]) if wrap else record for record in RECORDS[:2000]]
    path = tmp_path / "log"
    path.write_bytes(b"".join(map(frame, records)))
    parts = decode(path, file_format, 0.25)
    counts = total(part.accounting for part in parts)
    wanted = [i for i, yes in enumerate(chosen(block_of(records), 0.25)) if yes]
    assert rows_of(parts) == [{"age": [i]} for i in wanted]
    places = [r for p in parts if p.batch for r in p.batch.metadata.column("record").to_pylist()]
    assert sorted(places) == wanted
    assert (counts.read, counts.decoded) == (2000, len(wanted))
    assert counts.excluded == {"sample": 2000 - len(wanted)}
    assert counts.balance() == 0


def csv(rows: range) -> bytes:
    return b"age,word\n" + b"".join(b"%d,w%d\n" % (i, i % 7) for i in rows)


def parquet(rows: range) -> bytes:
    sink = io.BytesIO()
    table = {"age": pa.array(rows, pa.int64()), "word": [b"w%d" % (i % 7) for i in rows]}
    pq.write_table(pa.table(table), sink, row_group_size=1000)
    return sink.getvalue()


def json_lines(rows: range) -> bytes:
    return b"".join(b'{"age": %d, "word": "w%d"}\n' % (i, i % 7) for i in rows)


def rest(rows: range) -> bytes:
    return b"".join(b'{"instances": [{"age": %d}, {"age": 0}]}\n' % i for i in rows)


@pytest.mark.parametrize("write", [csv, parquet, json_lines, rest])
def test_rows_of_any_carrier_are_sampled_by_what_they_hold(
    tmp_path: Path, write: Callable[[range], bytes]
) -> None:
    """The same records wherever they stand, all of a smaller sample in a larger one, and none uncounted."""
    file_format = Format.REST if write is rest else Format.TABLE
    chosen_of: dict[tuple[str, float], list[int]] = {}
    for name, rows in (("whole", range(20_000)), ("back", range(12_000, -1, -1))):
        (tmp_path / name).write_bytes(write(rows))
        for fraction in (0.1, 0.5):
            parts = decode(tmp_path / name, file_format, fraction)
            counts = total(part.accounting for part in parts)
            ages = [row["age"][0] for row in rows_of(parts)][:: 2 if write is rest else 1]
            chosen_of[name, fraction] = ages
            assert (counts.read, counts.decoded) == (len(rows), len(ages))
            assert counts.excluded == {"sample": len(rows) - len(ages)}
            assert counts.balance() == 0
            assert len(ages) / len(rows) == pytest.approx(fraction, abs=0.025)
    assert set(chosen_of["whole", 0.1]) < set(chosen_of["whole", 0.5])
    assert chosen_of["back", 0.1] == [i for i in chosen_of["whole", 0.1] if i <= 12_000][::-1]


def column(values: Sequence[Sequence[Any] | None], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.large_list(kind))


def test_a_rows_own_values_decide_and_nothing_else() -> None:
    """Not the batch it stands in, its columns' order, or columns and slices that others need."""
    ages = column([[i] if i % 3 else None for i in range(999)], pa.int64())
    tokens = column([[b"w%d" % i] * (i % 3) for i in range(999)], pa.large_binary())
    fares = column([[i / 4, float("nan")] for i in range(999)], pa.float32())
    nothing = column([None] * 999, pa.large_binary())
    columns = [("age", ages), ("word", tokens), ("fare", fares)]
    mask = chosen_rows(columns, 999, 0.4)
    assert 300 < mask.sum() < 500
    others = [("word", nothing), ("none", pa.nulls(999)), *columns[::-1]]
    assert (chosen_rows(others, 999, 0.4) == mask).all()
    parts = [[(name, c.slice(at, 100)) for name, c in columns] for at in range(0, 999, 100)]
    assert np.concatenate([chosen_rows(p, len(p[0][1]), 0.4) for p in parts]).tolist() == mask.tolist()
    renamed = [("ege", ages), *columns[1:]]
    assert (chosen_rows(renamed, 999, 0.4) != mask).any()


def test_rows_without_a_value_are_sampled_too() -> None:
    empty = column([[b""], [], None], pa.large_binary())
    assert chosen_rows([("a", empty)], 3, 1.0).tolist() == [True] * 3
    assert chosen_rows([], 0, 0.5).tolist() == []
