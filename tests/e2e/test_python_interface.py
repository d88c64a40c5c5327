"""docs/python.md as it stands: its examples, in order, on the README's files; and the names that stay."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import html
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.docs import blocks, text_of
from support.repo import ROOT

import trueserve
from trueserve.pipelines.public.commands import _arguments

PAGE = text_of(ROOT / "docs" / "python.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples have run."""
    folder = tmp_path_factory.mktemp("python")
    preprocessing, make_data = blocks(text_of(ROOT / "README.md"), "python")
    (folder / "preprocessing.py").write_text(preprocessing)
    subprocess.run([sys.executable, "-c", make_data], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def names(folder: Path) -> dict[str, Any]:
    """What the page's examples leave behind."""
    names: dict[str, Any] = {"__name__": "notebook"}
    with contextlib.chdir(folder):
        for number, example in enumerate(blocks(PAGE, "python")):
            exec(compile(example, f"docs/python.md, example {number + 1}", "exec"), names)
    return names


def test_the_examples_run(names: dict[str, Any], folder: Path) -> None:
    assert names["verdict"].path == "skew/verdict.json"
    assert not names["figures"].empty
    own = json.loads((folder / "own-skew" / "verdict.json").read_text())
    errors = {finding["feature"] for finding in own["findings"] if finding["severity"] == "error"}
    assert (own["verdict"], errors) == ("skew", {"distance"})
    assert own["counts"]["compared"] == 2000


def test_a_verdict_shows_its_page_in_a_frame_that_reaches_nothing(folder: Path, names: Any) -> None:
    with contextlib.chdir(folder):
        verdict = trueserve.validate("baseline", "requests.jsonl")
        page = Path(verdict.report)
        shown = verdict._repr_html_()
        assert repr(verdict).startswith("<Verdict skew: ")
        (content,) = re.findall(r'srcdoc="([^"]*)"', shown)
        assert html.unescape(content) == page.read_text()
        assert 'sandbox="allow-scripts"' in shown
        page.unlink()
        assert verdict._repr_html_() == f"<p>{html.escape(verdict.headline)}</p>"
        assert verdict.table().num_rows > 20
        del verdict
        gc.collect()  # something of it may be part of a circle
        assert not page.parent.exists()


def test_a_window_of_nothing_is_a_verdict_and_no_error(folder: Path, names: Any) -> None:
    with contextlib.chdir(folder):
        (folder / "empty.jsonl").write_text("")
        verdict = trueserve.validate("baseline", Path("empty.jsonl"), "empty-skew")
        assert (verdict.outcome, verdict.exit_code) == ("not_examined", 4)
        failed = trueserve.validate("baseline", "none-*.jsonl", "no-skew")
        assert (failed.outcome, failed.exit_code) == ("failed", 3)


def test_mistakes_are_the_errors_of_the_command_line() -> None:
    with pytest.raises(trueserve.UsageError, match=r"unknown flag --formt: did you mean --format\?"):
        trueserve.validate("baseline", "logs", "out", formt="rest")
    with pytest.raises(trueserve.UsageError, match="expected a time with a zone"):
        trueserve.PublishVerdict("baseline", "out", start=dt.datetime(2013, 7, 1))


def test_values_become_flags() -> None:
    values: dict[str, Any] = {
        "start": dt.date(2013, 7, 1),
        "only": ["a", "b"],
        "verbose": True,
        "keep_payloads": False,
        "label": None,
        "jsd": 0.5,
        "thresholds": Path("a.toml"),
    }
    assert list(_arguments(values)) == [
        "--start=2013-07-01",
        "--only=a,b",
        "--verbose",
        "--jsd=0.5",
        "--thresholds=a.toml",
    ]


def test_the_names_that_stay_are_those_of_the_page_and_load_late() -> None:
    named = {name for name in re.findall(r"`(\w+)", PAGE.partition("\n## ")[0]) if name in trueserve.__all__}
    assert named == set(trueserve.__all__)
    assert set(trueserve.__all__) <= set(dir(trueserve))
    assert [name for name in trueserve.__all__ if getattr(trueserve, name) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        trueserve.nothing  # noqa: B018
    code = "import sys, trueserve; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stdout.split()) & {"apache_beam", "tensorflow", "numpy", "pyarrow"}
