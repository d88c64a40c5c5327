"""A baseline is what `prepare` wrote, or no command uses it: each file damaged in each way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Home, Served
from support import e2e
from support.memory_files import OBJECTS

from pipelines import cli
from transforms.baseline import layout
from transforms.baseline.contents import FileDigest
from transforms.baseline.load import load_baseline
from transforms.core.errors import InputError, UsageError
from transforms.files import paths
from transforms.reference.training_side import TrainingSide

Capture = pytest.CaptureFixture[str]
GRAPH = "transform_output/transform_fn/saved_model.pb"
VOCABULARY = "transform_output/transform_fn/assets/carriers"


@pytest.fixture(scope="module")
def other(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another baseline of the same features."""
    folder = tmp_path_factory.mktemp("other")
    rows = [{**row, "distance": [row["distance"][0] + 5000]} for row in e2e.rides(400, 9)]
    examples = e2e.write_examples(folder / "examples", rows, (200,))
    argv = [f"--preprocessing={home.preprocessing}", f"--label={e2e.LABEL}", f"--baseline={folder / 'b'}"]
    assert cli.main(["prepare", f"--examples={examples}", *argv]) == 0
    return folder / "b"


@pytest.fixture
def copy(home: Home, tmp_path: Path) -> Path:
    shutil.copytree(home.baseline, tmp_path / "baseline")
    return tmp_path / "baseline"


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def emptied(data: bytes) -> bytes:
    return data[:0]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def files_of(baseline: Path) -> Iterator[str]:
    """The files that must be what `prepare` wrote, all of them."""
    for file in sorted(path for path in baseline.rglob("*") if path.is_file()):
        if file.name != layout.SCHEMA or file.parent != baseline:
            yield str(file.relative_to(baseline))


def refusal(baseline: Path) -> str:
    """The line that every command ends with."""
    with pytest.raises(UsageError) as caught:
        load_baseline(str(baseline))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("damage", [emptied, cut, flipped])
def test_each_file_that_is_damaged_is_named(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    names = list(files_of(copy))
    assert {GRAPH, VOCABULARY, layout.STATISTICS, layout.PROBES, layout.CONTRACT} <= {*names}
    for name in names:
        data = (copy / name).read_bytes()
        if name.startswith(layout.TRANSFORMED_EXAMPLES) and damage is flipped:
            continue  # their digests are compared where they are read: by export
        if damage(data) == data:
            continue  # an empty file of TensorFlow's
        (copy / name).write_bytes(damage(data))
        line = refusal(copy)
        assert str(copy) in line, name
        assert name in line, name
        (copy / name).write_bytes(data)
    assert load_baseline(str(copy)).schema_edited is False


def test_each_file_of_another_baseline_is_named(copy: Path, other: Path) -> None:
    tried = 0
    for name in files_of(copy):
        data, foreign = (copy / name).read_bytes(), other / name
        if not foreign.exists() or foreign.read_bytes() == data:
            continue
        (copy / name).write_bytes(foreign.read_bytes())
        line = refusal(copy)
        assert str(copy) in line, name
        assert name in line or name == layout.CONTRACT, name
        (copy / name).write_bytes(data)
        tried += 1
    assert tried >= 8


def test_each_file_that_is_missing_is_named(copy: Path) -> None:
    for name in files_of(copy):
        if name.startswith(layout.TRANSFORMED_EXAMPLES):
            continue
        (copy / name).rename(copy / "away")
        assert f"is incomplete: {name} is missing" in refusal(copy)
        (copy / "away").rename(copy / name)
    # The training examples as a whole may go: only `export` reads them, and says that they are missing.
    shutil.rmtree(copy / layout.TRANSFORMED_EXAMPLES)
    assert load_baseline(str(copy)).contract.num_examples


@pytest.mark.parametrize("name", ["assets/extra", "variables/variables.data-00001-of-00002", "new.pb"])
def test_a_file_too_many_in_the_graph_is_named(copy: Path, name: str) -> None:
    (copy / "transform_output/transform_fn" / name).write_bytes(b"stranger")
    line = refusal(copy)
    assert f"holds transform_output/transform_fn/{name}, which trueserve prepare did not write" in line


def test_the_contract_names_every_file(home: Home) -> None:
    baseline = Path(home.baseline)
    contract = load_baseline(home.baseline).contract
    assert {*contract.files} == {*files_of(baseline), layout.SCHEMA} - {layout.CONTRACT}
    assert contract.files[VOCABULARY] == FileDigest(
        (baseline / VOCABULARY).stat().st_size, contract.digests.assets["carriers"]
    )


def test_an_older_baseline_says_what_to_do(copy: Path) -> None:
    contract = json.loads((copy / layout.CONTRACT).read_bytes())
    del contract["files"], contract["sha256"]
    (copy / layout.CONTRACT).write_text(json.dumps(contract))
    assert "was made by an older trueserve" in refusal(copy)
    assert refusal(copy).endswith("run trueserve prepare again")


def test_an_object_store_reads_each_file_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    OBJECTS.clear()
    paths.copy_tree(home.baseline, "memory://bucket/baseline")
    opened: list[str] = []
    read = paths.open_stored

    def noted(path: str) -> Any:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(paths, "open_stored", noted)
    loaded = load_baseline("memory://bucket/baseline")
    assert len(opened) == len({*opened})
    assert not [path for path in opened if layout.TRANSFORMED_EXAMPLES in path]
    with loaded.contents.local(layout.TRANSFORM_OUTPUT) as folder:
        assert e2e.tree(Path(folder)) == e2e.tree(Path(home.baseline, layout.TRANSFORM_OUTPUT))
    OBJECTS[f"memory://bucket/baseline/{VOCABULARY}"] = b"other"
    with (
        pytest.raises(UsageError, match=f"memory://bucket/baseline is damaged: {VOCABULARY}"),
        loaded.contents.local(layout.TRANSFORM_OUTPUT),
    ):
        pass


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


def test_export_reads_only_training_examples_that_prepare_wrote(
    home: Home, served: Served, copy: Path, tmp_path: Path, capsys: Capture
) -> None:
    shard = next((copy / layout.TRANSFORMED_EXAMPLES).iterdir())
    shard.write_bytes(flipped(shard.read_bytes()))
    run = e2e.run(capsys, *argv("export", home, served, copy, tmp_path / "output"))
    assert run.code == 2
    assert f"the baseline {copy} is damaged: transformed_examples/{shard.name} has the SHA-256" in run.err[-1]
    assert not (tmp_path / "output").exists() or not [*(tmp_path / "output").iterdir()]


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


def test_a_baseline_that_is_replaced_while_a_job_runs_is_a_fault(home: Home, other: Path, copy: Path) -> None:
    loaded = load_baseline(str(copy))
    side = TrainingSide(str(copy), None, None, None, ("raw",), identity=loaded.identity)
    assert side.references()
    shutil.rmtree(copy)
    shutil.copytree(other, copy)
    with pytest.raises(InputError, match="was replaced or edited while the job ran"):
        side.references()


def test_prepare_keeps_what_it_did_not_write(home: Home, tmp_path: Path, capsys: Capture) -> None:
    rows, baseline = e2e.rides(60, 4), tmp_path / "baseline"
    examples = e2e.write_examples(tmp_path / "examples", rows, (30, 40))
    argv = [
        "prepare",
        f"--examples={examples}",
        f"--preprocessing={home.preprocessing}",
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
