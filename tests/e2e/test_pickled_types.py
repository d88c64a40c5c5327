"""A Parquet file whose schema carries a pickle runs nothing, whatever reads it, and is told in one line."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import e2e, pickles
from support.homes import Home, Served
from support.logs import settings

from trueserve.transforms import write_results
from trueserve.transforms.core import arrow
from trueserve.transforms.core.arrow import pa, pq
from trueserve.transforms.core.batches import Fault
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs import detect
from trueserve.transforms.logs.carriers.parquet import reader as parquet_reader
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import LOG_FORMATS, Format
from trueserve.transforms.verdict.variation import store

Capture = pytest.CaptureFixture[str]
Command = Callable[[Home, Served, str, Path], list[str]]


def _prepare(home: Home, served: Served, files: str, out: Path) -> list[str]:
    more = [f"--preprocessing={home.preprocessing}", f"--label={e2e.LABEL}", f"--baseline={out}"]
    return ["prepare", f"--examples={files}", *more]


def _validate(home: Home, served: Served, files: str, out: Path) -> list[str]:
    return ["validate", f"--baseline={home.baseline}", f"--logs={files}", f"--output={out}"]


def _backtest(home: Home, served: Served, files: str, out: Path) -> list[str]:
    span = ["--start=2013-07-01", "--end=2013-07-03", "--every=PT24H"]
    return ["backtest", f"--baseline={home.baseline}", f"--logs={files}", f"--output={out}", *span]


def _join_examples(home: Home, served: Served, files: str, out: Path) -> list[str]:
    return ["join", f"--examples={files}", f"--logs={home.clean}", f"--output={out}", "--key=hour"]


def _join_logs(home: Home, served: Served, files: str, out: Path) -> list[str]:
    return ["join", f"--examples={home.examples}", f"--logs={files}", f"--output={out}", "--key=hour"]


def _export(home: Home, served: Served, files: str, out: Path) -> list[str]:
    model = f"--model={served.folder.parent / 'model.keras'}"
    return ["export", f"--baseline={home.baseline}", model, f"--output={out}", f"--evaluation={files}"]


COMMANDS: dict[str, Command] = {
    "prepare": _prepare,
    "join examples": _join_examples,
    "join logs": _join_logs,
    "validate": _validate,
    "backtest": _backtest,
    "export": _export,
}
CASES = [(command, files) for command in COMMANDS for files in ("alone", "last", "last of others")]
CASES += [(command, "first of others") for command in COMMANDS if command != "export"]


def _write_files(folder: Path, marked: Path, command: str, position: str) -> Path:
    """The planted file among good ones of its own carrier, or of another one; its path."""
    folder.mkdir()
    rows = e2e.rides(60, 9)
    if position == "last":
        e2e.write_parquet(marked / "good", rows, ())
        (marked / "good" / "rides-0.parquet").rename(folder / "good")
    elif position != "alone" and "--logs" in command:
        (folder / "good").write_text("".join(json.dumps({"hour": row["hour"][0]}) + "\n" for row in rows))
    elif position != "alone":
        e2e.write_examples(marked / "good", rows, ())
        (marked / "good" / "part-0.tfrecord").rename(folder / "good")
    name = "a-planted" if position.startswith("first") else "z-planted"
    return pickles.write(folder / name, "struct", marked)


@pytest.mark.usefixtures("asked_here")
@pytest.mark.parametrize(("command", "position"), CASES)
def test_every_command_refuses_the_file_and_loads_no_pickle(
    command: str, position: str, home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    argv = COMMANDS[command](home, served, str(tmp_path / "files" / "*"), tmp_path / "out")
    takes = next(word for word in argv if word.endswith("files/*")).partition("=")[0]
    planted = _write_files(tmp_path / "files", tmp_path, takes, position)
    result = e2e.run(capsys, *argv)
    line = e2e.one_error(result)
    assert (result.code, pickles.marker(tmp_path).exists()) == (3, False)
    assert str(planted) in line
    # Examples are read as what the first file is, here TFRecords.
    assert (arrow.PICKLED_TYPE in line) == (position != "last of others" or takes == "--logs")
    written = e2e.tree(tmp_path / "out") if (tmp_path / "out").exists() else {}
    everything = "\n".join([*result.out, *result.err, *map(repr, written.values())])
    assert [secret for secret in pickles.SECRETS if secret in everything] == []


@pytest.mark.parametrize("shape", pickles.SHAPES)
def test_no_reader_loads_a_pickle_however_deep_it_is(shape: str, tmp_path: Path) -> None:
    path = pickles.write(tmp_path / "log", shape, tmp_path)
    files = [FileSize(str(path), path.stat().st_size)]
    assert detect.detect_examples(files) is Format.PARQUET
    assert detect.detect_log(files) is Format.TABLE
    faults = []
    for log_format in (*LOG_FORMATS, Format.PARQUET, Format.CSV):
        faults += list(decode_file(files[0], log_format, settings()))
    assert not pickles.marker(tmp_path).exists()
    assert all(isinstance(fault, Fault) for fault in faults)
    assert len(faults) == len(LOG_FORMATS) + 2
    assert [secret for secret in pickles.SECRETS if secret in repr(faults).replace(str(path), "")] == []
    with path.open("rb") as stream, pytest.raises(TableError, match=arrow.PICKLED_TYPE):
        parquet_reader.read_schema(stream)


@pytest.mark.parametrize("shape", pickles.SHAPES)
def test_the_check_of_types_finds_the_pickle_without_the_patch_of_old_versions(
    shape: str, tmp_path: Path
) -> None:
    """From version 21 on pyarrow knows no such type, and would read what is stored under it."""
    with pytest.raises(ValueError, match=arrow.PICKLED_TYPE):
        arrow.check_types([pickles.fields(tmp_path)[shape]])


def test_the_check_of_types_passes_all_others(tmp_path: Path) -> None:
    other = {b"ARROW:extension:name": b"arrow.json"}
    e2e.write_parquet(tmp_path / "good", e2e.rides(5, 1), ())
    arrow.check_types(pq.read_schema(tmp_path / "good" / "rides-0.parquet"))
    union = pa.dense_union([pa.field("a", pa.struct([pa.field("b", pa.string(), metadata=other)]))])
    arrow.check_types([pa.field("a", union), pa.field("c", pa.map_(pa.string(), pa.list_(pa.int8(), 2)))])


def test_an_arrow_stream_with_a_pickle_is_not_loaded_and_not_quoted(tmp_path: Path) -> None:
    """Streams come from workers, the job's folder and the baseline; none is a stranger's to write."""
    schema = pa.schema([pickles.fields(tmp_path)["column"]])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema):
        pass
    for load, data in ((arrow.open_stream, sink.getvalue()), (arrow.read_schema, schema.serialize())):
        with pytest.raises(ValueError, match=arrow.PICKLED_TYPE) as caught:
            load(data)
        assert "PROTO" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ValueError, match=arrow.PICKLED_TYPE):
        store.from_bytes(sink.getvalue().to_pybytes())
    (tmp_path / "rows").write_bytes(sink.getvalue())
    with pytest.raises(ValueError, match=arrow.PICKLED_TYPE):
        write_results.read_rows(str(tmp_path / "rows"))
    assert not pickles.marker(tmp_path).exists()


@pytest.mark.parametrize(
    ("kind", "number", "quoted"),
    [
        (pa.time32("ms"), np.array([99_999_999], np.int32), "99999999"),
        (pa.decimal128(3, 0), np.array([99_999, 0], np.int64), "99999"),
    ],
)
def test_a_value_that_its_type_cannot_have_is_not_quoted(
    kind: pa.DataType, number: np.ndarray[Any, Any], quoted: str, tmp_path: Path
) -> None:
    column = pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(number)])
    pq.write_table(pa.table({"a": [1], "b": column}), tmp_path / "log")
    with (tmp_path / "log").open("rb") as stream, pytest.raises(TableError) as caught:
        list(parquet_reader.read_batches(stream, 10))
    assert str(caught.value).endswith("column 2 holds values that its type cannot have")
    assert quoted not in str(caught.value)
