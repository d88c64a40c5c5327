"""Flags that name nothing, and outputs that are inputs, are wrong usage: of every command, of every flag."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import e2e

from trueserve.pipelines.flags import path_checks
from trueserve.pipelines.flags.commands import COMMANDS
from trueserve.transforms.core.errors import UsageError

Capture = pytest.CaptureFixture[str]
# What other flags need to be given with, so that theirs is the first fault.
VALUES = {"--key": "id", "--every": "P1D"}


def flags() -> list[tuple[str, str]]:
    """Every flag that takes a text as it is, of every command."""
    return [
        (command.name, flag.name)
        for command in COMMANDS.values()
        for flag in command.flags
        if not flag.settings.keys() & {"type", "choices", "action"}
    ]


def required(command: str, but: str) -> list[str]:
    """The flags that a command must have, but for one."""
    flags = [flag for flag in COMMANDS[command].flags if flag.name != but]
    needed = [flag.name for flag in flags if flag.settings.get("required")]
    if command == "join" and but != "--examples":  # or --labels
        needed.append("--examples")
    alone = [flag.settings.get("choices", ["x"])[0] for flag in flags if not flag.name.startswith("-")]
    return alone + [f"{name}={VALUES.get(name, 'x')}" for name in needed]


def test_the_flags_are_those_that_there_are() -> None:
    assert COMMANDS.keys() == {
        *["prepare", "adopt", "export", "check", "validate", "backtest", "join", "explain", "warm_up"],
        *["run", "backfill", "gate", "prune", "init", "config", "alerts", "history"],
    }
    by_command = {command: {flag for name, flag in flags() if name == command} for command in COMMANDS}
    assert by_command["check"] >= {"--baseline", "--model", "--reference"}
    assert by_command["validate"] >= {
        "--output",
        "--baseline",
        "--logs",
        "--replay",
        "--previous",
        "--thresholds",
    }
    assert by_command["prepare"] >= {"--examples", "--baseline", "--preprocessing", "--schema", "--augment"}
    assert by_command["export"] >= {"--output", "--model", "--custom_objects", "--evaluation"}
    assert by_command["join"] >= {"--examples", "--logs", "--output"}
    assert by_command["backtest"] >= {"--output", "--thresholds"}


@pytest.mark.parametrize("value", ["", "  ", "\t"])
@pytest.mark.parametrize(("command", "flag"), flags())
def test_an_empty_value_is_wrong_usage(
    command: str, flag: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in ([f"{flag}={value}"], [flag, value]) if flag.startswith("-") else ([value],):
        run = e2e.run(capsys, command, *required(command, flag), *given)
        assert (run.code, run.out) == (2, [])
        assert e2e.one_error(run).startswith(f"{flag}: expected ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flag", ["--preprocessing", "--augment"])
def test_a_function_of_no_file_is_wrong_usage(flag: str, capsys: Capture) -> None:
    run = e2e.run(capsys, "prepare", *required("prepare", flag), f"{flag}=:function")
    assert run.code == 2
    assert e2e.one_error(run).startswith(f"{flag}: expected FILE[:FUNCTION]")


@pytest.mark.parametrize(
    ("output", "baseline", "logs"),
    [
        ("base", "base", None),
        ("base/", "./base", None),
        ("base/served", "base", None),
        ("other/../base/served", "base", None),
        ("link/served", "base", None),
        ("logs", None, "logs"),
        ("logs", None, "logs/"),
        ("logs", None, "logs/*"),
        ("logs", None, "logs/*.jsonl"),
        ("logs", None, "first/*, logs/*"),
        (".", None, "*"),
        ("logs/out", None, "logs/*/*"),
        ("logs/out", None, "logs/**/*"),
        ("logs/out", None, "logs/**/*.jsonl"),
        ("gs://b/base/x", "gs://b/base", None),
        ("gs://b//logs/", None, "gs://b/logs/*"),
    ],
)
def test_an_output_is_no_input(
    output: str, baseline: str | None, logs: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "link").symlink_to("base")
    with pytest.raises(UsageError, match=r"^--output: .*; name another folder$"):
        path_checks.check_output(output, baseline, logs=logs)


@pytest.mark.parametrize(
    ("output", "baseline", "logs"),
    [
        ("baseline-out", "baseline", "logs/*"),
        ("out", "out/baseline", "out/logs/*"),
        ("logs/out", None, "logs/*"),
        ("logs/out", None, "logs/*/*.tfrecord"),
        ("logs/out", None, "logs/**/*.gz"),
        ("out", "gs://b/out", "bq://project.set.table"),
        ("gs://b/out", "gs://b/out-of", "gs://b/out/logs/%Y/*"),
    ],
)
def test_an_output_beside_the_inputs_is_right(output: str, baseline: str | None, logs: str) -> None:
    path_checks.check_output(output, baseline, logs=logs)


@pytest.mark.parametrize("command", ["validate", "join", "backtest", "export"])
def test_every_command_refuses_to_write_into_the_baseline(
    command: str, tmp_path: Path, capsys: Capture
) -> None:
    model = tmp_path / "m.keras"
    model.write_bytes(b"")
    more = {"backtest": ["--window=2013-07"], "export": [f"--model={model}"]}.get(command, [])
    argv = [
        argument
        for argument in required(command, "--output")
        if not argument.startswith(("--baseline", "--model"))
    ]
    baseline = tmp_path / "baseline"
    run = e2e.run(capsys, command, *argv, *more, f"--baseline={baseline}", f"--output={baseline}/out")
    assert run.code == 2
    assert "is in the baseline" in e2e.one_error(run)
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("validate", "logs"),
        ("backtest", "logs"),
        ("join", "logs"),
        ("join", "examples"),
        ("export", "evaluation"),
    ],
)
def test_every_command_refuses_to_write_into_its_inputs(
    command: str, flag: str, tmp_path: Path, capsys: Capture
) -> None:
    model = tmp_path / "m.keras"
    model.write_bytes(b"")
    more = {"backtest": ["--window=2013-07"], "export": [f"--model={model}"]}.get(command, ["--baseline=b"])
    left_out = ("--model", f"--{flag}")
    argv = [argument for argument in required(command, "--output") if not argument.startswith(left_out)]
    run = e2e.run(capsys, command, *argv, *more, f"--{flag}={tmp_path}/*", f"--output={tmp_path}")
    assert run.code == 2
    assert f"--{flag}={tmp_path}/* would read what is written" in e2e.one_error(run)


@pytest.mark.parametrize("below", ["", "/deep/er"])
@pytest.mark.parametrize("command", ["validate", "join", "backtest", "export", "prepare"])
def test_an_output_that_is_a_file_is_wrong_usage(
    command: str, below: str, tmp_path: Path, capsys: Capture
) -> None:
    file, model = tmp_path / "file", tmp_path / "m.keras"
    file.write_bytes(b"mine")
    model.write_bytes(b"")
    flag = "--baseline" if command == "prepare" else "--output"
    more = {"backtest": ["--window=2013-07"], "export": [f"--model={model}"], "validate": ["--baseline=b"]}
    argv = [argument for argument in required(command, flag) if not argument.startswith("--model")]
    run = e2e.run(capsys, command, *argv, *more.get(command, []), f"{flag}={file}{below}")
    assert run.code == 2
    assert str(file) in e2e.one_error(run)
    assert "folder" in e2e.one_error(run)
    assert file.read_bytes() == b"mine"
