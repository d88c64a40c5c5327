"""Published runs in a folder: how they are found and read, and what strangers leave there."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.drift import HERE, contract, day, names, published, reference, rides, statistics, summary_of

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.runs import previous_runs, published_runs
from trueserve.transforms.runs.previous_runs import AUTO, PreviousRuns
from trueserve.transforms.runs.published_runs import PublishedRun, UnreadableError
from trueserve.transforms.verdict.model import Space


def at(number: int) -> str:
    return f"20260101T0000{number:02}Z-0000000{number % 10}"


def test_published_runs_are_found_and_failed_ones_are_not(tmp_path: Path) -> None:
    first = published(tmp_path, at(1), day(1))
    second = published(tmp_path, at(2), day(2), "skew")
    published(tmp_path, at(3), day(3), "failed")
    published(tmp_path, at(4), day(3), "not_examined")
    earlier_runs = previous_runs.find(AUTO, str(tmp_path), day(4), contract())
    assert names(earlier_runs) == (second, [first, second])
    assert earlier_runs.broken == 0
    assert earlier_runs.previous is not None
    assert (earlier_runs.previous.outcome, earlier_runs.previous.window) == ("skew", day(2))
    assert (earlier_runs.previous.graph, earlier_runs.previous.baseline) == ("g", HERE)


def test_no_run_is_no_error(tmp_path: Path) -> None:
    assert previous_runs.find(AUTO, str(tmp_path / "new"), day(4), None) == PreviousRuns()
    published(tmp_path, at(3), day(3), "failed")
    assert previous_runs.find(AUTO, str(tmp_path), day(4), None) == PreviousRuns()


def test_no_more_than_the_newest_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = published(tmp_path, at(1), day(3))
    new = [published(tmp_path, at(number), day(number)) for number in (4, 5, 6)]
    monkeypatch.setattr(previous_runs, "_AT_A_TIME", 2)
    assert names(previous_runs.find(AUTO, str(tmp_path), day(4), contract())) == (old, [old])
    monkeypatch.setattr(previous_runs, "MOST_RUNS", 3)
    assert names(previous_runs.find(AUTO, str(tmp_path), day(4), contract())) == (None, [])
    assert names(previous_runs.find(AUTO, str(tmp_path), day(7), contract())) == (new[-1], new)


def test_runs_that_were_not_looked_at_are_counted_and_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = published(tmp_path, at(1), day(3))
    for number in (4, 5, 6):
        published(tmp_path, at(number), day(number), "not_examined")
    monkeypatch.setattr(previous_runs, "MOST_RUNS", 3)
    assert previous_runs.find(AUTO, str(tmp_path), day(4), contract()) == PreviousRuns(left_out=1)
    named = previous_runs.find(old, str(tmp_path), day(4), contract()).previous
    assert named is not None
    assert named.window == day(3)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    earlier_run = loaded(tmp_path, {"positions.json": b"{}"})
    Path(earlier_run.folder, "positions.json").unlink()
    os.mkfifo(f"{earlier_run.folder}/positions.json")
    with pytest.raises(UnreadableError, match="missing, or not the file"):
        published_runs.load_summary(earlier_run)


def test_what_fails_to_be_read_from_a_store_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise RuntimeError("connection reset")

    monkeypatch.setattr(paths, "open_stored", lambda _path: Broken())
    assert published_runs._read("gs://bucket/verdict.json", 100) is None


BROKEN: list[Any] = [
    b"",
    b"{",
    b"[" * 200_000,
    b"[]",
    {"format": 3},
    {"window": 5},
    {"window": {"start": "2013-06-09T00:00:00Z", "end": "2013-06-02T00:00:00Z"}},
    {"window": {"start": float("nan"), "end": 10**400}},
    {"verdict": ["ok"]},
    {"artifacts": []},
]


@pytest.mark.parametrize("content", BROKEN, ids=str)
def test_broken_verdicts_are_counted_and_left_out(tmp_path: Path, content: Any) -> None:
    good = published(tmp_path, at(1), day(1))
    document = tmp_path / "runs" / published(tmp_path, at(2), day(2)) / "verdict.json"
    damaged = content if isinstance(content, bytes) else changed(document, content)
    document.write_bytes(damaged)
    earlier_runs = previous_runs.find(AUTO, str(tmp_path), day(4), contract())
    assert (names(earlier_runs), earlier_runs.broken) == ((good, [good]), 1)
    with pytest.raises(UsageError, match="--previous"):
        previous_runs.find(str(document), str(tmp_path), day(4), contract())


def changed(document: Path, fields: dict[str, Any]) -> bytes:
    return json.dumps(json.loads(document.read_bytes()) | fields).encode()


@pytest.mark.parametrize(
    "made_of", [[], 5, {"digests": 5}, {"digests": {"graph": [1]}}, {"created": {"a": 1}}]
)
def test_a_contract_that_is_none_is_another_baseline(tmp_path: Path, made_of: Any) -> None:
    document = tmp_path / "runs" / published(tmp_path, at(2), day(2)) / "verdict.json"
    document.write_bytes(changed(document, {"contract": made_of}))
    earlier_runs = previous_runs.find(AUTO, str(tmp_path), day(4), contract())
    assert earlier_runs.previous is not None
    assert (earlier_runs.previous.graph, earlier_runs.comparable_runs) == (None, ())


def test_a_huge_verdict_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, at(2), day(2))
    monkeypatch.setattr(published_runs, "_LARGEST", 100)
    assert previous_runs.find(AUTO, str(tmp_path), day(4), contract()) == PreviousRuns(broken=1)


def test_folders_of_other_names_are_none(tmp_path: Path) -> None:
    name = published(tmp_path, at(2), day(2))
    (tmp_path / "runs" / name).rename(tmp_path / "runs" / "copy of a run")
    (tmp_path / "runs" / "note.txt").write_text("x")
    assert previous_runs.find(AUTO, str(tmp_path), day(4), contract()) == PreviousRuns()


def test_a_run_is_named_in_five_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, other = tmp_path / "out", tmp_path / "other"
    published(output, at(1), day(1))
    name = published(output, at(2), day(2))
    folder = str(output / "runs" / name)
    monkeypatch.chdir(tmp_path)
    for requested in (folder, f"{folder}/verdict.json", str(output), f"{output}/verdict.json", "out"):
        earlier_runs = previous_runs.find(requested, str(other), day(9), contract())
        assert names(earlier_runs) == (name, []), requested
        assert earlier_runs.previous is not None
        assert published_runs.load_statistics(earlier_runs.previous, Space.RAW).datasets
    for requested in (at(2), name):
        assert names(previous_runs.find(requested, str(output), day(9), contract())) == (name, [])


def test_a_run_that_was_moved_is_found_by_its_own_folder(tmp_path: Path) -> None:
    name = published(tmp_path, at(2), day(2))
    shutil.move(tmp_path / "runs" / name, tmp_path / "kept")
    earlier_run = previous_runs.find(str(tmp_path / "kept"), str(tmp_path), day(9), contract()).previous
    assert earlier_run is not None
    assert published_runs.load_statistics(earlier_run, Space.RAW).datasets


@pytest.mark.parametrize("requested", ["", "nowhere", "nowhere/at/all", "20260101T000009Z-00000009", "logs/"])
def test_a_run_that_is_none_is_an_error(tmp_path: Path, requested: str) -> None:
    published(tmp_path, at(2), day(2))
    with pytest.raises(UsageError, match="--previous: expected auto, a run's folder"):
        previous_runs.find(requested, str(tmp_path), day(4), contract())


@pytest.mark.parametrize("outcome", ["failed", "not_examined"])
def test_a_run_that_examined_nothing_is_an_error(tmp_path: Path, outcome: str) -> None:
    published(tmp_path, at(2), day(2), outcome)
    folder = tmp_path / "failed" if outcome == "failed" else tmp_path
    with pytest.raises(UsageError, match="nothing to compare with"):
        previous_runs.find(str(folder), str(tmp_path), day(4), contract())


def test_what_a_verdict_says_of_its_files_leads_nowhere_else(tmp_path: Path) -> None:
    name = published(tmp_path, at(2), day(2))
    document = tmp_path / "runs" / name / "verdict.json"
    artifacts = {"stats.binpb": {"path": "runs/../../secret/x", "bytes": 1, "sha256": "0"}}
    document.write_bytes(changed(document, {"artifacts": artifacts}))
    earlier_run = previous_runs.find(str(document), str(tmp_path), day(4), contract()).previous
    assert earlier_run is not None
    assert earlier_run.folder == str(document.parent)


def loaded(tmp_path: Path, files: dict[str, bytes]) -> PublishedRun:
    published(tmp_path, at(2), day(2), files={"stats.binpb": b"", **files})
    earlier_run = previous_runs.find(AUTO, str(tmp_path), day(4), contract()).previous
    assert earlier_run is not None
    return earlier_run


def test_files_are_read_as_the_verdict_names_them(tmp_path: Path) -> None:
    rows = statistics(rides(300, 1))
    summary = summary_of(reference(rides(300, 2)), rides(300, 1), day(2))
    earlier_run = loaded(
        tmp_path, {"stats.binpb": rows.SerializeToString(), "positions.json": summary.to_bytes()}
    )
    assert published_runs.load_statistics(earlier_run, Space.RAW) == rows
    assert published_runs.load_summary(earlier_run) == summary
    with pytest.raises(UnreadableError, match=r"transformed_stats\.binpb is missing"):
        published_runs.load_statistics(earlier_run, Space.TRANSFORMED)
    data = bytearray(rows.SerializeToString())
    data[-1] ^= 1
    paths.write_atomically(f"{earlier_run.folder}/stats.binpb", bytes(data))
    with pytest.raises(UnreadableError, match="not the file that the run's verdict names"):
        published_runs.load_statistics(earlier_run, Space.RAW)
    shutil.rmtree(earlier_run.folder)
    with pytest.raises(UnreadableError, match="missing"):
        published_runs.load_summary(earlier_run)


@pytest.mark.parametrize("data", [b"", b"\xff\xff", b"no message"])
def test_statistics_that_are_none_are_told(tmp_path: Path, data: bytes) -> None:
    earlier_run = loaded(tmp_path, {"stats.binpb": data})
    with pytest.raises(UnreadableError, match=r"is not a DatasetFeatureStatisticsList|has 0 data sets"):
        published_runs.load_statistics(earlier_run, Space.RAW)


def test_positions_of_another_window_are_none(tmp_path: Path) -> None:
    summary = summary_of(reference(rides(300, 2)), rides(300, 1), day(3))
    earlier_run = loaded(tmp_path, {"positions.json": summary.to_bytes()})
    with pytest.raises(UnreadableError, match="not what a run writes"):
        published_runs.load_summary(earlier_run)


def test_a_size_that_no_file_has_is_not_waited_for(tmp_path: Path) -> None:
    earlier_run = loaded(tmp_path, {"positions.json": b"{}"})
    huge = dataclasses.replace(earlier_run, files={"positions.json": (10**30, "0" * 64)})
    with pytest.raises(UnreadableError, match="missing, or not the file"):
        published_runs.load_summary(huge)
