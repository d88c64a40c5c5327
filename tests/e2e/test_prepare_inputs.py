"""`trueserve prepare` from CSV and Parquet, with a given schema, and to object stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from support import e2e
from support.homes import Home
from support.memory_files import OBJECTS
from support.prepared import (
    RAW,
    RAW_OF,
    multiset,
    statistics,
    with_label_outputs,
    written_examples,
)
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.files import paths
from trueserve.transforms.graph.transform_graph import TransformGraph

# The user's own: a threshold, a wider type of presence, and no word of environments.
GIVEN = """
# kept as it is
feature { name: "distance" type: FLOAT presence { min_fraction: 1 min_count: 1 }
  skew_comparator { jensen_shannon_divergence { threshold: 0.625 } } }
feature { name: "hour" type: INT }
feature { name: "carrier" type: BYTES }
feature { name: "late" type: INT }
feature { name: "delay" type: FLOAT }
feature { name: "stops" type: INT }
feature { name: "tags" type: BYTES }
"""


def schema(baseline: Path, name: str = "schema.pbtxt") -> Any:
    return text_format.Parse((baseline / name).read_text(), schema_pb2.Schema())


def prepare(capsys: pytest.CaptureFixture[str], home: Home, examples: str, target: Path, *more: str) -> None:
    result = e2e.run(
        capsys,
        "prepare",
        f"--examples={examples}",
        f"--preprocessing={home.preprocessing}:preprocessing_fn",
        "--label=late",
        f"--baseline={target}",
        *more,
    )
    assert (result.code, result.err) == (0, [])
    assert result.out[-1] == f"baseline {target}"


def test_from_csv(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{name: values[:1] for name, values in row.items()} for row in home.training[:1200]]
    target = tmp_path / "baseline"
    prepare(capsys, home, e2e.write_csv(tmp_path / "csv", rows, (700, 900)), target)
    e2e.check_statistics(statistics(target, "stats.binpb"), rows, RAW)
    types = {f.name: schema_pb2.FeatureType.Name(f.type) for f in schema(target).feature}
    assert types == {
        "distance": "FLOAT",
        "delay": "FLOAT",
        "hour": "INT",
        "stops": "INT",
        "late": "INT",
        "carrier": "BYTES",
        "tags": "BYTES",
    }
    outputs = with_label_outputs(e2e.transformed(str(target), rows), rows)
    e2e.check_statistics(statistics(target, "transformed_stats.binpb"), outputs, RAW_OF)
    assert multiset(written_examples(target)) == multiset(outputs)


# A vocabulary is a file beside the graph.
VOCABULARY = """
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    return {"carrier_id": tft.compute_and_apply_vocabulary(inputs["carrier"]), "label": inputs["late"]}
"""


@pytest.fixture(scope="module")
def with_given_schema(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `given.pbtxt` and, made from Parquet files with it, `baseline`."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "given.pbtxt").write_text(GIVEN)
    return folder


def test_on_an_object_store_from_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TensorFlow does not know the store; two runs, so that one baseline takes the place of another."""
    OBJECTS.clear()
    examples = e2e.write_examples(tmp_path / "training", e2e.rides(300, 1), ())
    (tmp_path / "features.py").write_text(VOCABULARY)
    for _ in range(2):
        result = e2e.run(
            capsys,
            "prepare",
            f"--examples={examples}",
            f"--preprocessing={tmp_path / 'features.py'}",
            f"--label={e2e.LABEL}",
            "--baseline=memory://bucket/baseline",
        )
        assert result.code == 0, result.err
    assert load_baseline("memory://bucket/baseline").contract.num_examples == 300
    assert {path.split("/")[3] for path in OBJECTS} == {"baseline"}
    assert any("transformed_examples/" in path for path in OBJECTS)
    with paths.local_copy("memory://bucket/baseline/transform_output") as folder:
        assert set(TransformGraph(folder).serving_outputs) == {"carrier_id"}


@pytest.mark.parametrize("flag", ["baseline", "temp_location"])
def test_a_remote_runner_needs_folders_that_tensorflow_can_write(
    home: Home, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    folders = {"baseline": "gs://bucket/baseline", "temp_location": "gs://bucket/tmp", flag: "memory://b/x"}
    result = e2e.run(
        capsys,
        "prepare",
        "--examples=gs://bucket/*",
        f"--preprocessing={home.preprocessing}",
        "--runner=PortableRunner",
        "--job_endpoint=localhost:1",
        *(f"--{name}={folder}" for name, folder in folders.items()),
    )
    assert result.code == 2
    assert (
        f"--{flag}: TensorFlow, which writes the transform graph, cannot write to 'memory://b/x'"
        in result.err[0]
    )


def test_from_parquet_with_a_given_schema(
    home: Home, with_given_schema: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rows = with_given_schema, home.training[:1200]
    given, target = folder / "given.pbtxt", folder / "baseline"
    prepare(
        capsys, home, e2e.write_parquet(folder / "parquet", rows, (700, 900)), target, f"--schema={given}"
    )
    e2e.check_statistics(statistics(target, "stats.binpb"), rows, RAW)
    outputs = with_label_outputs(e2e.transformed(str(target), rows), rows)
    e2e.check_statistics(statistics(target, "transformed_stats.binpb"), outputs, RAW_OF)
    assert given.read_text() == GIVEN
    assert schema(target) == text_format.Parse(GIVEN, schema_pb2.Schema())
    _validate_adds_what_the_given_schema_lacks(home, target, folder, capsys)


def _validate_adds_what_the_given_schema_lacks(
    home: Home, target: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = e2e.tree(target)
    clean = e2e.validate(capsys, target, home.clean, folder / "clean")
    assert (clean.code, e2e.verdict(folder / "clean")["findings"]) == (0, [])
    skewed = e2e.validate(capsys, target, home.skewed, folder / "skewed")
    assert skewed.code == 1
    # The user's own threshold for the distance in kilometres holds; the default for carriers was added.
    assert {name for space, name in e2e.errors(e2e.verdict(folder / "skewed")) if space == "raw"} == {
        "carrier"
    }
    assert e2e.tree(target) == before
    assert not any(schemas.SERVING in each.default_environment for each in [schema(target)])
