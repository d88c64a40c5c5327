"""The start of an input: how many rows all of it has, and which features, in each kind of file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from support import e2e, logs

from trueserve.pipelines.estimate import inputs
from trueserve.pipelines.estimate.input_sample import read_sample
from trueserve.pipelines.estimate.inputs import known_input, together
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import globs
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format

ROWS = e2e.rides(2000, 3)
SETTINGS = Settings()


def written(folder: Path, name: str, rows: list[e2e.Row], times: int = 1) -> FileSize:
    path = folder / name
    records = [logs.example(**row) for row in rows]
    logs.write_records(path, (record for _ in range(times) for record in records))
    return FileSize(str(path), path.stat().st_size)


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_rows_of_a_small_file_are_counted(tmp_path: Path, name: str) -> None:
    known = known_input([written(tmp_path, name, ROWS)], Format.TF_EXAMPLE, SETTINGS, 128 << 20)
    assert (known.files, known.rows, known.features) == (1, 2000, 7)
    assert known.rows_source.startswith("from the first")
    assert name in known.rows_source


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_rows_of_a_large_file_are_estimated_from_its_start(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, name, ROWS, times=100)
    sample = read_sample([file], Format.TF_EXAMPLE, SETTINGS)
    assert sample is not None
    assert 0 < sample.bytes < file.bytes, "the end is not read"
    # Who reads a compressed file is ahead of what was decoded: by as much as its library's buffers hold.
    assert sample.rows_of(file.bytes) == pytest.approx(200_000, rel=0.1)


def test_other_files_have_rows_like_those_of_the_largest(tmp_path: Path) -> None:
    files = [written(tmp_path, "a.tfrecord", ROWS[:500]), written(tmp_path, "b.tfrecord", ROWS)]
    known = known_input(files, Format.TF_EXAMPLE, SETTINGS)
    assert known.rows == pytest.approx(2500, rel=0.05)
    assert files[1].path in known.rows_source
    assert [group.bytes for group in known.ranges] == sorted((file.bytes for file in files), reverse=True)


@pytest.mark.parametrize(("write", "file_format"), [(e2e.write_csv, "csv"), (e2e.write_parquet, "parquet")])
def test_tables_without_a_schema(tmp_path: Path, write: object, file_format: str) -> None:
    assert callable(write)
    singles = [{name: values for name, values in row.items() if name != "tags"} for row in ROWS]
    files = globs.expand(write(tmp_path / "table", singles if file_format == "csv" else ROWS, [700]))
    known = known_input(files, Format(file_format), SETTINGS)
    assert known.rows == pytest.approx(2000, rel=0.05)
    assert known.features == (6 if file_format == "csv" else 7)


def test_requests_of_several_instances(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(3 * (json.dumps({"instances": [{"a": 1}, {"a": 2}]}) + "\n"))
    settings = Settings(expected=Expected({"a": FeatureType.INT}))
    known = known_input([FileSize(str(path), path.stat().st_size)], Format.REST, settings, 1 << 20)
    assert (known.rows, known.features) == (6, 1)


def test_empty_files_have_no_row(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    known = known_input([FileSize(str(tmp_path / "empty"), 0)], Format.TF_EXAMPLE, SETTINGS, 1 << 20)
    assert (known.files, known.rows, known.rows_source) == (1, 0, "the files are empty")


def test_rows_that_cannot_be_read_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "broken.tfrecord"
    path.write_bytes(b"\x10" + 7 * b"\0" + 99 * b"x")
    known = known_input([FileSize(str(path), 107)], Format.TF_EXAMPLE, SETTINGS, 1 << 20)
    assert known.rows is None
    assert "broken.tfrecord" in known.rows_source


def test_a_table_is_not_looked_up() -> None:
    assert (inputs.TABLE.rows, inputs.TABLE.rows_source) == (None, "the input is a table")


def test_a_large_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        known_input([FileSize(str(tmp_path / "gone"), 9 << 20)], Format.TF_EXAMPLE, SETTINGS, 1 << 20)


def test_two_inputs_add_up(tmp_path: Path) -> None:
    first = known_input([written(tmp_path, "a.tfrecord", ROWS)], Format.TF_EXAMPLE, SETTINGS)
    second = known_input([written(tmp_path, "b.tfrecord", ROWS[:300])], Format.TF_EXAMPLE, SETTINGS)
    both = together(second, first)
    assert (both.files, both.rows, both.features) == (2, 2300, 7)
    assert both.ranges == (*first.ranges, *second.ranges)
    assert together(dataclasses.replace(first, rows=None), second).rows is None
    assert together(second, dataclasses.replace(first, rows=None)).rows is None


def test_a_workload_has_what_is_known(tmp_path: Path) -> None:
    known = known_input([written(tmp_path, "a.tfrecord", ROWS)], Format.TF_EXAMPLE, SETTINGS)
    made = known.workload("prepare", {"raw": 7, "transformed": None}, [], ["a note"], kept_bytes=5)
    assert (made.command, made.input_format, made.files) == ("prepare", "format tf_example", 1)
    assert made.features == (("raw", 7), ("transformed", None))
    assert (made.rows, made.notes, made.kept_bytes) == (2000, ("a note",), 5)
    assert made.bytes == (tmp_path / "a.tfrecord").stat().st_size
    assert inputs.TABLE.workload("validate", {}, []).input_format == "a table"
