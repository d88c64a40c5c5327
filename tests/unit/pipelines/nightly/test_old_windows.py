"""What is old enough to go: by age and by number, the latest never, and nothing where it is only asked."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest
from support.page import make_verdict

from trueserve.pipelines import cli
from trueserve.pipelines.config.model_config import Retention
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.nightly import clock, old_windows
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.runs import run_folder, series

DAY = dt.timedelta(days=1)
JULY_14 = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _ten_days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: JULY_14 + 10 * DAY)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Windows of five days."""
    for days in range(5):
        start = JULY_14 + days * DAY
        folder = series.window_folder(str(tmp_path), start, start + DAY)
        run_folder.publish(folder, make_verdict("ok"), {"report.html": b"<!doctype html>"})
    return tmp_path


def pruned(output: Path, retention: Retention, *, dry_run: bool = False) -> list[int]:
    """The days of July whose windows are left."""
    old_windows.prune(str(output), retention, Console(io.StringIO()), dry_run=dry_run)
    return [int(name[8:10]) for name in series.window_names(str(output))]


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(), [14, 15, 16, 17, 18]),
        (Retention(keep=7 * DAY), [16, 17, 18]),
        (Retention(keep_runs=2), [17, 18]),
        (Retention(keep=7 * DAY, keep_runs=4), [16, 17, 18]),
        (Retention(keep=9 * DAY, keep_runs=3), [16, 17, 18]),
        (Retention(keep=DAY), [18]),
        (Retention(keep_runs=9), [14, 15, 16, 17, 18]),
    ],
)
def test_what_is_kept(retention: Retention, left: list[int], output: Path) -> None:
    assert pruned(output, retention, dry_run=True) == [14, 15, 16, 17, 18]
    assert pruned(output, retention) == left
    assert {path.name for path in (output / "windows").iterdir()} == {*series.window_names(str(output))}
    if len(left) < 5:
        assert "2013-07-14T00Z" not in (output / "index.html").read_text()


def test_what_somebody_began_to_delete_goes(output: Path) -> None:
    begun = output / "windows" / ".deleted-2013-07-13T00Z_P1D"
    begun.mkdir()
    (begun / "verdict.json").write_text("{}")
    pruned(output, Retention(keep_runs=9), dry_run=True)
    assert begun.exists()
    pruned(output, Retention(keep_runs=9))
    assert not begun.exists()


def test_of_a_plain_output_it_is_runs_and_never_the_one_that_stands(tmp_path: Path) -> None:
    for day in (14, 15, 16):
        run_id = f"201307{day}T050000Z-0123abcd"
        run_folder.publish(str(tmp_path), make_verdict("ok"), {"report.html": b"x"}, run_id)
    old_windows.prune(str(tmp_path), Retention(keep=DAY), Console(io.StringIO()))
    assert {path.name[:8] for path in (tmp_path / "runs").iterdir()} == {"20130715", "20130716"}
    standing = run_folder.read_verdict(str(tmp_path))
    assert standing is not None
    assert all((tmp_path / each["path"]).is_file() for each in standing["artifacts"].values())


def test_the_command_and_what_it_refuses(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prune", f"--output={output}", "--keep_runs=3", "--dry_run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("/")[2] for line in lines[:2]] == ["2013-07-14T00Z_P1D", "2013-07-15T00Z_P1D"]
    assert lines[2].endswith("2 windows would be deleted")
    for argv in ([f"--output={output}"], ["--keep=P1D"], [f"--output={output}/gone", "--keep=P1D"]):
        assert cli.main(["prune", *argv]) == 2
    (output / "f.toml").write_text(
        f'logs = "l"\noutput = "{output}"\nschema = "f.toml"\nstatistics = "f.toml"\n'
    )
    assert cli.main(["prune", f"--config={output}/f.toml"]) == 2
    assert "neither keep nor keep_runs" in capsys.readouterr().err


def test_numbers_that_are_none() -> None:
    from trueserve.pipelines.flags.nightly.prune import PruneOptions

    with pytest.raises(UsageError, match="1 or more"):
        PruneOptions(output="o", keep_runs=0)
