"""How `validate` ends: what was committed is reported, and where nothing was, `failed` is published."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.page import JULY, make_verdict
from support.publish import FILES

from trueserve.pipelines import conclusion
from trueserve.pipelines.conclusion import PublishingRun
from trueserve.pipelines.display.console import Console
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.publish.assemble import RunSettings
from trueserve.transforms.runs import run_folder
from trueserve.transforms.verdict.severity import Policy

RUN = "20130714T050000Z-0123abcd"


def finish(folder: Path, job: Callable[[], None]) -> tuple[int, list[str], str]:
    """The exit code, the lines on standard output, and the error stream."""
    out, err = io.StringIO(), io.StringIO()
    run = PublishingRun(str(folder), "logs/*", RUN, RunSettings(JULY, Policy()))
    code = conclusion.finish(run, Console(out, err), job)
    return code, out.getvalue().splitlines(), err.getvalue()


def publishing(folder: Path, outcome: str, error: Exception | None = None) -> Callable[[], None]:
    """A job that publishes this outcome, and may fail after that."""

    def job() -> None:
        run_folder.publish(str(folder), make_verdict(outcome), FILES, RUN)
        if error is not None:
            raise error

    return job


def failing(error: Exception) -> Callable[[], None]:
    def job() -> None:
        raise error

    return job


@pytest.mark.parametrize(("outcome", "code"), [("ok", 0), ("skew", 1)])
def test_what_was_committed_is_reported(tmp_path: Path, outcome: str, code: int) -> None:
    result, lines, err = finish(tmp_path, publishing(tmp_path, outcome))
    assert (result, err) == (code, "")
    assert lines[0].startswith(f"{outcome}: ")
    assert lines[-1] == f"report {tmp_path / 'report.html'}"


def test_a_job_that_fails_after_its_commit_has_done_its_work(tmp_path: Path) -> None:
    code, lines, err = finish(tmp_path, publishing(tmp_path, "ok", InputError("the launcher lost it")))
    assert (code, err) == (0, "")
    assert not (tmp_path / "failed").exists()
    assert lines[0].startswith("ok: ")


def published_fault(folder: Path) -> str:
    verdict = json.loads((folder / "failed/verdict.json").read_text())
    [finding] = [finding for finding in verdict["findings"] if finding["kind"] == "input"]
    return str(finding["message"])


def test_a_job_that_fails_publishes_why(tmp_path: Path) -> None:
    code, lines, err = finish(tmp_path, failing(InputError("no file matches")))
    assert code == 3
    assert published_fault(tmp_path) == "logs/*: no file matches"
    assert err == "trueserve: error: logs/*: no file matches\n"
    assert lines[-1] == f"report {tmp_path / 'failed/report.html'}"


def test_what_cannot_be_written_is_no_fault_of_the_logs(tmp_path: Path) -> None:
    error = f"{tmp_path}/runs cannot be written"
    assert finish(tmp_path, failing(InputError(error)))[0] == 3
    assert published_fault(tmp_path) == error
    assert "logs" not in published_fault(tmp_path)


def test_another_error_is_not_caught(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        finish(tmp_path, failing(ZeroDivisionError()))
    assert not list(tmp_path.iterdir())


def test_where_failed_cannot_be_published_both_reasons_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(run_folder, "publish", fail)
    with pytest.raises(InputError) as caught:
        finish(tmp_path, failing(InputError("no file matches")))
    assert (
        str(caught.value) == "no file matches; the verdict `failed` could not be published: the disk is full"
    )


def test_a_job_without_a_verdict_has_failed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        finish(tmp_path, lambda: None)
    assert str(caught.value) == "the job ended without a verdict; nothing was published"


def test_another_runs_files_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    def job() -> None:
        run_folder.publish(str(tmp_path), make_verdict("ok"), FILES, RUN)
        others = dict.fromkeys(FILES, b"of another")
        run_folder.publish(str(tmp_path), make_verdict("skew"), others, "another")

    code, lines, err = finish(tmp_path, job)
    assert code == 0
    assert err == (
        f"trueserve: warning: a later run replaced {tmp_path / 'verdict.json'}. The verdict of this run is in"
        f" {Path(lines[-1].removeprefix('report ')).parent}. The exit code is that of this run\n"
    )
    assert lines[-1].startswith(f"report {tmp_path / 'runs' / RUN}")


@pytest.mark.parametrize("can_be_read", [True, False])
def test_copies_that_were_not_refreshed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_be_read: bool
) -> None:
    def job() -> None:
        run_folder.publish(str(tmp_path), make_verdict("ok"), FILES, RUN)
        (tmp_path / "report.html").unlink()

    def fail(*_: Any) -> bool:
        raise InputError("403 Forbidden")

    if not can_be_read:
        monkeypatch.setattr(run_folder, "is_current", fail)
    code, lines, err = finish(tmp_path, job)
    assert code == 0
    start = f"trueserve: warning: the verdict is published, but in {tmp_path} report.html could not be"
    assert err.startswith(f"{start} refreshed; the files of this run are in {tmp_path / 'runs' / RUN}")
    assert lines[-1].startswith(f"report {tmp_path / 'runs' / RUN}")


def verdict_with(count: int, *kinds: str) -> dict[str, Any]:
    findings = [{"kind": "input", "message": f"m{number}"} for number in range(count)]
    return {"findings": [*findings, *({"kind": kind, "message": kind} for kind in kinds)]}


@pytest.mark.parametrize(
    ("count", "reasons"),
    [
        (0, ""),
        (1, "m0"),
        (3, "m0; m1; m2"),
        (4, "m0; m1; m2; 1 more in the report"),
        (9, "m0; m1; m2; 6 more in the report"),
    ],
)
def test_three_reasons_are_given(count: int, reasons: str) -> None:
    assert conclusion._reasons(verdict_with(count, "distribution")) == reasons
