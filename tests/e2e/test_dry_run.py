"""`--dry_run`: what a run checks is checked, what it would take is printed, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import backtest, e2e
from support.homes import Home

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of the test's own, which must be empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert e2e.tree(folder) == {}


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below a folder, with when it was changed."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def facts(run: e2e.Run, command: str) -> dict[str, str]:
    """By its name what each line says."""
    assert (run.code, run.err) == (0, [])
    start = run.out.index(
        f"dry run of {command}: all checks passed; nothing was run, and nothing was written"
    )
    return {line[:12].strip(): line[12:] for line in run.out[start + 1 :]}


def test_validate(home: Home, tmp_path: Path, capsys: Capture) -> None:
    before = state(home.folder)
    output = tmp_path / "deep" / "skew"
    flags = ("--dry_run", "--slice_by=carrier", "--slice_by=version,hour")
    shown = facts(e2e.validate(capsys, home.baseline, home.clean, output, *flags), "validate")
    files = list((home.folder / "clean").iterdir())
    assert shown["files"] == f"{len(files)}, format prediction_log"
    assert shown["bytes"] == f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB"
    assert shown["ranges"].startswith("1; the largest has")
    assert shown["rows"].startswith("about ")
    assert shown["features"] == "6 raw, 6 transformed"
    assert shown["branches"] == (
        "raw statistics; transform graph and its statistics; slices by carrier; slices by version,hour"
    )
    assert shown["Dataflow"].startswith("--num_workers=1 ")
    assert not output.parent.exists()
    assert state(home.folder) == before


def test_validate_leaves_an_earlier_verdict_and_what_a_dead_run_left(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "verdict.json").write_text("{}")
    left = tmp_path / "out" / ".trueserve-0123456789abcdef0123456789abcdef"
    left.touch()
    os.utime(left, (0, 0))
    before = state(tmp_path / "out")
    facts(e2e.validate(capsys, home.baseline, home.clean, tmp_path / "out", "--dry_run"), "validate")
    assert state(tmp_path / "out") == before


def test_backtest(home: Home, tmp_path: Path, capsys: Capture) -> None:
    log = backtest.written(home.serving, tmp_path / "logs")
    output = tmp_path / "limits"
    output.mkdir()
    left = output / ".trueserve-0123456789abcdef0123456789abcdef"
    left.touch()
    os.utime(left, (0, 0))
    before = state(output)
    shown = facts(
        backtest.backtest(capsys, home.baseline, log, output, *backtest.SPAN, "--dry_run"), "backtest"
    )
    assert "of its own" in shown["branches"]
    assert shown["features"] == "6 raw, 6 transformed"
    assert state(output) == before


def prepare(capsys: Capture, home: Home, baseline: Path, *more: str) -> e2e.Run:
    flags = [f"--examples={home.examples}", f"--preprocessing={home.preprocessing}", f"--label={e2e.LABEL}"]
    return e2e.run(capsys, "prepare", *flags, f"--baseline={baseline}", "--dry_run", *more)


def test_prepare_without_a_schema(home: Home, tmp_path: Path, capsys: Capture) -> None:
    shown = facts(prepare(capsys, home, tmp_path / "new" / "baseline"), "prepare")
    assert shown["features"] == "7 raw, transformed not known yet"
    assert shown["branches"] == "schema inferred; analysis, graph, examples, statistics"
    # Three small files, read together.
    assert shown["ranges"].startswith("1; ")
    assert not (tmp_path / "new").exists()


def test_prepare_with_a_schema_traces_the_function(home: Home, tmp_path: Path, capsys: Capture) -> None:
    schema = f"--schema={home.baseline}/schema.pbtxt"
    shown = facts(prepare(capsys, home, tmp_path / "new", schema), "prepare")
    assert shown["branches"] == "analysis, graph, examples, statistics"
    broken = tmp_path / "broken.py"
    broken.write_text("def preprocessing_fn(inputs):\n    return {'x': inputs['nowhere']}\n")
    result = prepare(capsys, home, tmp_path / "new", schema, f"--preprocessing={broken}")
    assert result.code == 2
    assert "cannot be traced: KeyError: 'nowhere'" in e2e.one_error(result)
    assert not (tmp_path / "new").exists()


def test_prepare_over_what_a_killed_run_left(home: Home, tmp_path: Path, capsys: Capture) -> None:
    """A run would finish it; a dry run looks at it, and leaves it."""
    shutil.copytree(home.baseline, tmp_path / ".b.0123456789ab.partial")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "stats.binpb").touch()
    before = state(tmp_path)
    facts(prepare(capsys, home, tmp_path / "b"), "prepare")
    assert state(tmp_path) == before


def test_join(home: Home, tmp_path: Path, capsys: Capture) -> None:
    flags = [f"--examples={home.examples}", f"--logs={home.clean}", f"--output={tmp_path / 'joined'}"]
    shown = facts(e2e.run(capsys, "join", *flags, "--key=distance", "--dry_run"), "join")
    assert shown["ranges"].startswith("6; ")
    assert shown["branches"] == "examples and requests read; joined by key (cost not known)"
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--baseline=nowhere"], 2, "nowhere"),
        (["--only=nothing"], 2, "--only: no compared feature has the name nothing"),
        (["--logs=nowhere/*"], 3, "no file matches 'nowhere/*'"),
        (["--output=/proc/nowhere"], 2, "cannot write to /proc/nowhere"),
        (["--runner=PortableRunner", "--job_endpoint=localhost:1"], 2, "cannot reach the local path"),
        (["--setup_file=nowhere.py"], 2, "Beam refuses its flags: the file nowhere.py cannot be found"),
    ],
)
def test_what_a_run_refuses_is_refused(
    home: Home, tmp_path: Path, capsys: Capture, flags: list[str], code: int, says: str
) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path / "skew", "--dry_run", *flags)
    assert result.code == code
    assert says in e2e.one_error(result)
    assert not any("dry run of" in line for line in result.out)
    assert not (tmp_path / "skew").exists()
