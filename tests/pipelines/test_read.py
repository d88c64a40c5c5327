from __future__ import annotations

import datetime as dt
import gzip
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.logs import SCHEMA, example, examples_log, plain_row, settings, write_records
from support.read import all_rows, run

from trueserve.transforms.columnar.framing import BLOCK_RECORDS
from trueserve.transforms.core import heartbeats
from trueserve.transforms.core.accounting import Accounting, RecordCounts
from trueserve.transforms.core.batches import Batch, Decoded, Fault, Window
from trueserve.transforms.core.heartbeats import Heartbeat, heartbeat, read_progress
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.globs import expand
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.decode_file import csv_types, decode_file
from trueserve.transforms.logs.features import FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.read import ReadExamples, ReadRequests


def _places(batch: Batch) -> tuple[list[str], list[int]]:
    return batch.metadata["file"].to_pylist(), batch.metadata["record"].to_pylist()


def make_examples(count: int, seed: int) -> list[bytes]:
    """Rows of every feature of the schema, with missing ones."""
    rng = random.Random(seed)
    makers: dict[str, Callable[[], Any]] = {
        "age": lambda: [rng.randrange(100)],
        "fare": lambda: [float(rng.randrange(10))],
        "word": lambda: [b"w%d" % rng.randrange(9) for _ in range(rng.randrange(1, 3))],
        "late": lambda: [rng.randrange(2)],
    }
    return [
        example(**{name: make() if rng.random() < 0.8 else None for name, make in makers.items()})
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("read")


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[str, list[bytes]]:
    """Three files of examples: more than one batch in the first, a compressed one, an empty one."""
    files = {"a": make_examples(BLOCK_RECORDS + 100, 1), "b.gz": make_examples(50, 2), "c": []}
    (folder / "examples").mkdir()
    for name, content in files.items():
        write_records(folder / "examples" / name, content)
    return files


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_examples_of_several_files_equal_a_plain_reading(
    folder: Path, records: dict[str, list[bytes]], schema: Any
) -> None:
    files = tuple(expand(str(folder / "examples")))
    batches, rejects, faults, counts = run(ReadExamples(files, schema))
    assert all_rows(batches) == [plain_row(r) for r in itertools.chain.from_iterable(records.values())]
    assert len(batches) >= 3
    places = [(Path(file).name, n) for b in batches for file, n in zip(*_places(b), strict=True)]
    assert sorted(places) == [(name, i) for name, of_file in records.items() for i in range(len(of_file))]
    assert (rejects, faults) == ([], [])
    number = BLOCK_RECORDS + 150
    assert (counts.read, counts.decoded, counts.rows, counts.compared) == (number,) * 4
    assert (counts.files, counts.bytes) == (3, sum(file.bytes for file in files))


def test_requests_leave_out_the_label_and_show_progress(
    folder: Path, records: dict[str, list[bytes]], tmp_path: Path
) -> None:
    files = tuple(expand(str(folder / "examples")))
    batches, *_, counts = run(ReadRequests(files, settings(), progress=str(tmp_path)))
    wanted = [plain_row(record) for record in itertools.chain.from_iterable(records.values())]
    for row in wanted:
        row.pop("late", None)
    assert all_rows(batches) == wanted
    assert not counts.forms
    assert read_progress(str(tmp_path)) == (len(wanted), sum(file.bytes for file in files))


def test_a_request_log_in_a_window_with_rejects(tmp_path: Path) -> None:
    rows = make_examples(600, 3)
    day = 1373760000
    files = []
    for part in range(3):
        mine = rows[part * 200 : part * 200 + 200]
        logs = [examples_log(mine[i : i + 2], seconds=day + i) for i in range(0, 200, 2)]
        files.append(write_records(tmp_path / f"log-{part}", [*logs, b"garbage", examples_log(mine[:1])]))
    start = dt.datetime.fromtimestamp(day + 10, dt.UTC)
    window = Window(start, start + dt.timedelta(seconds=20))
    batches, rejects, faults, counts = run(ReadRequests(tuple(files), settings(window=window)))
    wanted = [plain_row(rows[p * 200 + i]) for p in range(3) for i in range(10, 30)]
    assert all_rows(batches) == [{n: v for n, v in row.items() if n != "late"} for row in wanted]
    assert [(Path(r.file).name, r.record, r.reason, r.payload) for r in rejects] == [
        (f"log-{part}", 100, "not_a_prediction_log", None) for part in range(3)
    ]
    assert faults == []
    assert counts.balance() == 0
    assert (counts.read, counts.decoded, counts.rows) == (306, 30, 60)
    assert (counts.outside_window, counts.no_time, counts.total_rejected) == (270, 3, 3)


def test_a_truncated_and_a_changed_file_are_faults_beside_good_ones(tmp_path: Path) -> None:
    rows = make_examples(10, 4)
    framed = [frame(row) for row in rows]
    file_bytes = b"".join(framed)
    changed = bytearray(file_bytes)
    changed[len(framed[0]) + 14] ^= 1
    contents = {
        "0-whole": file_bytes,
        "1-truncated": file_bytes[:-3],
        "2-changed": bytes(changed),
        "3-cut.gz": gzip.compress(file_bytes, mtime=0)[:-30],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    batches, rejects, faults, counts = run(ReadRequests(tuple(expand(str(tmp_path))), settings()))
    offset = len(file_bytes) - len(framed[-1])
    assert [(Path(f.file).name, f.reason, f.offset) for f in faults[:2]] == [
        ("1-truncated", "truncated", offset),
        ("2-changed", "checksum", len(framed[0])),
    ]
    assert (Path(faults[2].file).name, faults[2].reason) == ("3-cut.gz", "truncated")
    assert str(faults[0]).startswith(f"{tmp_path}/1-truncated at byte {offset}: truncated: a record needs")
    read = {Path(b.metadata["file"][0].as_py()).name: b.features.num_rows for b in batches}
    assert (read["0-whole"], read["1-truncated"], read["2-changed"]) == (10, 9, 1)
    assert rejects == []
    assert counts.balance() == 0


TABLE = {"age": [1, None, 3], "fare": [0.5, 2.0, None], "word": ["a", "b", "c"]}
TABLE_ROWS: list[dict[str, Any]] = [
    {"age": [1], "fare": [0.5], "word": [b"a"]},
    {"fare": [2.0], "word": [b"b"]},
    {"age": [3], "word": [b"c"]},
]


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_csv_takes_its_types_from_all_files(tmp_path: Path, schema: Any) -> None:
    (tmp_path / "a.csv").write_text("age,fare,word,more\n1,0.5,a,1\n,2,b,\n3,,c,2\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"word,more,age\n7,x,\n", mtime=0))
    (tmp_path / "c.csv").write_text("")
    batches, rejects, faults, counts = run(ReadExamples(tuple(expand(str(tmp_path))), schema))
    more: list[dict[str, Any]] = [{"more": [b"1"]}, {}, {"more": [b"2"]}, {"more": [b"x"]}]
    wanted = [*TABLE_ROWS, {"word": [b"7"]}]
    if schema is None:
        wanted = [row | extra for row, extra in zip(wanted, more, strict=True)]
    assert all_rows(batches) == wanted
    assert (rejects, faults) == ([], [])
    assert (counts.rows, counts.files) == (4, 3)
    as_text = {("more", "number_text"): 2, ("word", "number_text"): 1}
    assert counts.forms == (as_text if schema is None else {("more", "unknown_feature"): 3})


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_parquet(tmp_path: Path, schema: Any) -> None:
    for name in ("a", "b"):
        pq.write_table(pa.table(TABLE), tmp_path / name)
    batches, _, faults, counts = run(ReadExamples(tuple(expand(str(tmp_path))), schema))
    assert all_rows(batches) == TABLE_ROWS * 2
    assert faults == []
    assert counts.bytes == sum(file.bytes for file in expand(str(tmp_path)))


def test_parquet_shards_of_which_one_has_nulls_are_floats_in_all(tmp_path: Path) -> None:
    shards = {"a": [1, 2**24 + 1], "b": [1.5, None], "c": pa.nulls(1), "d": [3]}
    for name, values in shards.items():
        pq.write_table(pa.table({"age": values, "word": ["x"] * len(values)}), tmp_path / name)
    (tmp_path / "e").write_bytes(b"")
    files = tuple(expand(str(tmp_path)))
    batches, _, faults, counts = run(ReadExamples(files))
    assert faults == []
    assert [row.get("age") for row in all_rows(batches)] == [[1.0], [2.0**24], [1.5], None, None, [3.0]]
    types = {b.features.schema.field("age").type for b in batches if "age" in b.features.schema.names}
    assert types == {pa.large_list(pa.float32())}
    assert (counts.rows, counts.balance()) == (6, 0)


def test_a_parquet_column_of_strings_and_numbers_is_a_fault_that_names_both_files(tmp_path: Path) -> None:
    for name, values in {"a": [1], "b": ["x"], "c": [1.5]}.items():
        pq.write_table(pa.table({"age": values}), tmp_path / name)
    (tmp_path / "broken").write_bytes(b"PAR1 and no more")
    _, _, faults, _ = run(ReadExamples(tuple(expand(str(tmp_path)))))
    assert [(fault.file, fault.reason) for fault in faults] == [
        (str(tmp_path / "b"), "type_conflict"),
        (str(tmp_path / "broken"), "bad_parquet"),
    ]
    assert "feature 'age' is bytes here and was float before" in faults[0].detail
    assert faults[0].detail.endswith(f"(as in {tmp_path / 'c'})")


def test_a_type_that_changes_between_files_is_a_fault_that_names_it(tmp_path: Path) -> None:
    files = tuple(write_records(tmp_path / n, [example(age=[v])] * 3) for n, v in (("a", 1), ("b", 1.5)))
    _, _, faults, _ = run(ReadExamples(files))
    [fault] = faults
    assert (fault.file, fault.reason) == (str(tmp_path / "b"), "type_conflict")
    assert "feature 'age' is float here and was int before" in fault.detail


def test_a_type_that_changes_against_the_schema_is_counted(tmp_path: Path) -> None:
    files = (write_records(tmp_path / "a", [example(age=[1.5], fare=[2.0])] * 3),)
    batches, _, faults, counts = run(ReadRequests(files, settings()))
    assert all_rows(batches) == [{"fare": [2.0]}] * 3
    assert faults == []
    assert counts.forms == {("age", "float_for_int"): 3}


def decode_all(path: Path, file_format: Format) -> list[Decoded | Fault]:
    return list(decode_file(FileSize(str(path), path.stat().st_size), file_format, Settings()))


@pytest.mark.parametrize("file_format", list(Format))
def test_an_empty_file_has_no_rows_and_no_fault(tmp_path: Path, file_format: Format) -> None:
    (tmp_path / "empty").write_bytes(b"")
    accounting = Accounting(files=1, by_file={str(tmp_path / "empty"): RecordCounts()})
    assert decode_all(tmp_path / "empty", file_format) == [Decoded(None, (), accounting)]


@pytest.mark.parametrize("file_format", list(Format))
def test_a_file_that_has_gone_is_a_fault(tmp_path: Path, file_format: Format) -> None:
    [fault] = decode_file(FileSize(str(tmp_path / "gone"), 5), file_format, Settings())
    assert isinstance(fault, Fault)
    assert fault.reason == "unreadable"
    assert str(tmp_path / "gone") in str(fault)


@pytest.mark.parametrize(
    ("file_format", "content", "reason"),
    [
        (Format.PARQUET, b"PAR1 and no more", "bad_parquet"),
        (Format.CSV, b"a,a\n1,2\n", "bad_header"),
        (Format.CSV, b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 99, "bad_csv"),
        (Format.CSV, gzip.compress(b"a,b\n" + b"1,2\n" * 3_000_000, mtime=0)[:-9], "truncated"),
        (Format.CSV, gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "truncated"),
        (Format.TF_EXAMPLE, b"a,b\n1,2\n3,4\n", "checksum"),
        (Format.PREDICTION_LOG, b"PAR1", "truncated"),
    ],
)
def test_a_file_that_is_no_such_file_is_a_fault(
    tmp_path: Path, file_format: Format, content: bytes, reason: str
) -> None:
    (tmp_path / "bad").write_bytes(content)
    [fault] = [part for part in decode_all(tmp_path / "bad", file_format) if isinstance(part, Fault)]
    assert fault.reason == reason


def test_types_of_a_file_that_is_no_csv_are_left_to_its_reader(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"a,a\n1,2\n")
    (tmp_path / "good").write_bytes(b"a,b\n1,2\n")
    assert csv_types(FileSize(str(tmp_path / "bad"), 1)) == {}
    assert csv_types(FileSize(str(tmp_path / "good"), 1)) == {"a": FeatureType.INT, "b": FeatureType.INT}


def test_a_format_that_nobody_reads_is_refused() -> None:
    with pytest.raises(ValueError, match="format must be auto or one of prediction_log, tf_example"):
        ReadRequests((), settings(), format="csv")


def test_heartbeats_of_processes_add_up_and_are_not_written_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the thread that beats may write at any time, and half a second may pass.
    monkeypatch.setattr(heartbeats, "INTERVAL_SECONDS", 60.0)
    monkeypatch.setattr(Heartbeat, "_beat", lambda _: None)
    assert read_progress(str(tmp_path)) == (0, 0)
    (tmp_path / "other-1.progress").write_text("10 100 7")
    (tmp_path / "other-2.progress").write_text("")
    mine = Heartbeat(str(tmp_path))
    mine.add(1, 2)
    mine.add(1, 2)
    assert read_progress(str(tmp_path)) == (11, 102)
    mine.flush()
    assert read_progress(str(tmp_path)) == (12, 104)
    assert heartbeat(str(tmp_path)) is heartbeat(str(tmp_path))


def test_a_heartbeat_whose_folder_has_gone_does_not_fail(tmp_path: Path) -> None:
    Heartbeat(str(tmp_path / "gone")).add(1, 1)
    assert read_progress(str(tmp_path / "gone")) == (0, 0)
