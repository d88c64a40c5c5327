"""The n-th write of a backtest's files fails, for every n: no file is half, and the next run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.failing_output import DELETIONS, WAYS, FailingOutput

from trueserve.pipelines import backtest_folder
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths, temporary_files

OLD = {"thresholds.toml": b"old", "schema.pbtxt": b"old schema", "transformed_schema.pbtxt": b"gone today"}
NEW = {"thresholds.toml": b"new limits", "schema.pbtxt": b"new schema", "backtest.html": b"<p>new</p>"}
OWN = {backtest_folder.RESULT, backtest_folder.PENDING}


def targets(kind: str, how: str, lasting: bool, folder: Path) -> Iterator[tuple[int, FailingOutput]]:
    """Fresh targets with yesterday's files, one for each n, until the caller breaks."""
    for at in range(100):
        target = FailingOutput(kind, how, lasting, folder / str(at))
        backtest_folder.write(target.output, {"day": "yesterday"}, OLD)
        yield at, target
    raise AssertionError("every n was reached")


def contents(output: str) -> dict[str, bytes]:
    return {
        name: paths.read_bytes(paths.join(output, name))
        for name in paths.list_files(output)
        if not temporary_files.is_temporary(name)
    }


def write_failing(target: FailingOutput, at: int) -> tuple[bool, bool]:
    """Whether the write ended without an error, and whether the n-th write was reached."""
    with target.failing(at) as was_reached:
        message = ""
        try:
            backtest_folder.write(target.output, {"day": "today"}, NEW)
        except InputError as error:
            message = str(error)
        assert not message or (target.output in message and "\n" not in message)
        return not message, was_reached()


def check_whole(files: dict[str, bytes]) -> None:
    """No file is half of one, and what a file may hold stands in a document."""
    document = json.loads(files[backtest_folder.RESULT])
    named = {name: {digest} for name, digest in document["files"].items()}
    if pending := files.get(backtest_folder.PENDING):
        named = {name: {*digests} for name, digests in json.loads(pending)["files"].items()}
    for name in files.keys() - OWN:
        assert files[name] in (OLD.get(name), NEW.get(name))
        assert hashlib.sha256(files[name]).hexdigest() in named[name]


@pytest.mark.parametrize(("kind", "how", "lasting"), [*WAYS, *DELETIONS])
def test_a_failing_write_loses_nothing_and_the_next_run_goes_on(
    tmp_path: Path, kind: str, how: str, lasting: bool
) -> None:
    outcomes = []
    for at, target in targets(kind, how, lasting, tmp_path):
        succeeded, reached = write_failing(target, at)
        files = contents(target.output)
        check_whole(files)
        day = json.loads(files[backtest_folder.RESULT])["day"]
        assert day == "today" or not succeeded
        outcomes.append(succeeded)
        backtest_folder.write(target.output, {"day": "again"}, NEW)
        assert contents(target.output).keys() == {*NEW, backtest_folder.RESULT}
        if not reached:
            break
    assert outcomes[-1]
    assert at > 0
