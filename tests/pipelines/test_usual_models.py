"""A usual model is silent; its assets and its features are those of the baseline."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from support import lint as support
from support.homes import Home
from support.lint import grave
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.contract import Contract, Digests


@pytest.fixture(scope="module")
def transform_output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flights' graph with tf.Transform's other usual analysers; the only analysis of these tests."""
    return support.write_transform_output(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def served(transform_output: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return support.write_served(transform_output, tmp_path_factory.mktemp("served") / "1")


def _contract(**assets: str) -> Contract:
    return Contract("", Digests("", "", assets), {}, 1, None, (), {})


def _digests(path: str) -> dict[str, str]:
    files = Path(path, "assets").iterdir()
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_usual_graphs_are_silent(transform_output: str, served: str) -> None:
    contract = _contract(**_digests(f"{transform_output}/transform_fn"))
    for path in (transform_output, f"{transform_output}/transform_fn", served):
        assert grave(path, support.flights_schema(), contract) == []


def test_loads_no_model(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes seconds, and fails where an op is not known: the lint reads the protos alone."""
    for module in (tf.saved_model, tf.compat.v1.saved_model):
        monkeypatch.setattr(module, "load", None)
    monkeypatch.setattr(keras.models, "load_model", None)
    assert grave(served, support.flights_schema()) == []


def test_assets_must_be_there(tmp_path: Path, served: str) -> None:
    copy = shutil.copytree(served, tmp_path / "copy")
    assert grave(str(copy)) == []
    Path(copy, "assets", "dest").unlink()
    assert [(finding.rule, finding.severity, finding.node) for finding in grave(str(copy))] == [
        ("asset-absent", "error", "dest")
    ]


def test_assets_are_those_of_the_contract(tmp_path: Path, served: str) -> None:
    contract = _contract(**_digests(served))
    copy = shutil.copytree(served, tmp_path / "copy")
    assert grave(str(copy), None, contract) == []
    with Path(copy, "assets", "dest").open("a") as file:
        file.write("XYZ\n")
    assert [(finding.rule, finding.node) for finding in grave(str(copy), None, contract)] == [
        ("asset-changed", "dest")
    ]


def test_a_vocabulary_that_the_model_lacks(served: str) -> None:
    digests = _digests(served)
    contract = _contract(other_name=digests["dest"], gone="0" * 64)
    assert [(finding.rule, finding.severity, finding.node) for finding in grave(served, None, contract)] == [
        ("asset-absent", "warning", "gone")
    ]


def test_a_transform_graph_of_another_schema(transform_output: str) -> None:
    schema = support.flights_schema()
    by_name = {feature.name: feature for feature in schema.feature}
    by_name["temp"].type = schema_pb2.BYTES
    by_name["humid"].name = "humidity"
    assert [(finding.rule, finding.node) for finding in grave(transform_output, schema)] == [
        ("input-type", "temp"),
        ("input-lacking", "humidity"),
        ("input-unknown", "humid"),
    ]


def test_tf_transforms_vocabulary_without_buckets(home: Home) -> None:
    """The rides' `tags` have no bucket, their `carrier` has one."""
    findings = grave(f"{home.baseline}/transform_output")
    assert [(finding.rule, finding.severity) for finding in findings] == [
        ("vocabulary-without-room", "warning")
    ]
    assert "tags" in findings[0].message
