"""Publishing: whatever dies, and however many publish at once, verdict.json and its files are whole."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from support.page import make_verdict
from support.publish import (
    FILES,
    PROCESSES,
    broken,
    exit_code,
    publish_and_die,
    publish_and_die_deleting,
    publish_and_die_inside,
    publish_many,
    stale,
)

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.runs import copies, run_folder
from trueserve.transforms.verdict.result import VerdictOutcome

OK, SKEW = make_verdict("ok"), make_verdict("skew")
# Three files in the attempt's folder, the commit, its copy in there, two copies beside it.
WRITES, COMMIT = 7, 3


def test_verdict_names_every_file_with_size_and_digest(tmp_path: Path) -> None:
    published = run_folder.publish(str(tmp_path), OK, FILES)

    document = json.loads((tmp_path / "verdict.json").read_bytes())
    assert document["artifacts"].keys() == FILES.keys()
    assert document == json.loads(run_folder.to_bytes(published.to_json()))
    assert not broken(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == FILES["report.html"]
    assert not (tmp_path / "rejects").exists()


def test_broken_sees_a_changed_file(tmp_path: Path) -> None:
    run_folder.publish(str(tmp_path), OK, FILES)
    next(tmp_path.glob("runs/*/stats.binpb")).write_bytes(b"other")
    assert broken(tmp_path) == ["stats.binpb"]


@pytest.mark.parametrize("writes", range(WRITES))
def test_killed_between_writes_leaves_a_whole_verdict(tmp_path: Path, writes: int) -> None:
    run_folder.publish(str(tmp_path), OK, FILES)
    before = (tmp_path / "verdict.json").read_bytes()

    assert exit_code(publish_and_die, str(tmp_path), SKEW, _other_files(), writes) == -9

    assert not broken(tmp_path)
    assert not stale(tmp_path)
    after = (tmp_path / "verdict.json").read_bytes()
    assert (after == before) == (writes <= COMMIT)
    assert json.loads(after)["verdict"] == ("ok" if writes <= COMMIT else "skew")


def test_every_write_was_a_place_to_die(tmp_path: Path) -> None:
    run_folder.publish(str(tmp_path), OK, FILES)
    assert exit_code(publish_and_die, str(tmp_path), SKEW, _other_files(), WRITES) == 0


def test_killed_at_any_call_to_the_file_system(tmp_path: Path) -> None:
    full = {**FILES, "anomalies.pbtxt": b"yesterday's"}
    verdicts = []
    for calls in range(100):
        folder = tmp_path / str(calls)
        run_folder.publish(str(folder), OK, full, "old")
        code = exit_code(publish_and_die_inside, str(folder), SKEW, _other_files(), calls)
        assert not broken(folder)
        assert not stale(folder)
        assert run_folder.find_run(str(folder), "old") is not None
        verdicts.append(json.loads((folder / "verdict.json").read_bytes())["verdict"])
        if code == 0:
            break
    assert code == 0
    assert len(verdicts) > 2 * WRITES
    assert verdicts == sorted(verdicts)  # ok until the commit, skew from it on
    assert {"ok", "skew"} == set(verdicts)


def test_next_run_mends_the_copies_of_one_that_died(tmp_path: Path) -> None:
    exit_code(publish_and_die, str(tmp_path), SKEW, _other_files(), COMMIT + 1)
    assert not (tmp_path / "report.html").exists()
    run_folder.publish(str(tmp_path), OK, FILES)
    assert (tmp_path / "report.html").read_bytes() == FILES["report.html"]


def test_copies_that_the_verdict_does_not_name_go(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_bytes(b"somebody's")
    for name in copies.COPIES:
        (tmp_path / name).write_bytes(b"yesterday's")
    run_folder.publish(str(tmp_path), OK, FILES)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "verdict.json",
        "own.html",
        "report.html",
        "stats.binpb",
    }
    assert (tmp_path / "report.html").read_bytes() == FILES["report.html"]


@pytest.mark.parametrize("has_committed", [False, True])
def test_a_slow_publisher_that_deletes_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_committed: bool
) -> None:
    """Another commits, with a file that this one takes for an old copy and deletes."""
    delete, overtaken = paths.delete_file, False

    def delete_late(path: str) -> None:
        nonlocal overtaken
        if not overtaken and (tmp_path / "verdict.json").exists() == has_committed:
            overtaken = True
            files = {**FILES, "anomalies.pbtxt": b"the other's"}
            run_folder.publish(str(tmp_path), SKEW, files)
        delete(path)

    monkeypatch.setattr(paths, "delete_file", delete_late)
    run_folder.publish(str(tmp_path), OK, FILES)
    assert overtaken
    assert not stale(tmp_path)
    assert (tmp_path / "anomalies.pbtxt").exists() == has_committed  # whoever commits last
    assert json.loads((tmp_path / "verdict.json").read_bytes())["verdict"] == (
        "skew" if has_committed else "ok"
    )


def test_killed_at_any_deletion_no_copy_is_another_verdicts(tmp_path: Path) -> None:
    full = {**FILES, "anomalies.pbtxt": b"a", "transformed_anomalies.pbtxt": b"b"}
    for deletions in range(5):
        folder = tmp_path / str(deletions)
        run_folder.publish(str(folder), OK, full)
        assert exit_code(publish_and_die_deleting, str(folder), SKEW, FILES, deletions) == -9
        assert not broken(folder)
        assert not stale(folder)
        assert json.loads((folder / "verdict.json").read_bytes())["verdict"] == "ok"
        run_folder.publish(str(folder), SKEW, FILES)
        assert not list(folder.glob("*.pbtxt"))
        assert (folder / "report.html").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"artifacts": []}',
        b'{"artifacts": {"report.html": "x"}}',
        b'{"artifacts": {"report.html": {}}}',
        b'{"artifacts": {"report.html": {"path": 1}}}',
        b"[" * 100_000,
    ],
)
def test_a_strangers_verdict_json_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "verdict.json").write_bytes(content)
    (tmp_path / "anomalies.pbtxt").write_bytes(b"a stranger's")
    assert run_folder.read_verdict(str(tmp_path)) is None
    assert run_folder.find_run(str(tmp_path), "mine") is None
    run_folder.refresh_copies(str(tmp_path))
    assert (tmp_path / "anomalies.pbtxt").exists()
    run_folder.publish(str(tmp_path), SKEW, FILES, run_id="mine")
    assert run_folder.find_run(str(tmp_path), "mine") is not None

    # The attempt's own copy, cut short, is no verdict either.
    next(tmp_path.glob("runs/*/verdict.json")).write_bytes(content)
    (tmp_path / "verdict.json").write_bytes(content)
    assert run_folder.find_run(str(tmp_path), "mine") is None


def test_two_publishers_at_once(tmp_path: Path) -> None:
    run_folder.publish(str(tmp_path), OK, FILES)
    arguments = [(str(tmp_path), verdict, FILES, 15) for verdict in (OK, SKEW)]
    publishers = [PROCESSES.Process(target=publish_many, args=args) for args in arguments]
    for publisher in publishers:
        publisher.start()
    while any(publisher.is_alive() for publisher in publishers):
        assert not broken(tmp_path)
    assert [publisher.exitcode for publisher in publishers] == [0, 0]

    assert len(list(tmp_path.glob("runs/*/verdict.json"))) == 31
    final = json.loads((tmp_path / "verdict.json").read_bytes())
    for name in ("anomalies.pbtxt", "report.html"):
        assert (tmp_path / name).read_bytes() == (tmp_path / final["artifacts"][name]["path"]).read_bytes()


def test_slow_publisher_copies_the_verdict_that_stands(tmp_path: Path) -> None:
    """Another commits while this one makes its copies: afterwards the copies are the other's."""
    overtaken = False

    def write(path: str, data: bytes) -> None:
        nonlocal overtaken
        if path == str(tmp_path / "report.html") and not overtaken:
            overtaken = True
            run_folder.publish(str(tmp_path), SKEW, _other_files())
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)

    run_folder.publish(str(tmp_path), OK, FILES, write=write)
    assert json.loads((tmp_path / "verdict.json").read_bytes())["verdict"] == "skew"
    assert (tmp_path / "report.html").read_bytes() == _other_files()["report.html"]


def test_failed_stands_beside_the_published_one(tmp_path: Path) -> None:
    run_folder.publish(str(tmp_path), OK, FILES)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    run_folder.publish(str(tmp_path), make_verdict("failed"), _other_files())

    assert all(path.read_bytes() == data for path, data in before.items())
    assert json.loads((tmp_path / "failed" / "verdict.json").read_bytes())["verdict"] == "failed"
    assert not broken(tmp_path / "failed")


@pytest.mark.parametrize("name", ["ok", "failed"])
def test_a_run_finds_its_verdict_after_another_has_committed(tmp_path: Path, name: str) -> None:
    run_folder.publish(str(tmp_path), make_verdict(name), FILES, run_id="mine")
    run_folder.publish(str(tmp_path), SKEW, FILES, run_id="mine-not")
    run_folder.publish(str(tmp_path), make_verdict("failed"), FILES, run_id="other")

    run = run_folder.find_run(str(tmp_path), "mine")

    assert run is not None
    assert run[0] == run_folder.root_of(str(tmp_path), VerdictOutcome(name))
    assert run[1]["verdict"] == name
    assert run_folder.find_run(str(tmp_path), "nobody") is None


def test_verdict_json_is_json_whatever_is_in_it() -> None:
    document = {"nan": math.nan, "deep": [{"inf": -math.inf}], "text": "\ud800 \x00 \u202e </script>"}
    parsed = json.loads(run_folder.to_bytes(document))
    assert parsed["nan"] is None
    assert parsed["deep"] == [{"inf": None}]
    assert parsed["text"] == document["text"]


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/../b", "a//b", "", "verdict.json", "./a"])
def test_file_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        run_folder.publish(str(tmp_path), OK, {name: b""})
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot write") as caught:
        run_folder.publish(str(tmp_path), OK, FILES)
    assert "\n" not in str(caught.value)


def _other_files() -> dict[str, bytes]:
    return {name: data + b" other" for name, data in FILES.items()}
