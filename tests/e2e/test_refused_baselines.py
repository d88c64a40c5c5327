"""No command uses a baseline that is damaged, or whose schema has other features."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import e2e
from support.damage import cut, emptied, flipped
from support.homes import Home, Served

from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import load_baseline

Capture = pytest.CaptureFixture[str]
GRAPH = "transform_output/transform_fn/saved_model.pb"
VOCABULARY = "transform_output/transform_fn/assets/carriers"


@pytest.fixture
def copy(home: Home, tmp_path: Path) -> Path:
    shutil.copytree(home.baseline, tmp_path / "baseline")
    return tmp_path / "baseline"


def change(copy: Path, name: str, damage: Callable[[bytes], bytes] | None) -> None:
    if damage is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(damage((copy / name).read_bytes()))


COMMANDS = ("validate", "check", "export", "backtest", "join")


def argv(command: str, home: Home, served: Served, baseline: Path, output: Path) -> list[str]:
    model, days = (
        served.folder.parent / "model.keras",
        ["--start=2013-07-01", "--end=2013-07-03", "--every=P1D"],
    )
    flags = {
        "validate": [f"--logs={home.clean}", f"--output={output}"],
        "check": [f"--model={served.version}"],
        "export": [f"--model={model}", f"--output={output}"],
        "backtest": [f"--logs={home.clean}", f"--output={output}", *days],
        "join": [f"--logs={home.clean}", f"--examples={home.examples}", f"--output={output}", "--key=hour"],
    }
    return [command, f"--baseline={baseline}", *flags[command]]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_a_damaged_baseline(
    command: str, home: Home, served: Served, copy: Path, tmp_path: Path, capsys: Capture
) -> None:
    kinds: list[tuple[str, Any]] = [
        (GRAPH, flipped),
        (VOCABULARY, cut),
        (layout.STATISTICS, None),
        (layout.TRANSFORMED_SCHEMA, emptied),
        (layout.PROBES, cut),
        (layout.CONTRACT, flipped),
    ]
    for name, damage in kinds:
        data = (copy / name).read_bytes()
        change(copy, name, damage)
        run = e2e.run(capsys, *argv(command, home, served, copy, tmp_path / "output"))
        assert run.code == 2, name
        line = next(line for line in run.err if line.startswith("trueserve: error: "))
        assert "Traceback" not in "\n".join(run.err)
        assert str(copy) in line
        assert name in line
        assert not (tmp_path / "output").exists() or not [*(tmp_path / "output").iterdir()]
        (copy / name).write_bytes(data)


@pytest.mark.usefixtures("asked_here")
def test_export_reads_only_training_examples_that_prepare_wrote(
    home: Home, served: Served, copy: Path, tmp_path: Path, capsys: Capture
) -> None:
    shard = next((copy / layout.TRANSFORMED_EXAMPLES).iterdir())
    shard.write_bytes(flipped(shard.read_bytes()))
    run = e2e.run(capsys, *argv("export", home, served, copy, tmp_path / "output"))
    assert run.code == 2
    assert f"the baseline {copy} is damaged: transformed_examples/{shard.name} has the SHA-256" in run.err[-1]
    assert not (tmp_path / "output").exists() or not [*(tmp_path / "output").iterdir()]


@pytest.mark.usefixtures("asked_here")
def test_an_edited_schema_is_told_in_the_verdict_and_the_report(
    home: Home, served: Served, copy: Path, tmp_path: Path, capsys: Capture
) -> None:
    schema = (copy / layout.SCHEMA).read_text()
    start = schema.index('feature {\n  name: "stops"')
    end = schema.find("\nfeature {", start) + 1 or len(schema)
    (copy / layout.SCHEMA).write_text(schema[:start] + schema[end:])
    e2e.validate(capsys, copy, home.clean, tmp_path / "out")
    findings = [
        finding
        for finding in e2e.verdict(tmp_path / "out")["findings"]
        if finding["metric"] == "schema_edited"
    ]
    assert [(finding["kind"], finding["severity"]) for finding in findings] == [("contract", "info")]
    assert "schema.pbtxt was edited since prepare wrote it" in findings[0]["message"]
    assert "'stops'" in findings[0]["message"]
    run = e2e.run(capsys, "check", f"--baseline={copy}", f"--model={served.version}", "--json")
    assert "schema_edited" in {finding["kind"] for finding in json.loads("\n".join(run.out))["findings"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_of_other_features_is_refused(
    command: str, home: Home, served: Served, copy: Path, tmp_path: Path, capsys: Capture
) -> None:
    for text, message in (
        ((copy / layout.SCHEMA).read_text().replace('"distance"', '"distanse"'), "did you mean distance"),
        ("feature {", "is no Schema"),
        ("", "has no feature"),
    ):
        (copy / layout.SCHEMA).write_text(text)
        run = e2e.run(capsys, *argv(command, home, served, copy, tmp_path / "output"))
        assert run.code == 2
        line = next(line for line in run.err if line.startswith("trueserve: error: "))
        assert str(copy / layout.SCHEMA) in line
        assert message in line


@pytest.mark.parametrize("section", ["raw.distanse", "transformed.distance_zz"])
def test_limits_of_features_that_the_baseline_lacks(
    section: str, home: Home, copy: Path, tmp_path: Path, capsys: Capture
) -> None:
    (copy / layout.THRESHOLDS).write_text(f"format = 1\n[{section}]\nmissing = 0.1\n")
    run = e2e.validate(capsys, copy, home.clean, tmp_path / "output")
    assert run.code == 2
    line = e2e.one_error(e2e.Run(run.code, run.out, [line for line in run.err if "error" in line]))
    assert f"{copy / layout.THRESHOLDS} names feature '{section.split('.')[1]}'" in line
    assert "did you mean distance" in line


def test_prepare_keeps_what_it_did_not_write(tmp_path: Path, capsys: Capture) -> None:
    rows, baseline = e2e.rides(60, 4), tmp_path / "baseline"
    (tmp_path / "features.py").write_text(e2e.NO_ANALYSIS)
    examples = e2e.write_examples(tmp_path / "examples", rows, (30, 40))
    argv = [
        "prepare",
        f"--examples={examples}",
        f"--preprocessing={tmp_path / 'features.py'}",
        f"--label={e2e.LABEL}",
        f"--baseline={baseline}",
    ]
    assert e2e.run(capsys, *argv).code == 0
    (baseline / "notes.md").write_text("mine")
    (baseline / "reviews").mkdir()
    (baseline / "reviews/thresholds.toml").write_text("mine too")
    edited = (baseline / layout.SCHEMA).read_text() + "# reviewed\n"
    (baseline / layout.SCHEMA).write_text(edited)
    assert e2e.run(capsys, *argv).code == 0
    assert (baseline / "notes.md").read_text() == "mine"
    assert (baseline / "reviews/thresholds.toml").read_text() == "mine too"
    assert [file.read_text() for file in baseline.glob("schema.edited-*.pbtxt")] == [edited]
    assert load_baseline(str(baseline)).schema_edited is False
    (baseline / "transform_output/mine").touch()
    run = e2e.run(capsys, *argv)
    assert run.code == 2
    assert "holds transform_output/mine, which trueserve prepare did not write" in run.err[-1]
    assert (baseline / "transform_output/mine").exists()
