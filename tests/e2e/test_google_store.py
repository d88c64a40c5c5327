"""Commands on a Google store: a server on this machine. What comes out is what comes out of files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import backtest, e2e
from support.google_store import BUCKET, Answer, GoogleStore, google_store
from support.homes import Home, Served

Capture = pytest.CaptureFixture[str]

_RUN_ID = re.compile(r"\d{8}T\d{6}Z\.\d{6}-[0-9a-f]{8}(-[0-9a-f]{12})?")


@pytest.fixture(scope="module")
def store(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleStore]:
    """A store with the rides' baseline, logs and examples."""
    key = tmp_path_factory.mktemp("google") / "key.json"
    with google_store() as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", made.endpoint)
        made.write_key(key)
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        made.upload(Path(home.baseline), "baseline")
        made.upload(Path(home.skewed).parent, "logs")
        made.upload(Path(home.examples).parent, "training")
        yield made


def _at_home(text: str, home: Home) -> object:
    """A verdict without ids of runs, whose log has the name that it has here."""
    text = text.replace(f"gs://{BUCKET}/logs", str(Path(home.skewed).parent))
    # The report names the log, whose name has another length.
    return {**json.loads(_RUN_ID.sub("RUN", text)), "artifacts": {}}


def test_validate_publishes_the_same_verdict(
    store: GoogleStore, home: Home, skewed_here: Path, capsys: Capture
) -> None:
    folders = f"--baseline=gs://{BUCKET}/baseline", f"--output=gs://{BUCKET}/skew"
    there = e2e.run(capsys, "validate", *folders, f"--logs=gs://{BUCKET}/logs/*")
    assert (there.code, there.err) == (1, [])
    published = store.tree("skew")["verdict.json"].decode()
    assert _at_home(published, home) == _at_home((skewed_here / "verdict.json").read_text(), home)


def test_prepare_writes_the_same_baseline(store: GoogleStore, home: Home, capsys: Capture) -> None:
    flags = f"--examples=gs://{BUCKET}/training/*", f"--preprocessing={home.preprocessing}"
    made = e2e.run(capsys, "prepare", *flags, f"--label={e2e.LABEL}", f"--baseline=gs://{BUCKET}/made")
    assert (made.code, made.err) == (0, [])
    tree = store.tree("made")
    for name in ("schema.pbtxt", "stats.binpb", "transformed_schema.pbtxt", "transformed_stats.binpb"):
        assert tree[name] == Path(home.baseline, name).read_bytes(), name


def test_backtest_writes_the_same_files(
    store: GoogleStore, home: Home, past_here: Path, capsys: Capture
) -> None:
    logs = store.upload(past_here / "logs", "past")
    folders = f"--baseline=gs://{BUCKET}/baseline", f"--output=gs://{BUCKET}/limits"
    there = e2e.run(capsys, "backtest", *folders, f"--logs={logs}/log-*", *backtest.SPAN)
    assert (there.code, there.err) == (0, [])
    at_home = {f"gs://{BUCKET}/baseline": home.baseline, logs: str(past_here / "logs")}
    assert _renamed(store.tree("limits"), at_home) == e2e.tree(past_here / "output")


@pytest.mark.usefixtures("asked_here")
def test_export_writes_the_same_model(
    store: GoogleStore, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    model = served.folder.parent / "model.keras"
    flags = f"--baseline=gs://{BUCKET}/baseline", f"--model={model}", f"--output=gs://{BUCKET}/served"
    made = e2e.run(capsys, "export", *flags)
    assert (made.code, made.err) == (0, [])
    here, there = e2e.tree(served.folder), store.tree("served")
    assert there.keys() == here.keys()
    same = [name for name in here if there[name] == here[name]]
    assert {"1/variables/variables.data-00000-of-00001"} <= {*same}, sorted(here)


def _renamed(tree: dict[str, bytes], names: dict[str, str]) -> dict[str, bytes]:
    """Files with other names of folders in them."""
    renamed = dict(tree)
    for old, new in names.items():
        renamed = {file: content.replace(old.encode(), new.encode()) for file, content in renamed.items()}
    return renamed


class First:
    """Changes the first answers with the content of a log, each in another way."""

    def __init__(self, *changes: Callable[[Answer], Answer]) -> None:
        self.left = list(changes)

    def __call__(self, method: str, path: str, answer: Answer) -> Answer:
        is_content = method == "GET" and "alt=media" in path and "logs" in path
        return self.left.pop(0)(answer) if is_content and self.left else answer


def _throttled(answer: Answer) -> Answer:
    return Answer(429, {"Content-Type": "text/plain", "Retry-After": "0"}, b"slow down")


def _unavailable(answer: Answer) -> Answer:
    return Answer(503, {"Content-Type": "text/plain"}, b"try again")


def _broken_off(answer: Answer) -> Answer:
    length = str(len(answer.body))
    return Answer(
        answer.status, {**answer.headers, "X-Claimed-Length": length}, answer.body[: len(answer.body) // 2]
    )


def test_a_store_that_fails_now_and_then_costs_no_row(
    store: GoogleStore, home: Home, capsys: Capture
) -> None:
    failing = First(_throttled, _broken_off, _unavailable, _broken_off)
    store.changes.append(failing)
    flags = f"--baseline=gs://{BUCKET}/baseline", f"--output=gs://{BUCKET}/rough"
    try:
        result = e2e.run(capsys, "validate", *flags, f"--logs=gs://{BUCKET}/logs/*")
    finally:
        store.changes.clear()
    assert failing.left == []
    assert (result.code, result.err) == (1, [])
    document = json.loads(store.tree("rough")["verdict.json"])
    assert document["counts"]["compared"] == len(home.serving)
