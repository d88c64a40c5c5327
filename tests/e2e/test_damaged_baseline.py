"""A baseline is what `prepare` wrote: each file that is damaged in any way is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import e2e
from support.damage import cut, emptied, flipped
from support.homes import Home
from support.memory_files import OBJECTS

from trueserve.pipelines import cli
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.contents import FileDigest
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.reference.training_side import TrainingSide, check_samples

GRAPH = "transform_output/transform_fn/saved_model.pb"
VOCABULARY = "transform_output/transform_fn/assets/carriers"
SAMPLE = "sample/"


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
        if name.startswith((layout.TRANSFORMED_EXAMPLES, SAMPLE)) and damage is flipped:
            continue  # their digests are compared where they are read: by export, and by validate
        if damage(data) == data:
            continue  # an empty file of TensorFlow's
        (copy / name).write_bytes(damage(data))
        line = refusal(copy)
        assert str(copy) in line, name
        assert name in line, name
        (copy / name).write_bytes(data)
    assert load_baseline(str(copy)).schema_edited is False


@pytest.mark.parametrize("name", [layout.RAW_SAMPLE, layout.TRANSFORMED_SAMPLE])
def test_training_rows_that_are_damaged_are_named_where_they_are_needed(copy: Path, name: str) -> None:
    check_samples(load_baseline(str(copy)), ("raw", "transformed"))
    (copy / name).write_bytes(flipped((copy / name).read_bytes()))
    with pytest.raises(UsageError, match=rf"is damaged: {name} has the SHA-256"):
        check_samples(load_baseline(str(copy)), ("raw", "transformed"))


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
    assert refusal(copy).endswith("run trueserve prepare or adopt again")


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


def test_a_baseline_that_is_replaced_while_a_job_runs_is_a_fault(home: Home, other: Path, copy: Path) -> None:
    loaded = load_baseline(str(copy))
    side = TrainingSide(str(copy), None, None, None, ("raw",), identity=loaded.identity)
    assert side.references()
    shutil.rmtree(copy)
    shutil.copytree(other, copy)
    with pytest.raises(InputError, match="was replaced or edited while the job ran"):
        side.references()
