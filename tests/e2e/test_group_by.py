"""`--group_by`: rows of one user are no independent evidence, on either side of the comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from support import e2e
from support.sessions import OF_USER, sessions, write_csv

from trueserve.pipelines import cli

PREPROCESSING = """
import tensorflow as tf
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {
        "price_z": tft.scale_to_z_score(inputs["price"]),
        "age_z": tft.scale_to_z_score(inputs["age"]),
        "country_id": tft.compute_and_apply_vocabulary(inputs["country"], num_oov_buckets=1),
    }
"""
Capture = pytest.CaptureFixture[str]


class Home(NamedTuple):
    """Training examples of 1,000 users, and baselines of them that know users and do not."""

    examples: str
    preprocessing: Path
    grouped: Path
    plain: Path


def prepare(home: Home, baseline: Path, *more: str) -> list[str]:
    flags = (f"--examples={home.examples}", f"--preprocessing={home.preprocessing}", f"--baseline={baseline}")
    return ["prepare", *flags, *more]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("users")
    (folder / "preprocessing.py").write_text(PREPROCESSING)
    examples = write_csv(sessions(1, 1000), folder / "training", files=3)
    home = Home(examples, folder / "preprocessing.py", folder / "grouped", folder / "plain")
    assert cli.main(prepare(home, home.grouped, "--group_by=user")) == 0
    assert cli.main(prepare(home, home.plain)) == 0
    return home


def test_clean_windows_of_other_users_are_no_skew(home: Home, tmp_path: Path, capsys: Capture) -> None:
    log = write_csv(sessions(7, 300), tmp_path / "log", files=2)
    table = "--format=table"
    # The baseline remembers the feature. Without it, the same rows are skew: so the data can tell.
    assert e2e.validate(capsys, home.grouped, log, tmp_path / "grouped", table).code == 0
    assert e2e.validate(capsys, home.plain, log, tmp_path / "plain", table).code == 1
    assert e2e.validate(capsys, home.plain, log, tmp_path / "flag", table, "--group_by=user").code == 0
    document = e2e.verdict(tmp_path / "grouped")
    [note] = [f for f in document["findings"] if f["metric"] == "design_effect"]
    assert note["message"].startswith("rows with the same user are alike in ")
    assert all(f"'{name}'" in note["message"] for name in OF_USER)
    assert "'user'" not in note["message"]
    assert document["contract"]["group_by"] == "user"
    reasons = {left["feature"]: left["reason"] for left in document["not_compared"]}
    assert reasons["user"] == "names groups of rows (--group_by)"


def test_a_shift_in_some_rows_is_seen(home: Home, tmp_path: Path, capsys: Capture) -> None:
    log = write_csv(sessions(7, 300, dearer=0.15), tmp_path / "log", files=2)
    assert e2e.validate(capsys, home.grouped, log, tmp_path / "output", "--format=table").code == 1
    document = e2e.verdict(tmp_path / "output")
    assert e2e.errors(document) == {("raw", "price"), ("transformed", "price_z")}
    [price] = [f for f in document["findings"] if (f["space"], f["feature"]) == ("raw", "price")]
    assert 0 < price["evidence"]["effective_rows"] < document["counts"]["rows"]


def test_rows_without_a_user_are_compared(home: Home, tmp_path: Path, capsys: Capture) -> None:
    rows, strangers = sessions(7, 300), sessions(8, 2000, each=1e-9)
    both = {name: np.concatenate([rows.columns[name], strangers.columns[name]]) for name in rows.columns}
    users = both["user"].astype(object)
    users[rows.rows :] = None
    log = write_csv(rows._replace(columns={**both, "user": users}), tmp_path / "log", files=2)
    e2e.validate(capsys, home.grouped, log, tmp_path / "output", "--format=table")
    document = e2e.verdict(tmp_path / "output")
    # That users are missing is an error; their features are as they were.
    assert e2e.errors(document) == {("raw", "user")}
    assert {f["kind"] for f in document["findings"] if f["severity"] == "error"} == {"presence"}


def test_windows_of_a_backtest_are_grouped(home: Home, tmp_path: Path, capsys: Capture) -> None:
    rows = sessions(7, 400)
    days = np.random.default_rng(1).integers(0, 4, rows.rows)
    at = np.array([f"2024-05-0{day + 1}T12:00:00Z" for day in days], object)
    log = write_csv(rows._replace(columns={**rows.columns, "at": at}), tmp_path / "log", files=2)
    fired = {}
    for baseline in (home.grouped, home.plain):
        flags = (f"--baseline={baseline}", f"--logs={log}", f"--output={tmp_path / baseline.name}")
        span = ("--window=2024-05-01/P4D", "--every=P1D", "--format=table", "--time_feature=at")
        assert e2e.run(capsys, "backtest", *flags, *span).code == 0
        document = json.loads((tmp_path / baseline.name / "backtest.json").read_text())
        fired[baseline.name] = sum(window["fired"] for window in document["windows"])
    assert fired["grouped"] == 0 < fired["plain"]


@pytest.mark.parametrize("feature", ["usr", "price_z"])
def test_an_unknown_feature_is_wrong_usage(home: Home, tmp_path: Path, capsys: Capture, feature: str) -> None:
    expected = f"--group_by: expected one of age, country, price, stock, user; got {feature!r}"
    log, more = f"--logs={home.examples}", f"--group_by={feature}"
    span = ("--window=2024-05-01/P4D", "--every=P1D", "--format=table")
    commands = [
        prepare(home, tmp_path / "new", more),
        ["validate", f"--baseline={home.plain}", log, f"--output={tmp_path / 'o'}", "--format=table", more],
        ["backtest", f"--baseline={home.plain}", log, f"--output={tmp_path / 'b'}", *span, more],
    ]
    for command in commands:
        result = e2e.run(capsys, *command)
        assert result.code == 2
        assert result.err == [f"trueserve: error: {expected}"]
    assert not (tmp_path / "new").exists()
