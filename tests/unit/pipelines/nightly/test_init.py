"""The file that `init` writes can be used, with all that is off in it; and what it asks for."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path

import pytest

from trueserve.pipelines import cli
from trueserve.pipelines.config.load import load
from trueserve.pipelines.nightly import init
from trueserve.transforms.files import local_windows

FLAGS = ("--baseline=base", "--logs=logs/%Y/%m/%d/*", "--output=out")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    return tmp_path / "flights.toml"


def test_what_it_writes_can_be_used(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zone = "--timezone=America/New_York"
    assert cli.main(["init", f"--config={path}", *FLAGS, zone, "--lateness=PT3H", "--every=PT1H"]) == 0
    config = load(str(path))
    assert (config.model, config.options["previous"]) == ("flights", "auto")
    assert config.window.zone == local_windows.time_zone("America/New_York")
    assert (config.window.every.seconds, config.window.lateness.seconds) == (3600, 3 * 3600)
    assert config.retention.keep is not None
    assert cli.main(["config", "check", f"--config={path}"]) == 0
    assert "windows of PT1H in America/New_York" in capsys.readouterr().out


def test_all_that_is_off_in_it_can_be_switched_on(path: Path) -> None:
    answers = {"baseline": "base", "logs": "l", "output": "out", "every": "P1D", "timezone": "UTC"}
    text = init.document('a "model"', {**answers, "lateness": "PT0S", "keep": "P1D"})
    (path.parent / "thresholds.toml").write_text("format = 1\n")
    assert len(re.findall(r"^# (\w+ = |\[)", text, flags=re.MULTILINE)) >= 10
    path.write_text(re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE))
    config = load(str(path))
    assert config.model == 'a "model"'
    assert config.options["slice_by"] == (("version",),)
    assert config.retention.keep_runs == 400


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (FLAGS[:2], "expected --output"),
        ((*FLAGS, "--every=1h"), "--every: expected a duration"),
        ((*FLAGS, "--keep=P0D"), "--keep: expected"),
        ((*FLAGS, "--timezone=Berlin"), "--timezone: expected a time zone"),
    ],
)
def test_what_it_refuses(
    flags: tuple[str, ...], says: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", f"--config={path}", *flags]) == 2
    assert says in capsys.readouterr().err
    assert not path.exists()


def test_a_file_that_is_there_stays(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("mine")
    assert cli.main(["init", f"--config={path}", *FLAGS]) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_a_person_is_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = list[str]()

    def answer(question: str) -> str:
        questions.append(question)
        known = {"logged": "logs/*", "folder": "out"}
        return "" if len(questions) == 1 else known.get(question.partition(" ")[0], "")

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(builtins, "input", answer)
    assert cli.main(["init", f"--config={path}", "--timezone=UTC"]) == 0
    assert 'baseline = "baseline"' in path.read_text()
    assert 'logs = "logs/*"' in path.read_text()
    assert not any("time zone" in question for question in questions)
