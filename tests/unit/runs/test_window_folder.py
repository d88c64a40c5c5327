"""What a window's folder holds once a verdict stands: that one, and what live runs are writing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from support import chaos
from support.page import make_verdict

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.runs import dead_runs, run_folder, run_ids, series, window_folder

FILES = {"report.html": b"<!doctype html>", "stats.binpb": b"\x00\x01" * 50}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out" / "windows" / "2013-07-14T00Z_P1D"


def publish(folder: Path, outcome: str = "ok") -> str:
    """Publishes as a run does; the run's id."""
    run_id = run_ids.new_run_id()
    with dead_runs.publishing(str(folder), run_id):
        run_folder.publish(str(folder), make_verdict(outcome), FILES, run_id)
    return run_id


def attempts(folder: Path) -> list[str]:
    return sorted(path.name[:-13] for path in (folder / "runs").iterdir())


def test_a_rerun_replaces_the_window_as_a_whole(folder: Path) -> None:
    publish(folder)
    last = publish(folder, "skew")
    stands = window_folder.tidy(str(folder))
    assert stands is not None
    assert (stands.outcome, attempts(folder)) == ("skew", [last])
    assert chaos.broken(folder) == []


def test_failed_ends_with_the_next_success_and_not_before(folder: Path) -> None:
    publish(folder)
    publish(folder, "failed")
    stands = window_folder.tidy(str(folder))
    assert stands is not None
    assert (stands.outcome, (folder / "failed" / "verdict.json").exists()) == ("failed", True)
    assert (folder / "verdict.json").exists(), "the verdict that stood before stays beside it"
    publish(folder)
    window_folder.tidy(str(folder))
    assert not (folder / "failed").exists()


def test_what_a_live_run_writes_stays(folder: Path) -> None:
    publish(folder)
    run_id = run_ids.new_run_id()
    with dead_runs.publishing(str(folder), run_id):
        part = folder / "runs" / run_ids.new_attempt(run_id) / "report.html"
        paths.write_atomically(str(part), b"half")
        window_folder.tidy(str(folder))
        assert part.exists()
    # It has given up: nobody holds its lease any more.
    window_folder.tidy(str(folder))
    assert not part.exists()


def test_nothing_is_deleted_where_nothing_stands(folder: Path) -> None:
    part = folder / "runs" / run_ids.new_attempt(run_ids.new_run_id()) / "report.html"
    paths.write_atomically(str(part), b"half")
    assert window_folder.tidy(str(folder)) is None
    assert part.exists()


def test_copies_that_a_dead_publisher_did_not_make_are_made(folder: Path) -> None:
    publish(folder)
    (folder / "report.html").unlink()
    window_folder.tidy(str(folder))
    assert (folder / "report.html").read_bytes() == FILES["report.html"]


def test_settled_is_the_run_that_stands(folder: Path) -> None:
    publish(folder)
    first = window_folder.tidy(str(folder))
    assert first is not None
    assert not window_folder.is_settled(str(folder), first)
    window_folder.settle(str(folder), first)
    assert window_folder.is_settled(str(folder), first)
    publish(folder)
    second = window_folder.tidy(str(folder))
    assert second is not None
    assert not window_folder.is_settled(str(folder), second)
    (folder / window_folder.SETTLED).write_text("[")
    assert not window_folder.is_settled(str(folder), first)


def test_what_cannot_be_deleted_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(folder)
    publish(folder)

    def refuse(path: str) -> None:
        raise InputError(f"cannot delete {path}")

    monkeypatch.setattr(paths, "delete_tree", refuse)
    with pytest.raises(InputError, match="cannot delete"):
        window_folder.tidy(str(folder))


def test_a_window_that_stands_is_read_by_its_series(folder: Path) -> None:
    publish(folder, "skew")
    document = json.loads((folder / "verdict.json").read_text())
    known = series.latest(str(folder.parents[1]))
    assert known is not None
    assert (known[0], known[1].document) == (folder.name, document)
    assert dataclasses.asdict(known[1])["root"] == str(folder)
