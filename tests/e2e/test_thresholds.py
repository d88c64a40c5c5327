"""`validate` with thresholds.toml and --only, end to end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import e2e
from support.homes import Home

from trueserve.transforms.baseline import layout

Capture = pytest.CaptureFixture[str]


def test_the_command_takes_the_file_in_the_baseline(home: Home, tmp_path: Path, capsys: Capture) -> None:
    baseline = tmp_path / "baseline"
    shutil.copytree(home.baseline, baseline)
    names = [
        ("raw", "distance"),
        ("raw", "carrier"),
        ("transformed", "distance_z"),
        ("transformed", "carrier_id"),
    ]
    sections = "".join(
        f'[{space}.{name}]\nseverity = "warning"\nnote = "known"\n' for space, name in names[:3]
    )
    (baseline / layout.THRESHOLDS).write_text(f"format = 1\n{sections}")
    assert e2e.validate(capsys, baseline, home.skewed, tmp_path / "out").code == 1
    document = e2e.verdict(tmp_path / "out")
    assert e2e.errors(document) == {names[3]}
    other = tmp_path / "other.toml"
    other.write_text("format = 1\n[raw.gone]\nmissing = 0.1\n")
    flag = f"--thresholds={other}"
    assert e2e.validate(capsys, baseline, home.skewed, tmp_path / "out", flag).code == 1
    document = e2e.verdict(tmp_path / "out")
    assert e2e.errors(document) == set(names)
    # A file for several baselines may name features of others.
    assert [f["message"] for f in document["findings"] if f["metric"] == "unknown_threshold"] == [
        "other.toml names no feature: 'raw.gone'"
    ]


def test_only_narrows_a_run_of_both_spaces(home: Home, tmp_path: Path, capsys: Capture) -> None:
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, "--only=distance,hour").code == 1
    document = e2e.verdict(tmp_path)
    assert e2e.errors(document) == {("raw", "distance"), ("transformed", "distance_z")}
    reasons = {(n["space"], n["feature"]): n["reason"] for n in document["not_compared"]}
    assert reasons["raw", "carrier"] == reasons["transformed", "carrier_id"] == "not in --only"
    assert not {("raw", "hour"), ("transformed", "hour_bucket")} & {*reasons}
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path, "--only=hour").code == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--only=distanze"], "--only: no compared feature has the name distanze; did you mean distance"),
        (["--only=,"], "argument --only: expected one or more values"),
        (["--only=hour,distance", "--ignore=hour"], "--only and --ignore both name hour"),
        (["--thresholds=none.toml"], "--thresholds: there is no file 'none.toml'"),
        (["--only=distance_z", "--spaces=raw"], "--only: no compared feature has the name distance_z"),
    ],
)
def test_wrong_usage_is_one_line(
    home: Home, tmp_path: Path, capsys: Capture, flags: list[str], message: str
) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path / "out", *flags)
    assert result.code == 2
    assert message in e2e.one_error(result)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
