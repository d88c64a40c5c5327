"""`trueserve history`: what each format prints, what it hides, and the one line where there is nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import e2e
from support.committed import commit, night
from support.page import HOSTILE

from trueserve.pipelines.display import history_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.published.history import HistoryOptions
from trueserve.pipelines.published import history
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.history.table import SCHEMA, table

Capture = pytest.CaptureFixture[str]
FORMULAS = ["=1+1", "+A1", "-1", "@SUM(A1)", "  =x", "a;=x", "＝1", '"=1"', "\t=1"]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for day, finding in ((1, None), (2, "miles"), (3, "temp")):
        commit(tmp_path, night(day, finding))
    return tmp_path


def test_people_see_what_was_found_and_how_much_is_not_shown(
    output: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    run = e2e.run(capsys, "history", str(output))
    assert (run.code, len(run.out)) == (0, 4)
    assert run.out[0].split() == ["window", "space", "feature", "metric", "value", "limit", "severity"]
    assert run.out[1].split()[-6:] == ["raw", "miles", "jensen_shannon_divergence", "0.42", "0.1", "error"]
    assert run.out[3].startswith("3 windows; not shown: 30 figures without an error or a warning")


def test_features_and_times_choose_rows(output: Path, capsys: Capture) -> None:
    run = e2e.run(capsys, "history", str(output), "--feature=miles", "--format=json")
    assert [row["feature"] for row in json.loads("\n".join(run.out))] == ["miles"]
    run = e2e.run(capsys, "history", str(output), "--since=2013-07-02", "--format=json")
    starts = {row["window_start"] for row in json.loads("\n".join(run.out))}
    assert starts == {"2013-07-02T00:00:00+00:00", "2013-07-03T00:00:00+00:00"}


def test_csv_and_json_have_every_figure(output: Path, capsys: Capture) -> None:
    expected = table([night(1), night(2, "miles"), night(3, "temp")]).to_pylist()
    lines = e2e.run(capsys, "history", str(output), "--format=csv").out
    rows = list(csv.DictReader(lines))
    assert list(rows[0]) == SCHEMA.names
    assert [row["value"] for row in rows] == [
        "" if e["value"] is None else repr(e["value"]) for e in expected
    ]
    read = json.loads("\n".join(e2e.run(capsys, "history", str(output), "--format=json").out))
    assert [{**row, "window_start": 0, "window_end": 0} for row in read] == [
        {**row, "window_start": 0, "window_end": 0} for row in expected
    ]


def test_parquet_goes_to_a_file_and_to_no_terminal(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written))
    options = HistoryOptions(str(output), format="parquet")
    assert history.run(options, Console(terminal=False)) == 0
    assert pq.read_table(pa.BufferReader(written.getvalue())).num_rows == len(
        table([night(1), night(2, "miles"), night(3, "temp")])
    )
    with pytest.raises(UsageError, match="got a terminal"):
        history.run(options, Console(terminal=True))


def test_the_folder_is_brought_up_to_date_and_a_folder_that_cannot_be_is_a_warning(
    output: Path, capsys: Capture
) -> None:
    assert e2e.run(capsys, "history", str(output)).code == 0
    assert len(list((output / "history").iterdir())) == 3
    for part in (output / "history").iterdir():
        part.unlink()
    (output / "history").rmdir()
    (output / "history").write_text("a file")
    run = e2e.run(capsys, "history", str(output))
    assert (run.code, len(run.out)) == (0, 4)
    assert "were not brought up to date" in run.err[0]


@pytest.mark.parametrize("cell", [*FORMULAS, *HOSTILE])
def test_no_cell_of_csv_is_a_formula_or_acts_on_a_terminal(cell: str) -> None:
    row = dict.fromkeys(SCHEMA.names) | {"feature": cell.encode("utf-8", "replace").decode()}
    line = list(history_table.csv_lines([row], SCHEMA.names))[1]
    assert line.isprintable()
    (parsed,) = csv.reader([line])
    assert not parsed[3].lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert ";=" not in line
    table_line = "\n".join(history_table.text_lines([row], 80)).split("\n")[1]
    assert table_line.isprintable()
    assert len(table_line) <= 80


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    rows = table([night(2, "a_feature_with_quite_a_long_name")]).to_pylist()
    lines = list(history_table.text_lines(rows, width))
    least = 6 * 7 + 2 * 6  # columns can be no narrower
    assert max(map(len, lines)) <= max(width, least)


def test_an_empty_table_is_a_json_array() -> None:
    assert json.loads("\n".join(history_table.json_lines([]))) == []


@pytest.mark.parametrize(
    ("flags", "code", "expected"),
    [
        (["--feature=mile"], 2, "no window has a figure of 'mile': did you mean 'miles'?"),
        (["--since=2014-01-01"], 4, "no window starts at 2014-01-01T00:00:00+00:00 or later"),
        (["--since=soon"], 2, "--since"),
        (["--format=xls"], 2, "--format"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    flags: list[str], code: int, expected: str, output: Path, capsys: Capture
) -> None:
    run = e2e.run(capsys, "history", str(output), *flags)
    assert run.code == code
    assert expected in e2e.one_error(run)


def test_a_folder_without_runs_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    run = e2e.run(capsys, "history", str(tmp_path))
    assert run.code == 2
    assert "no run was published below" in e2e.one_error(run)
    assert list(tmp_path.iterdir()) == []
