"""What is said of the result of a command that was ended, and whose leftovers are removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueserve.pipelines.process import cleanup
from trueserve.pipelines.process.cleanup import Result
from trueserve.transforms.baseline import atomic_replace
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import temporary_files
from trueserve.transforms.runs import dead_runs
from trueserve.transforms.serving import version_folder


@pytest.mark.parametrize(
    ("argv", "folder"),
    [
        (["validate", "--output=a"], "a"),
        (["validate", "--output", "a", "--logs=l"], "a"),
        (["export", "--output=a", "--output=b"], "b"),
        (["backtest", "--output", "a", "--output", "b"], "b"),
        (["join", "--output=a=b"], "a=b"),
        (["prepare", "--baseline=b", "--output=a"], "b"),
        (["adopt", "--baseline=b"], "b"),
        (["check", "--baseline=b"], None),
        (["validate", "--output="], None),
        (["validate", "--output"], None),
        (["validate", "--output_format=a"], None),
        (["validate"], None),
        ([], None),
    ],
)
def test_the_result_of_a_command_line(argv: list[str], folder: str | None) -> None:
    assert cleanup.of_command(argv) == Result(argv[0] if argv else "", folder)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("prepare", "contract.json"),
        ("adopt", "contract.json"),
        ("export", "12/saved_model.pb"),
        ("validate", "verdict.json"),
        ("validate", "failed/verdict.json"),
        ("backtest", "backtest.json"),
        ("join", "join.json"),
    ],
)
def test_a_file_that_is_written_last_is_the_result(tmp_path: Path, command: str, name: str) -> None:
    result = Result(command, str(tmp_path))
    (tmp_path / "notes.txt").touch()
    assert result.published() == frozenset()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    first = result.published()
    assert first is not None
    assert [path for path, *_ in first] == [str(tmp_path / name)]
    assert result.outcome(frozenset()) == f"the result was published before that, and stays in {tmp_path}"
    assert result.outcome(first) == "nothing was published"


@pytest.mark.parametrize("change", ["inode", "time"])
def test_a_result_in_the_place_of_another_is_seen(tmp_path: Path, change: str) -> None:
    file, result = tmp_path / "verdict.json", Result("validate", str(tmp_path))
    file.touch()
    os.utime(file, ns=(5, 5))
    before = result.published()
    if change == "inode":
        (tmp_path / "new").touch()
        (tmp_path / "new").replace(file)
    os.utime(file, ns=(5, 5 if change == "inode" else 6))
    assert result.published() != before
    assert "the result was published before that" in result.outcome(before)


def test_a_link_to_nothing_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").symlink_to(tmp_path / "gone")
    assert Result("validate", str(tmp_path)).published() == frozenset()


def test_a_store_is_not_looked_at() -> None:
    result = Result("validate", "gs://bucket/a\x1b")
    assert result.published() is None
    assert result.outcome(None) == "gs://bucket/a\\x1b shows whether it was published"


def test_a_command_without_a_folder_publishes_nothing() -> None:
    assert Result("check", None).published() == frozenset()
    assert Result("check", None).outcome(frozenset()) == "nothing was published"


@pytest.mark.parametrize(("command", "is_said"), [("backtest", True), ("join", False)])
def test_files_of_two_backtests_are_named(tmp_path: Path, command: str, is_said: bool) -> None:
    result = Result(command, str(tmp_path))
    assert result.outcome(frozenset()) == "nothing was published"
    (tmp_path / "backtest.pending.json").touch()
    mixed = f"{tmp_path} holds files of two runs until backtest is run again"
    assert result.outcome(frozenset()) == (mixed if is_said else "nothing was published")


SWEEPS: dict[str, tuple[Any, str]] = {
    "prepare": (atomic_replace, "finish"),
    "adopt": (atomic_replace, "finish"),
    "export": (version_folder, "sweep"),
    "validate": (dead_runs, "sweep"),
    "backtest": (temporary_files, "sweep"),
    "join": (temporary_files, "sweep"),
}


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The names of the modules that are asked to clean up, and the folders."""
    calls: list[tuple[str, str]] = []

    def recorder(name: str) -> Callable[[str], None]:
        return lambda folder: calls.append((name, folder))

    for module, function in SWEEPS.values():
        monkeypatch.setattr(module, function, recorder(module.__name__))
    return calls


@pytest.mark.parametrize("command", SWEEPS)
def test_each_command_has_its_own_leftovers(command: str, swept: list[tuple[str, str]]) -> None:
    Result(command, "out").clean({})
    assert swept == [(SWEEPS[command][0].__name__, "out")]


@pytest.mark.parametrize("folder", ["gs://bucket/out", None])
def test_what_is_no_local_folder_is_not_swept(folder: str | None, swept: list[tuple[str, str]]) -> None:
    Result("validate", folder).clean({})
    assert swept == []


@pytest.mark.parametrize("error", [OSError("gone"), InputError("gone")])
def test_folders_on_stores_go_whatever_else_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    discarded: list[tuple[str, str]] = []

    def fail(folder: str) -> None:
        raise error

    def discard(target: str, staged: str) -> None:
        discarded.append((target, staged))
        raise InputError("403 Forbidden")

    monkeypatch.setattr(dead_runs, "sweep", fail)
    monkeypatch.setattr(atomic_replace, "discard", discard)
    Result("validate", "out").clean({"gs://b/staged": "gs://b/baseline", "gs://b/other": "gs://b/second"})
    assert discarded == [("gs://b/baseline", "gs://b/staged"), ("gs://b/second", "gs://b/other")]


@pytest.mark.parametrize("command", ["run", "backfill"])
def test_a_series_is_where_its_file_says(
    command: str, tmp_path: Path, swept: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, window = tmp_path / "f.toml", tmp_path / "out" / "windows" / "2013-07-14T00Z_P1D"
    config.write_text('output = "out"\n')
    window.mkdir(parents=True)
    result = cleanup.of_command([command, f"--config={config}"])
    assert result == Result(command, str(tmp_path / "out"))
    assert cleanup.of_command([command, f"--config={config}", "--output=o"]) == Result(command, "o")
    before = result.published()
    (window / "verdict.json").touch()
    assert "was published before that" in result.outcome(before)
    result.clean({})
    assert swept == [(dead_runs.__name__, str(window))]
    for content in ("[", "output = 1", ""):
        config.write_text(content)
        assert cleanup.of_command([command, f"--config={config}"]) == Result(command, None)
    assert cleanup.of_command([command, "--config=gone.toml"]) == Result(command, None)
    assert cleanup.of_command([command]) == Result(command, None)
