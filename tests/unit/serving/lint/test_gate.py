"""What speaks against loading a SavedModel is found in its protos alone; what ordinary models do is not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support import saved_models as support
from support.repo import ROOT
from tensorflow.core.framework import node_def_pb2, op_def_pb2
from tensorflow.python.client import pywrap_tf_session

from trueserve.transforms.serving.lint.effects import effect_of
from trueserve.transforms.serving.lint.gate import refusals


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return support.save(tmp_path_factory.mktemp("gate"))


def test_a_vocabulary_and_the_savers_own_files_pass(model: Path) -> None:
    assert refusals(str(model)) == []


def _unused(meta_graph: Any) -> None:
    body = meta_graph.graph_def.library.function.add()
    body.signature.name = "nobody_calls"
    support.add_text(body.node_def, "there", "/etc/passwd")
    body.node_def.add(name="read", op="ReadFile", input=["there:output:0"])


def _joined(meta_graph: Any) -> None:
    """The vocabulary's path with `/../../x` behind it."""
    body = support.function(meta_graph, "initializer")
    support.add_text(body.node_def, "up", "/../../x")
    [reader] = [node for node in body.node_def if node.op.startswith("InitializeTableFromTextFile")]
    body.node_def.add(name="joined", op="StringJoin", input=[reader.input[1], "up:output:0"])
    reader.input[1] = "joined:output:0"


def _other_path(meta_graph: Any) -> None:
    """What Python gives the initializer is a constant of the graph, not the asset."""
    support.add_text(meta_graph.graph_def.node, "elsewhere", "/etc/passwd")
    objects = meta_graph.object_graph_def
    [asset] = [node for node in objects.nodes if node.WhichOneof("kind") == "asset"]
    asset.constant.operation = "elsewhere"


def _print(meta_graph: Any) -> None:
    body = support.function(meta_graph, "signature_wrapper")
    node = body.node_def.add(name="print", op="PrintV2", input=["word"])
    node.attr["output_stream"].s = b"file:///tmp/somewhere"


def _op(name: str) -> Callable[[Any], None]:
    def change(meta_graph: Any) -> None:
        support.function(meta_graph, "signature_wrapper").node_def.add(name="added", op=name)

    return change


def _restore_elsewhere(meta_graph: Any) -> None:
    body = support.function(meta_graph, "traced_restore")
    support.add_text(body.node_def, "elsewhere", "/tmp/other")
    [node] = [node for node in body.node_def if node.op == "RestoreV2"]
    node.input[0] = "elsewhere:output:0"


def _save_by_name(meta_graph: Any) -> None:
    """A function that saves is one that Python may call, too."""
    name = support.function(meta_graph, "traced_save").signature.name
    meta_graph.object_graph_def.nodes.add().bare_concrete_function.concrete_function_name = name


PLANTED: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "write in an initializer": (
        lambda graph: support.write_file_in(graph, "initializer", "/tmp/x"),
        "file-access",
        "WriteFile",
    ),
    "write in a destroyer": (
        lambda graph: support.write_file_in(graph, "destroyer", "/tmp/x"),
        "file-access",
        "WriteFile",
    ),
    "a function that nobody calls": (_unused, "file-access", "ReadFile"),
    "a path out of an asset's": (_joined, "file-access", "InitializeTableFromTextFileV2"),
    "another path from the object graph": (_other_path, "file-access", "InitializeTableFromTextFileV2"),
    "a file to print into": (_print, "file-access", "PrintV2"),
    "a checkpoint elsewhere": (_restore_elsewhere, "file-access", "RestoreV2"),
    "saving that can be called": (_save_by_name, "file-access", "SaveV2"),
    "Python": (_op("EagerPyFunc"), "python-op", "EagerPyFunc"),
    "sockets": (_op("DataServiceDatasetV4"), "network-access", "DataServiceDatasetV4"),
    "a debugger's address": (_op("DebugIdentityV3"), "network-access", "DebugIdentityV3"),
    "a hidden program": (_op("XlaCallModule"), "opaque-op", "XlaCallModule"),
    "a graph in a text": (_op("DatasetFromGraph"), "opaque-op", "DatasetFromGraph"),
    "an unknown op": (_op("Frobnicate"), "custom-op", "Frobnicate"),
    "a file of a data set": (_op("TextLineDataset"), "file-access", "TextLineDataset"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_touches_more_than_the_model_is_refused(model: Path, tmp_path: Path, name: str) -> None:
    change, rule, op = PLANTED[name]
    path = str(support.edited(model, tmp_path / "model", change))
    findings = refusals(path)
    assert (rule, op) in {(finding.rule, finding.op) for finding in findings}
    [first] = [finding for finding in findings if finding.op == op]
    assert first.severity == "error"
    assert f"--allow_ops={op}" in first.message
    assert first.node
    assert first.function is not None
    assert refusals(path, {finding.op for finding in findings}) == []


@pytest.mark.parametrize("name", ["/etc/passwd", "../../words", ""])
def test_an_assets_file_is_in_assets(model: Path, tmp_path: Path, name: str) -> None:
    def change(meta_graph: Any) -> None:
        meta_graph.asset_file_def[0].filename = name

    findings = refusals(str(support.edited(model, tmp_path / "model", change)))
    assert [finding.rule for finding in findings] == ["malformed"]


def test_two_nodes_of_one_name_are_refused(model: Path, tmp_path: Path) -> None:
    """The lint knows nodes by their names: one would hide the other."""

    def change(meta_graph: Any) -> None:
        body = support.function(meta_graph, "initializer")
        body.node_def.insert(0, node_def_pb2.NodeDef(name=body.node_def[0].name, op="WriteFile"))

    findings = refusals(str(support.edited(model, tmp_path / "model", change)))
    assert [finding.rule for finding in findings] == ["malformed"]


def _link(folder: Path) -> None:
    (folder / "assets" / "words").unlink()
    (folder / "assets" / "words").symlink_to("/etc/passwd")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "variables" / "more")


def _absurd(folder: Path) -> None:
    with (folder / "assets" / "words").open("wb") as file:
        file.truncate(1 << 42)


@pytest.mark.parametrize("plant", [_link, _pipe, _absurd])
def test_a_folders_files_are_plain_ones_in_it(model: Path, tmp_path: Path, plant: Any) -> None:
    copy = support.edited(model, tmp_path / "model", lambda _: None)
    plant(copy)
    assert [finding.rule for finding in refusals(str(copy))] == ["folder"]


def registered() -> list[Any]:
    """All ops that this process knows, whether TensorFlow offers them to Python or not."""
    serialized = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    return list(op_def_pb2.OpList.FromString(serialized).op)


def effect(name: str) -> str | None:
    finding = effect_of(node_def_pb2.NodeDef(name="x", op=name))
    return finding.rule if finding else None


def test_no_op_of_tensorflow_that_names_files_or_hosts_passes() -> None:
    """By the registry of the installed TensorFlow, so that what a newer one adds is refused, too."""
    name_parts = ("filename", "path", "directory", "address", "debug_urls", "logdir", "ckpt")
    passing = []
    for definition in registered():
        texts = [
            argument.name for argument in definition.input_arg if argument.type == tf.string.as_datatype_enum
        ]
        texts += [attr.name for attr in definition.attr if "string" in attr.type]
        if any(word in text for word in name_parts for text in texts) and effect(definition.name) is None:
            passing.append(definition.name)
    assert passing == []
    for name in (
        "AddV2",
        "MatMul",
        "LookupTableFindV2",
        "VarHandleOp",
        "RandomUniform",
        "TensorDataset",
        "While",
    ):
        assert effect(name) is None


def test_ops_that_run_python_are_refused() -> None:
    names = {op.name for op in registered() if "PyFunc" in op.name} | {"GeneratorDataset"}
    assert len(names) == 4
    assert {effect(name) for name in names} == {"python-op"}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("CalibrationStatisticsSaver", "file-access"),
        ("FinalizeTPUEmbeddingV2", "network-access"),
        ("TPUDummyInput", "network-access"),
        ("XlaRecvTPUEmbeddingActivationsV2", "network-access"),
        ("XlaSendTPUEmbeddingGradientsV2", "network-access"),
        ("GetTpuTaskId", "custom-op"),
        ("UpdateTaskIdAndGlobalCoreArray", "custom-op"),
    ],
)
def test_ops_that_came_with_tensorflow_2_21_and_reach_outside_are_refused(name: str, rule: str) -> None:
    """On the older stack, too, which does not know them."""
    assert effect(name) == rule


def test_the_lists_were_run_against_the_registry_that_is_installed() -> None:
    """A stack with another TensorFlow: look at the ops that it adds, and say so in the document."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    [versions] = re.findall(r"run against the registries of TensorFlow ([\d.]+ and [\d.]+),", text)
    assert tf.__version__.rpartition(".")[0] in versions.split(" and ")
