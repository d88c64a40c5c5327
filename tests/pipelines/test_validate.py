"""`validate` in memory, with a schema and statistics of TFDV's: each outcome, its counts and its lines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf import text_format
from support import past_windows
from support.past_windows import DAY, START, write_log

from trueserve.pipelines import validate
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.validate import ValidateOptions


class Outcome(NamedTuple):
    """The exit code, the verdict, and what both streams got."""

    code: int
    verdict: dict[str, Any]
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has the training side, in which as many rows are of the carrier AA as of UA."""
    (tmp_path / "schema.pbtxt").write_text(text_format.MessageToString(past_windows.schema()))
    (tmp_path / "stats.binpb").write_bytes(past_windows.statistics(1000, 500).SerializeToString())
    return tmp_path


def run(folder: Path, verdict: str = "verdict.json", **fields: Any) -> Outcome:
    values: dict[str, Any] = {
        "logs": str(folder / "logs/*"),
        "output": str(folder / "out"),
        "schema": str(folder / "schema.pbtxt"),
        "statistics": str(folder / "stats.binpb"),
        "beam_args": ("--direct_running_mode=in_memory",),
    }
    out, err = io.StringIO(), io.StringIO()
    code = validate.run(ValidateOptions(**values | fields), Console(out, err))
    return Outcome(code, json.loads((folder / "out" / verdict).read_text()), out.getvalue(), err.getvalue())


def test_requests_as_in_training_are_ok(folder: Path) -> None:
    """The window is half-open: a request at its end is outside."""
    write_log(folder / "logs/a", 0, 1000, 500)
    write_log(folder / "logs/b", 1, 20, 20)
    outcome = run(folder, start=START, end=START + DAY)
    assert (outcome.code, outcome.verdict["verdict"], outcome.err) == (0, "ok", "")
    assert outcome.verdict["counts"] == {
        "read": 102, "decoded": 100, "rejected": 0, "outside_window": 2, "no_time": 0, "excluded": 0,
        "rows": 1000, "compared": 1000,
    }  # fmt: skip
    lines = outcome.out.splitlines()
    assert lines[0] == f"reading the training side: {folder / 'stats.binpb'}"
    assert lines[-1] == f"report {folder / 'out/report.html'}"


def test_a_slice_that_moved_is_named(folder: Path) -> None:
    """In all rows together the shift of version 2 is met by that of version 1."""
    write_log(folder / "logs/a", 0, 500, 400, version=1)
    write_log(folder / "logs/b", 0, 500, 100, version=2)
    outcome = run(folder, slice_by=(("version",),))
    assert (outcome.code, outcome.verdict["verdict"]) == (1, "skew")
    errors = [finding for finding in outcome.verdict["findings"] if finding["severity"] == "error"]
    assert {(finding["feature"], finding["slice"]) for finding in errors} == {
        ("carrier", "version=1"),
        ("carrier", "version=2"),
    }


def test_without_a_row_in_the_window_nothing_was_examined(folder: Path) -> None:
    write_log(folder / "logs/a", 0, 20, 10)
    outcome = run(folder, start=START + DAY, end=START + 2 * DAY)
    assert (outcome.code, outcome.verdict["verdict"]) == (4, "not_examined")
    assert "2 of 2 records lie outside" in outcome.err


def test_a_log_that_ends_within_a_record_fails_beside_the_last_verdict(folder: Path) -> None:
    write_log(folder / "logs/a", 0, 1000, 500)
    assert run(folder).code == 0
    file = folder / "logs/a"
    file.write_bytes(file.read_bytes()[:-3])
    outcome = run(folder, "failed/verdict.json")
    assert (outcome.code, outcome.verdict["verdict"]) == (3, "failed")
    assert str(file) in outcome.err
    assert json.loads((folder / "out/verdict.json").read_text())["verdict"] == "ok"


def test_where_no_file_matches_failed_is_published(folder: Path) -> None:
    outcome = run(folder, "failed/verdict.json")
    assert (outcome.code, outcome.verdict["verdict"]) == (3, "failed")
    assert "no file matches" in outcome.err
    assert not (folder / "out/verdict.json").exists()
