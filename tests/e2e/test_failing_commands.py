"""Commands on disks and stores whose n-th write fails: nothing is announced that is not there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import e2e
from support.failing_disk import FailingDisk
from support.homes import Home
from support.memory_files import FAULTS, OBJECTS
from support.two_baselines import NEW, OLD, content, fresh

from trueserve.pipelines import export, prepare, record_predictions
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.baseline import atomic_replace
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import local_writes
from trueserve.transforms.serving import version_folder

Capture = pytest.CaptureFixture[str]
UPLOADS = [("open", False), ("open", True), ("close", False), ("close", True), ("half", False)]
UPLOADS += [("stored", False), ("stored", True)]
STORE = [*UPLOADS, ("delete", False), ("delete", True)]
SERVED = "memory://bucket/served"
MODEL = {
    "assets.extra/contract.json": b"{}",
    "saved_model.pb": b"graph",
    "variables/variables.index": b"12345",
}


@contextlib.contextmanager
def store_failing(at: int, how: str, lasting: bool) -> Iterator[None]:
    FAULTS.set(at, how, lasting)
    try:
        yield
    finally:
        FAULTS.how = ""


def was_reached(how: str, at: int) -> bool:
    return (FAULTS.deletions if how == "delete" else FAULTS.uploads) > at


def publish_model(output: str) -> str:
    with version_folder.workspace(output) as folder:
        for name, data in MODEL.items():
            Path(folder, name).parent.mkdir(exist_ok=True)
            Path(folder, name).write_bytes(data)
        return version_folder.publish(folder, output)


@pytest.mark.parametrize(("how", "lasting"), UPLOADS)
def test_a_version_is_served_whole_or_not_at_all(how: str, lasting: bool) -> None:
    published = []
    for at in range(20):
        OBJECTS.clear()
        OBJECTS[f"{SERVED}/3/saved_model.pb"] = b"earlier"
        target, error = None, "; nothing was published"
        with store_failing(at, how, lasting):
            try:
                target = publish_model(SERVED)
            except InputError as caught:
                error = str(caught)
        assert error.endswith("; nothing was published")
        expected = {f"{SERVED}/3/saved_model.pb": b"earlier"}
        if target is not None:
            assert target == f"{SERVED}/4"
            expected |= {f"{target}/{name}": data for name, data in MODEL.items()}
        assert expected == OBJECTS
        published.append(target is not None)
        if not was_reached(how, at):
            break
    assert published[-1]
    assert len(published) == len(MODEL) + 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_version_that_cannot_be_renamed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(InputError, match=r"cannot publish .*: refused; nothing was published"):
            publish_model(str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        with pytest.raises(InputError, match=r"cannot make the folder .*: refused"):
            publish_model(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_export_announces_no_version_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(export, "load_baseline", lambda _: None)
    monkeypatch.setattr(record_predictions, "find_source", lambda *_: None)
    monkeypatch.setattr(record_predictions, "record", lambda *_: None)
    monkeypatch.setattr(export, "fresh_process", contextlib.nullcontext)
    monkeypatch.setattr(export, "_prove", lambda *_: None)
    monkeypatch.setattr(
        export, "_build", lambda _, __, folder, ___: Path(folder, "saved_model.pb").write_bytes(b"g")
    )
    model = Path(__file__)
    for at, is_published in ((1, False), (2, True)):  # number 0 is the look whether it can be written
        OBJECTS.clear()
        options = ExportOptions("baseline", str(model), SERVED)
        with store_failing(at, "open", lasting=True):
            try:
                assert export.run(options, Console()) == 0
            except InputError:
                assert not is_published
        out = capsys.readouterr().out
        assert ("served model" in out) == is_published == bool(OBJECTS)


@pytest.mark.parametrize(("how", "lasting"), STORE)
def test_a_baseline_is_the_old_one_or_the_new_one(how: str, lasting: bool) -> None:
    ends = []
    for at in range(60):
        OBJECTS.clear()
        path, staged = fresh("memory://bucket/folder")
        error = None
        with store_failing(at, how, lasting):
            try:
                atomic_replace.take_name(path, staged)
            except InputError as caught:
                error = str(caught)
        readable = content(atomic_replace.readable_folder(path))
        assert readable in (OLD, NEW)
        if error is None:
            assert content(path) == NEW
        else:
            assert "\n" not in error
            assert atomic_replace.readable_folder(path) in (path, staged)
        ends.append(error is None)
        if not was_reached(how, at):
            break
    assert ends[-1]
    assert len(ends) > 2


def test_prepare_says_where_a_baseline_is_that_lacks_its_name(home: Home, capsys: Capture) -> None:
    """The job is done, and then the name cannot be taken."""
    OBJECTS.clear()
    path, staged = fresh("memory://bucket/folder")
    plan: Any = type("Plan", (), {"options": type("Options", (), {"baseline": path}), "staged": staged})
    assert prepare._complete_baseline_hint(plan) == ""
    with store_failing(3, "open", lasting=True), pytest.raises(InputError):
        atomic_replace.take_name(path, staged)
    assert f"the new baseline is complete in {staged}" in prepare._complete_baseline_hint(plan)


@pytest.mark.parametrize("kind", ["open", "half", "replace"])
def test_join_announces_no_file_that_is_not_there(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, kind: str
) -> None:
    rows = [{**row, "ride": [number]} for number, row in enumerate(home.training[:50])]
    examples = e2e.write_examples(tmp_path / "examples", rows, (20,))
    logs = e2e.write_examples(tmp_path / "logs", e2e.requests(rows), (20,))
    output = tmp_path / "out"
    output.mkdir()
    (output / "join.json").write_bytes(b"earlier")
    with monkeypatch.context() as patch:
        disk = FailingDisk(patch, output, kind, 0)
        run = e2e.run(
            capsys, "join", f"--examples={examples}", f"--logs={logs}", "--key=ride", f"--output={output}"
        )
        assert disk.was_reached
    assert (run.code, [line for line in run.out if "join.json" in line]) == (3, [])
    assert e2e.one_error(run).startswith(f"cannot write {output}/join.json: ")
    assert e2e.tree(output) == {"join.json": b"earlier"}


# Of the writes of a run that finds skew: an artifact, the commit, a copy of it, a copy beside it.
@pytest.mark.parametrize(("name", "code"), [("stats.binpb", 3), ("verdict.json", 3), ("report.html", 1)])
def test_validate_returns_what_stands(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, name: str, code: int
) -> None:
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path).code == 0
    before = e2e.tree(tmp_path)
    refuse = refusing(tmp_path, name)
    with monkeypatch.context() as patch:
        patch.setattr(local_writes, "write", refuse)
        run = e2e.validate(capsys, home.baseline, home.skewed, tmp_path)
    assert run.code == code
    [line] = run.err
    verdict = json.loads((tmp_path / "verdict.json").read_bytes())
    if code == 3:
        assert before.items() <= e2e.tree(tmp_path).items()
        assert (verdict["verdict"], run.out[1 + index_of(run, "failed: ")][:8]) == ("ok", "records:")
        assert f"/{name}: No space left on device" in line
        assert run.out[-1] == f"report {tmp_path}/failed/report.html"
        assert (tmp_path / "failed" / "report.html").exists()
    else:
        assert verdict["verdict"] == "skew"
        assert line.startswith("trueserve: warning: the verdict is published, but in ")
        assert not (tmp_path / "report.html").exists()
        report = Path(run.out[-1].removeprefix("report "))
        assert hashlib.sha256(report.read_bytes()).hexdigest() == verdict["artifacts"][name]["sha256"]


def index_of(run: e2e.Run, beginning: str) -> int:
    return next(at for at, line in enumerate(run.out) if line.startswith(beginning))


def refusing(root: Path, name: str) -> Any:
    """Writes nothing of this name: below `runs` if it is an artifact, and directly in `root`."""
    write = local_writes.write
    unwritable = root / name

    def writing(path: Path, data: bytes) -> None:
        if path == unwritable or (name == "stats.binpb" and path.name == name):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    return writing


@pytest.mark.parametrize(("at", "how", "code"), [(2, "open", 3), (2, "stored", 1), (10**6, "open", 1)])
def test_validate_to_a_store_returns_what_stands(
    home: Home, capsys: Capture, at: int, how: str, code: int
) -> None:
    OBJECTS.clear()
    output = "memory://bucket/out"
    with store_failing(at, how, lasting=False):
        run = e2e.run(
            capsys, "validate", f"--baseline={home.baseline}", f"--logs={home.skewed}", f"--output={output}"
        )
    assert run.code == code
    if code == 3:
        assert f"{output}/verdict.json" not in OBJECTS
        assert json.loads(OBJECTS[f"{output}/failed/verdict.json"])["exit_code"] == 3
        assert run.out[-1] == f"report {output}/failed/report.html"
        assert "403 Forbidden" in run.err[0]
    else:
        assert json.loads(OBJECTS[f"{output}/verdict.json"])["exit_code"] == 1
        assert run.out[-1] == f"report {output}/report.html"
        assert run.err == []
