"""Attempts of validate: those of dead runs without a verdict go, all others stay."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.memory_files import OBJECTS
from support.publish import exit_code

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths, temporary_files
from trueserve.transforms.runs import dead_runs

OLD, NOW = "20200101T000000Z-0123abcd", "20990101T000000Z.000123-0123abcd"


def attempt(output: str, run_id: str, *names: str) -> str:
    name = f"{run_id}-0123456789ab"
    for file in names:
        paths.write_atomically(paths.join(output, "runs", name, file), b"{}")
    return name


def attempts(output: Path) -> set[str]:
    return {path.name for path in (output / "runs").iterdir()}


def commit(root: str, name: str) -> None:
    """As a publisher does that dies before the attempt gets a copy of its verdict."""
    artifacts = {"report.html": {"path": f"runs/{name}/report.html"}}
    paths.write_atomically(paths.join(root, "verdict.json"), json.dumps({"artifacts": artifacts}).encode())


def commit_and_die(output: str, root: str, run_id: str) -> None:
    with dead_runs.publishing(output, run_id):
        commit(root, attempt(root, run_id, "report.html"))
        os._exit(7)


def die_as_the_attempt_gets_its_copy(output: str, root: str, run_id: str) -> None:
    with dead_runs.publishing(output, run_id):
        name = attempt(root, run_id, "report.html")
        commit(root, name)
        temporary_files.create(Path(root, "runs", name, "verdict.json"))
        os._exit(7)


def publish_half_and_die(output: str, run_id: str) -> None:
    with dead_runs.publishing(output, run_id):
        attempt(output, run_id, "report.html")
        os._exit(7)


def test_the_next_run_deletes_what_a_dead_one_began(tmp_path: Path) -> None:
    assert exit_code(publish_half_and_die, str(tmp_path), NOW) == 7
    overtaken = attempt(str(tmp_path), NOW.replace("0123", "4567"), "report.html", "verdict.json")
    (tmp_path / "failed" / "runs" / f"{NOW}-aaaaaaaaaaaa").mkdir(parents=True)
    with dead_runs.publishing(str(tmp_path), NOW.replace("0123", "89ab")):
        assert attempts(tmp_path) == {overtaken}
        assert not list((tmp_path / "failed" / "runs").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "failed"}


def test_a_live_run_and_one_of_an_unknown_owner_stay(tmp_path: Path) -> None:
    unknown = attempt(str(tmp_path), NOW.replace("0123", "4567"), "report.html")
    young = attempt(str(tmp_path), OLD, "report.html")
    with dead_runs.publishing(str(tmp_path), NOW):
        live = attempt(str(tmp_path), NOW, "report.html")
        dead_runs.sweep(str(tmp_path))
        assert attempts(tmp_path) == {unknown, young, live}


@pytest.mark.parametrize("with_verdict", [True, False])
def test_attempts_of_long_ago_go_if_they_have_no_verdict(tmp_path: Path, with_verdict: bool) -> None:
    name = attempt(str(tmp_path), OLD, "report.html", *(["verdict.json"] if with_verdict else []))
    folder = tmp_path / "runs" / name
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, 0))
    dead_runs.sweep(str(tmp_path))
    assert folder.exists() == with_verdict


@pytest.mark.parametrize("below", ["", "failed"])
def test_the_attempt_that_the_verdict_names_stays_whoever_died(tmp_path: Path, below: str) -> None:
    root = tmp_path / below
    assert exit_code(commit_and_die, str(tmp_path), str(root), NOW) == 7
    dead_runs.sweep(str(tmp_path))
    (kept,) = (root / "runs").iterdir()
    assert (kept / "report.html").exists()


@pytest.mark.parametrize("below", ["", "failed"])
def test_a_run_that_died_after_its_commit_gets_the_copy_of_its_verdict(tmp_path: Path, below: str) -> None:
    root = tmp_path / below
    assert exit_code(die_as_the_attempt_gets_its_copy, str(tmp_path), str(root), NOW) == 7
    dead_runs.sweep(str(tmp_path))
    (kept,) = (root / "runs").iterdir()
    assert {path.name for path in kept.iterdir()} == {"report.html", "verdict.json"}
    assert (kept / "verdict.json").read_bytes() == (root / "verdict.json").read_bytes()


def test_the_attempt_that_the_verdict_names_is_never_too_old(tmp_path: Path) -> None:
    commit(str(tmp_path), attempt(str(tmp_path), OLD, "report.html"))
    for path in sorted((tmp_path / "runs").rglob("*"), reverse=True):
        os.utime(path, (0, 0))
    dead_runs.sweep(str(tmp_path))
    assert len(attempts(tmp_path)) == 1


def test_nothing_goes_where_the_verdict_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str) -> bytes:
        raise InputError(f"cannot read {path}")

    assert exit_code(publish_half_and_die, str(tmp_path), NOW) == 7
    (tmp_path / "verdict.json").write_text("{}")
    monkeypatch.setattr(paths, "read_bytes", fail)
    dead_runs.sweep(str(tmp_path))
    assert len(attempts(tmp_path)) == 1


def test_on_an_object_store_the_age_decides() -> None:
    OBJECTS.clear()
    output = "memory://bucket/verdicts"
    attempt(output, OLD, "report.html", "deep/rejects.jsonl")
    kept = {attempt(output, OLD.replace("0123", "4567"), "report.html", "verdict.json")}
    kept.add(attempt(output, NOW, "report.html"))
    standing = attempt(output, OLD.replace("0123", "89ab"), "report.html")
    commit(output, standing)
    kept.add(standing)
    with dead_runs.publishing(output, NOW):
        assert {name.split("/")[5] for name in OBJECTS if "/runs/" in name} == kept
    OBJECTS.clear()
