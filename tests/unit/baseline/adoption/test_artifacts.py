"""Which file of an artifact is taken, by the folder or file that a flag names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trueserve.transforms.baseline.adoption import artifacts
from trueserve.transforms.core.errors import InputError


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("names", "below", "expected"),
    [
        (["schema.pbtxt"], "", "schema.pbtxt"),
        (["schema.pbtxt"], "schema.pbtxt", "schema.pbtxt"),
        (["schema.pbtxt", "old.pbtxt"], "", "schema.pbtxt"),
        (["my_schema.pb"], "", "my_schema.pb"),
        (["5/schema.pbtxt"], "", "5/schema.pbtxt"),
        (["5/schema.pbtxt", ".system/state", "_SUCCESS"], "", "5/schema.pbtxt"),
    ],
)
def test_the_schema(tmp_path: Path, names: list[str], below: str, expected: str) -> None:
    folder = filled(tmp_path, *names)
    assert artifacts.schema_file(str(folder / below)) == str(tmp_path / expected)


SPLITS = ["Split-train/FeatureStats.pb", "Split-eval/FeatureStats.pb"]


@pytest.mark.parametrize(
    ("names", "split", "expected"),
    [
        (
            ["Split-train/FeatureStats.pb", "Split-eval/FeatureStats.pb"],
            "train",
            "Split-train/FeatureStats.pb",
        ),
        (["Split-train/FeatureStats.pb", "Split-eval/FeatureStats.pb"], "eval", "Split-eval/FeatureStats.pb"),
        (["train/stats_tfrecord", "eval/stats_tfrecord"], "train", "train/stats_tfrecord"),
        (["FeatureStats.pb"], "train", "FeatureStats.pb"),
        (["12/Split-train/FeatureStats.pb"], "train", "12/Split-train/FeatureStats.pb"),
        (["stats.binpb"], "train", "stats.binpb"),
    ],
)
def test_the_statistics(tmp_path: Path, names: list[str], split: str, expected: str) -> None:
    path = artifacts.statistics_file(str(filled(tmp_path, *names)), split)
    assert path == str(tmp_path / expected)


def test_the_examples(tmp_path: Path) -> None:
    folder = filled(tmp_path, "1/Split-train/data-0.gz", "1/Split-eval/data-0.gz")
    assert artifacts.examples_pattern(str(folder), "train") == str(tmp_path / "1/Split-train")
    assert artifacts.examples_pattern(str(folder / "1"), "eval") == str(tmp_path / "1/Split-eval")
    assert artifacts.examples_pattern(f"{folder}/1/*/*.gz", "train") == f"{folder}/1/*/*.gz"
    file = str(folder / "1/Split-eval/data-0.gz")
    assert artifacts.examples_pattern(file, "train") == file


GRAPH = ("transform_fn/saved_model.pb", "transformed_metadata/schema.pbtxt")


def test_the_graph_and_the_statistics_beside_it(tmp_path: Path) -> None:
    graph = filled(tmp_path / "Transform/transform_graph/7", *GRAPH)
    assert artifacts.transform_output(str(graph)) == str(graph)
    assert artifacts.transform_output(str(graph.parent)) == str(graph)
    assert artifacts.post_transform_statistics(str(graph)) is None
    other = filled(tmp_path / "Transform/post_transform_stats/8", "FeatureStats.pb")
    assert artifacts.post_transform_statistics(str(graph)) is None
    own = other.with_name("7")
    filled(own, "FeatureStats.pb")
    assert artifacts.post_transform_statistics(f"{graph}/") == str(own / "FeatureStats.pb")
    # As TFX before 1.0 had it, which is of this graph for sure.
    old = filled(graph / "post_transform_feature_stats", "FeatureStats.pb")
    assert artifacts.post_transform_statistics(str(graph)) == str(old / "FeatureStats.pb")
    assert artifacts.post_transform_statistics("/plain/output") is None


def schema(path: str) -> str:
    return artifacts.schema_file(path)


def statistics(path: str) -> str:
    return artifacts.statistics_file(path, "train")


def examples(path: str) -> str:
    return artifacts.examples_pattern(path, "train")


@pytest.mark.parametrize(
    ("take", "names", "message"),
    [
        (schema, [], "--schema: {} is no file, and no folder that holds one"),
        (schema, [".hidden"], "--schema: {} is no file, and no folder that holds one"),
        (schema, ["a.txt", "b.txt"], "--schema: {} has no schema.pbtxt; it holds a.txt, b.txt"),
        (schema, ["9/schema.pbtxt", "10/schema.pbtxt"], "--schema: {} holds several executions (9, 10)"),
        (
            statistics,
            ["a", "b"],
            "{} has no FeatureStats.pb and no stats_tfrecord; it holds a, b",
        ),
        (statistics, ["Split-a/x", "Split-b/x"], "--statistics: {} has no split 'train'; it has a, b"),
        (examples, ["Split-eval/x"], "--examples: {} has no split 'train'; it has eval: name one of them"),
        (artifacts.transform_output, GRAPH[:1], "no output of tf.Transform: it has no transformed_metadata"),
        (artifacts.transform_output, ["saved_model.pb"], "{} is the graph alone; name the folder above"),
    ],
)
def test_what_is_no_such_artifact(
    tmp_path: Path, take: Callable[[str], str], names: list[str], message: str
) -> None:
    folder = str(filled(tmp_path, *names))
    with pytest.raises(InputError) as error:
        take(folder)
    assert message.format(folder) in str(error.value)


def test_many_names_are_cut(tmp_path: Path) -> None:
    folder = filled(tmp_path, *(f"file-{number}" for number in range(9)))
    with pytest.raises(InputError, match=r"file-5 and 3 more$"):
        artifacts.schema_file(str(folder))
