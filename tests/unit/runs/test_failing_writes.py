"""The n-th write fails, for every n: what is said and returned is what stands in verdict.json."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.failing_output import DELETIONS, WAYS, FailingOutput
from support.page import JULY, make_verdict
from support.publish import FILES

from trueserve.pipelines import conclusion
from trueserve.pipelines.display.console import Console
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.publish.assemble import RunSettings
from trueserve.transforms.runs import copies, run_folder, run_ids
from trueserve.transforms.verdict.severity import Policy

OK, SKEW = make_verdict("ok"), make_verdict("skew")
OLD = {**FILES, "anomalies.pbtxt": b"yesterday's"}
NEW = {name: data + b" of today" for name, data in FILES.items()}


def targets(kind: str, how: str, lasting: bool, folder: Path) -> Iterator[tuple[int, FailingOutput]]:
    """Fresh targets with yesterday's verdict, one for each n, until the caller breaks."""
    for at in range(100):
        target = FailingOutput(kind, how, lasting, folder / str(at))
        run_folder.publish(target.output, OK, OLD, "yesterday")
        yield at, target
    raise AssertionError("every n was reached")


def read(output: str, name: str) -> bytes:
    return paths.read_bytes(paths.join(output, name))


def check_whole(output: str, *known: dict[str, bytes]) -> None:
    """All that verdict.json names is there, what lies beside it is its own, and no file is half of one."""
    artifacts = json.loads(read(output, "verdict.json"))["artifacts"]
    for artifact in artifacts.values():
        data = read(output, artifact["path"])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (artifact["bytes"], artifact["sha256"])
    for name in paths.list_files(output):
        data = read(output, name)
        leaf = name.rsplit("/", 1)[-1]
        if leaf == "verdict.json":
            assert json.loads(data)["format"] == 2
        elif not name.startswith("failed/"):
            assert data in [data for files in known for file, data in files.items() if file.endswith(leaf)]


def stale(output: str) -> list[str]:
    artifacts = json.loads(read(output, "verdict.json"))["artifacts"]
    copy_names = [name for name in paths.list_files(output) if name in copies.COPIES]
    return [
        name
        for name in copy_names
        if artifacts.get(name, {}).get("sha256") != hashlib.sha256(read(output, name)).hexdigest()
    ]


@pytest.mark.parametrize(("kind", "how", "lasting"), WAYS)
def test_a_verdict_is_committed_or_it_is_said_that_it_is_not(
    tmp_path: Path, kind: str, how: str, lasting: bool
) -> None:
    outcomes = []
    for at, target in targets(kind, how, lasting, tmp_path):
        before = read(target.output, "verdict.json")
        with target.failing(at) as was_reached:
            error = None
            try:
                run_folder.publish(target.output, SKEW, NEW, "today")
            except InputError as caught:
                error = str(caught)
            reached = was_reached()
        after, run = read(target.output, "verdict.json"), run_folder.find_run(target.output, "today")
        assert (error is None) == (run is not None) == (after != before)
        assert run_folder.find_run(target.output, "yesterday") is not None
        check_whole(target.output, OLD, NEW)
        assert not stale(target.output)
        assert error is None or ("\n" not in error and target.output in error)
        outcomes.append(error is None)
        if not reached:
            break
    assert outcomes[-1]
    if how in {"folder", "stored"}:  # it was written all the same
        assert all(outcomes)
    else:
        assert outcomes == sorted(outcomes)  # from the write after the commit on
        assert outcomes.count(False) == len(NEW) + 1


@pytest.mark.parametrize(("kind", "how", "lasting"), DELETIONS)
def test_what_cannot_be_deleted_stops_no_verdict(tmp_path: Path, kind: str, how: str, lasting: bool) -> None:
    for at, target in targets(kind, how, lasting, tmp_path):
        with target.failing(at) as was_reached:
            run_folder.publish(target.output, SKEW, NEW, "today")
            reached = was_reached()
        run = run_folder.find_run(target.output, "today")
        assert run is not None
        check_whole(target.output, OLD, NEW)
        assert stale(target.output) == copies.wrong(*found_parts(run))
        if not reached:
            break
    assert at > 1


def found_parts(run: tuple[str, dict[str, Any]]) -> tuple[str, Any]:
    return run[0], run[1]["artifacts"]


def run_of(output: str) -> conclusion.PublishingRun:
    return conclusion.PublishingRun(output, "logs/*", "today", RunSettings(JULY, Policy()))


def end_of_run(output: str) -> tuple[int, str, str]:
    """The end of `validate`, from the verdict on: exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()

    def publish() -> None:
        run_folder.publish(output, SKEW, NEW, "today")

    code = conclusion.finish(run_of(output), Console(out, err), publish)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(("kind", "how", "lasting"), [*WAYS, *DELETIONS])
def test_console_and_exit_code_tell_what_stands(tmp_path: Path, kind: str, how: str, lasting: bool) -> None:
    codes = []
    for at, target in targets(kind, how, lasting, tmp_path):
        before, error = read(target.output, "verdict.json"), ""
        with target.failing(at) as was_reached:
            try:
                code, out, err = end_of_run(target.output)
            except InputError as caught:
                code, out, err, error = caught.exit_code, "", "", str(caught)
            reached = was_reached()
        check_whole(target.output, OLD, NEW)
        if read(target.output, "verdict.json") == before:
            check_not_published(target, code, out, err, error)
        else:
            assert (code, out.split(":")[0]) == (1, "skew")
            check_report(target.output, out, SKEW.exit_code)
            assert bool(err) == bool(wrong_beside(target.output))
        codes.append(code)
        if not reached:
            break
    assert codes[-1] == 1
    assert set(codes) <= {1, 3}


def check_not_published(target: FailingOutput, code: int, out: str, err: str, error: str) -> None:
    assert code == 3
    if error:  # `failed` could not be published either
        assert "\n" not in error
        assert "the verdict `failed` could not be published" in error
        assert run_folder.find_run(target.output, "today") is None
    else:
        assert out.startswith("failed: ")
        assert err.startswith("trueserve: error: ")
        assert f"cannot write {target.output}" in err
        assert json.loads(read(target.output, "failed/verdict.json"))["exit_code"] == 3
        check_report(paths.join(target.output, "failed"), out, 3)


def check_report(root: str, out: str, code: int) -> None:
    """The report that is named is that of the verdict which is told."""
    verdict = json.loads(read(root, "verdict.json"))
    report = out.splitlines()[-1].removeprefix("report ")
    assert verdict["exit_code"] == code
    assert (
        hashlib.sha256(paths.read_bytes(report)).hexdigest() == verdict["artifacts"]["report.html"]["sha256"]
    )


def wrong_beside(output: str) -> list[str]:
    return copies.wrong(output, json.loads(read(output, "verdict.json"))["artifacts"])


def test_a_run_that_was_replaced_tells_its_own_verdict_and_its_own_report(tmp_path: Path) -> None:
    output = str(tmp_path)

    def publish() -> None:
        run_folder.publish(output, SKEW, NEW, "today")
        run_folder.publish(output, OK, OLD, "another")

    out, err = io.StringIO(), io.StringIO()
    code = conclusion.finish(run_of(output), Console(out, err), publish)
    assert (code, out.getvalue().split(":")[0]) == (1, "skew")
    report = out.getvalue().splitlines()[-1].removeprefix("report ")
    assert Path(report).read_bytes() == NEW["report.html"]
    assert err.getvalue().startswith(f"trueserve: warning: a later run replaced {output}/verdict.json. ")


@pytest.mark.parametrize("kind", ["disk", "store"])
def test_who_dies_right_after_the_commit_has_published(tmp_path: Path, kind: str) -> None:
    """The next publisher leaves the copy of the verdict that the dead one owes."""
    output = FailingOutput(kind, "open", False, tmp_path).output

    def write(path: str, data: bytes) -> None:
        paths.write_atomically(path, data)
        if path == paths.join(output, "verdict.json"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_folder.publish(output, SKEW, NEW, "today", write)
    run = run_folder.find_run(output, "today")
    assert run is not None
    assert not [name for name in paths.list_files(output) if name.endswith("-today/verdict.json")]
    run_folder.publish(output, OK, OLD, "another")
    assert run_folder.find_run(output, "today") == run
    current = json.loads(read(output, "verdict.json"))
    assert current["replaces"] == run_ids.attempt_of(run[1])


class Killed(BaseException):
    """Nothing of the program runs after it."""


@contextmanager
def dying_at(change: int) -> Iterator[list[str]]:
    """From its write or deletion number `change` on, nothing is done any more."""
    done: list[str] = []

    def until_dead(method: Any) -> Any:
        def changing(path: Any, *more: Any) -> None:
            if len(done) >= change:
                raise Killed
            done.append(str(path))
            method(path, *more)

        return changing

    with pytest.MonkeyPatch.context() as patch:
        for name in ("delete_file", "delete_tree", "write_atomically"):
            patch.setattr(paths, name, until_dead(getattr(paths, name)))
        yield done


@pytest.mark.parametrize("outcome", ["skew", "failed"])
@pytest.mark.parametrize("kind", ["disk", "store"])
def test_killed_anywhere_no_copy_is_older_than_the_verdict(tmp_path: Path, kind: str, outcome: str) -> None:
    """Of both roots: that of verdicts, and that of runs that failed."""
    stood, verdict = make_verdict("failed" if outcome == "failed" else "ok"), make_verdict(outcome)
    root = ""
    for change in range(100):
        output = FailingOutput(kind, "open", False, tmp_path / str(change)).output
        root = run_folder.root_of(output, verdict.outcome)
        run_folder.publish(output, stood, OLD, "yesterday")
        try:
            with dying_at(change):
                run_folder.publish(output, verdict, NEW, "today", write=paths.write_atomically)
        except Killed:
            check_whole(root, OLD, NEW)
            assert not stale(root)
            assert run_folder.find_run(output, "yesterday") is not None
            assert (run_folder.find_run(output, "today") is not None) == _names(root, "today")
            run_folder.publish(output, stood, OLD, "tomorrow")
            assert wrong_beside(root) == []
            continue
        break
    assert not wrong_beside(root)
    assert change > len(NEW) + len(copies.COPIES)


def _names(root: str, run_id: str) -> bool:
    attempt = run_ids.attempt_of(json.loads(read(root, "verdict.json")))
    return run_ids.is_of(run_id, attempt or "")


@pytest.mark.parametrize("outcome", ["ok", "failed"])
def test_a_verdict_that_was_never_committed_is_no_verdict(tmp_path: Path, outcome: str) -> None:
    """As older versions left it: all files of the attempt, but verdict.json is another's, or none."""
    output = str(tmp_path)

    def write(path: str, data: bytes) -> None:
        if path.endswith("verdict.json"):
            raise InputError("cannot write")
        paths.write_atomically(path, data)

    with pytest.raises(InputError, match="cannot write; the verdict is not published"):
        run_folder.publish(output, make_verdict(outcome), NEW, "today", write)
    assert run_folder.find_run(output, "today") is None
    assert not list(tmp_path.rglob("*.html"))


def test_a_folder_in_the_place_of_verdict_json(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*verdict\.json: Is a directory; the verdict is not"):
        run_folder.publish(str(tmp_path), OK, FILES, "today")
    code, out, err = end_of_run(str(tmp_path))
    assert (code, out.split(":")[0]) == (3, "failed")
    assert "Is a directory" in err
