"""Parquet that brings down Arrow's reader, and all that can happen to the process that reads it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.crashing_parquet import CRASHING
from support.logs import settings

from trueserve.transforms.core.batches import Fault
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.carriers.parquet import reader as parquet_reader
from trueserve.transforms.logs.carriers.parquet.child import MEMORY
from trueserve.transforms.logs.carriers.parquet.reader import read_batches, read_schema
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format

TABLE = pa.table({"age": range(20_000), "word": [str(i) * 9 for i in range(20_000)]})


def parquet(table: pa.Table = TABLE) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=3000)
    return stream.getvalue()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "good.parquet").write_bytes(parquet())
    return tmp_path / "good.parquet"


def read(path: Path, rows: int = 1000) -> pa.Table:
    with path.open("rb") as stream:
        return pa.Table.from_batches(read_batches(stream, rows))


def waiting() -> list[int]:
    """The process ids of the readers that wait for a file."""
    return [reader.pid for reader in parquet_reader._READERS._idle]


@pytest.fixture(autouse=True)
def no_readers() -> None:
    """Each test begins without readers."""
    parquet_reader._READERS.end()


@pytest.mark.parametrize("log_format", [Format.PARQUET, Format.TABLE, Format.AI_PLATFORM])
def test_a_file_that_ends_the_reader_is_a_fault_and_the_next_is_read(
    log_format: Format, tmp_path: Path, good: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").write_bytes(CRASHING)
    for _ in range(2):
        parts = list(decode_file(FileSize(str(tmp_path / "bad"), len(CRASHING)), log_format, settings()))
        assert isinstance(parts[-1], Fault)
        assert parts[-1].reason == "bad_parquet"
        assert "cannot read it as Parquet" in parts[-1].detail
        if pa.__version__.startswith("10."):
            assert "died" in parts[-1].detail
        assert read(good).equals(TABLE)
    assert capfd.readouterr().err == ""


def test_all_rows_come_in_order_and_the_stream_moves_on(good: Path) -> None:
    with good.open("rb") as stream:
        batches, offsets = [], []
        for batch in read_batches(stream, 1000):
            batches.append(batch)
            offsets.append(stream.tell())
    assert pa.Table.from_batches(batches).equals(TABLE)
    assert max(batch.num_rows for batch in batches) == 1000
    assert offsets == sorted(offsets)
    assert (offsets[0] > 0, offsets[-1]) == (True, good.stat().st_size)
    with good.open("rb") as stream:
        assert read_schema(stream).equals(TABLE.schema)


def test_a_reader_stays_for_the_next_file_unless_it_was_left_early(good: Path) -> None:
    read(good)
    [first] = waiting()
    read(good)
    assert waiting() == [first]
    with good.open("rb") as stream:
        next(batches := read_batches(stream, 10))
        batches.close()  # type: ignore[attr-defined]
    assert waiting() == []
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_where_a_reader_dies_that_has_read_other_files_a_new_one_reads_on(good: Path) -> None:
    read(good)
    [pid] = waiting()
    with good.open("rb") as stream:
        batches = read_batches(stream, 1000)
        received = [next(batches)]
        os.kill(pid, signal.SIGKILL)
        received.extend(batches)
    assert pa.Table.from_batches(received).equals(TABLE)


def test_memory_is_bounded(tmp_path: Path) -> None:
    part = pa.array(["x" * (1 << 19)] * 100)
    table = pa.table({"word": pa.chunked_array([part] * 50)})
    pq.write_table(table, tmp_path / "big", compression="zstd")
    assert table.nbytes > MEMORY
    with pytest.raises(TableError, match="ran out of memory") as caught:
        read(tmp_path / "big", 8192)
    assert caught.value.reason == "bad_parquet"


def test_other_streams_are_copied_and_the_copy_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for data in (parquet(), CRASHING):
        stream = io.BytesIO(data)
        batches = read_batches(stream, 1000)
        try:
            assert next(batches).num_rows
            assert len(list(tmp_path.iterdir())) == 1
            batches.close()  # type: ignore[attr-defined]
        except TableError:
            assert data is CRASHING
        assert list(tmp_path.iterdir()) == []
    assert pa.Table.from_batches(read_batches(io.BytesIO(parquet()), 1000)).equals(TABLE)


def test_a_file_that_goes_after_it_was_opened_is_read(good: Path) -> None:
    with good.open("rb") as stream:
        good.unlink()
        assert pa.Table.from_batches(read_batches(stream, 1000)).equals(TABLE)


def test_threads_have_readers_of_their_own(good: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert all(table.equals(TABLE) for table in pool.map(read, [good] * 12))
    assert 1 <= len(waiting()) <= 4


@pytest.mark.parametrize("program", ["/bin/true", "/bin/echo", "/nowhere/python"])
def test_what_is_no_python_is_a_clear_error(
    program: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "python-of-another-kind"
    link.symlink_to(program)
    monkeypatch.setattr(sys, "executable", str(link))
    with pytest.raises(TableError, match="no process could be started to read Parquet in") as caught:
        read(good)
    assert caught.value.reason == "no_reader"


def test_an_embedded_interpreter_takes_the_one_of_its_installation(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    assert read(good).equals(TABLE)


def test_the_process_loads_arrow_and_nothing_else_that_is_heavy() -> None:
    code = "import sys, trueserve.transforms.logs.carriers.parquet.child; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"tensorflow", "apache_beam", "pandas", "numba", "google.protobuf"} & set(modules.split())
    assert "pyarrow.parquet" in modules.split()


def test_it_ends_with_who_started_it(good: Path) -> None:
    code = (
        "import os, sys\nfrom trueserve.transforms.logs.carriers.parquet import reader as r\n"
        "list(r.read_batches(open(sys.argv[1], 'rb'), 1000))\n"
        "print(r._READERS._idle[0].pid, flush=True)\nos._exit(0)"
    )
    command = [sys.executable, "-c", code, str(good)]
    pid = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < until
