"""What is said of an op: each rule by the names that it has, the ops beside them, and what a seed changes."""

from __future__ import annotations

from typing import Any

import pytest
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from trueserve.transforms.serving.lint import ops
from trueserve.transforms.serving.lint.ops import Facts, Remark

FACTS = Facts(
    stateful=frozenset({"Strange", "RandomUniform"}), seeded=frozenset({"RandomUniform", "RangeDataset"})
)


def node(op: str, /, device: str = "", **seeds: Any) -> Any:
    made = node_def_pb2.NodeDef(name="n", op=op, device=device)
    for name, value in seeds.items():
        made.attr[name].i = value
    return made


def rule(remark: Remark | None) -> tuple[str, str] | None:
    return None if remark is None else (remark.rule, remark.severity)


UNSEEDED, SEEDED = ("random-without-seed", "error"), ("random-seeded", "info")


@pytest.mark.parametrize(
    ("op", "seeds", "expected"),
    [
        ("RandomUniform", {}, UNSEEDED),
        ("RandomUniform", {"seed": 0, "seed2": 0}, UNSEEDED),
        ("RandomUniform", {"seed": 1}, SEEDED),
        ("RandomUniform", {"seed2": 1}, SEEDED),
        ("RandomUniform", {"other": 1}, UNSEEDED),
        ("RangeDataset", {}, None),
        ("NonDeterministicInts", {"seed": 1}, UNSEEDED),
        ("StatefulUniformInt", {}, UNSEEDED),
        ("RngSkip", {}, UNSEEDED),
        ("AddV2", {"seed": 1}, None),
    ],
)
def test_random_ops_by_their_seeds(op: str, seeds: dict[str, Any], expected: tuple[str, str] | None) -> None:
    assert rule(ops.draws(node(op, **seeds), FACTS)) == expected


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("ReadVariableOp", None),
        ("RandomUniform", None),
        ("PyFunc", None),
        ("Timestamp", None),
        ("AddV2", None),
        ("PrintV2", ("prints", "info")),
        ("ReadFile", ("file-access", "error")),
        ("AssignVariableOp", ("state-written", "error")),
        ("LookupTableInsertV2", ("state-written", "error")),
        ("Strange", ("state-kept", "warning")),
        ("FIFOQueueV2", ("state-kept", "warning")),
    ],
)
def test_state_and_files_by_the_name_of_the_op(op: str, expected: tuple[str, str] | None) -> None:
    assert rule(ops.keeps_state(node(op), FACTS)) == expected


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("AddV2", None),
        ("_Arg", None),
        ("EagerPyFunc", ("python-op", "error")),
        ("WordpieceTokenizeWithOffsets", ("packaged-op", "info")),
        ("SimpleMLInferenceOp", ("packaged-op", "info")),
        ("NoSuchOp", ("custom-op", "error")),
    ],
)
def test_ops_that_no_stock_server_runs(op: str, expected: tuple[str, str] | None) -> None:
    remark = ops.cannot_be_run(node(op), FACTS)
    assert rule(remark) == expected
    if remark is not None and remark.rule == "packaged-op":
        package = "tensorflow_text" if op.startswith("Word") else "tensorflow_decision_forests"
        assert f"is an op of {package}," in remark.message


@pytest.mark.parametrize(
    ("op", "device", "expected"),
    [
        ("Timestamp", "", ("time", "error")),
        ("AddV2", "", None),
        ("AddV2", "/device:CPU:0", None),
        ("AddV2", "/device:gpu:0", ("device", "info")),
        ("AddV2", "/job:localhost/device:CPU:0", None),
        ("AddV2", "/job:worker/device:CPU:0", ("device", "info")),
    ],
)
def test_clocks_and_devices_of_the_host(op: str, device: str, expected: tuple[str, str] | None) -> None:
    assert rule(ops.depends_on_host(node(op, device), FACTS)) == expected


def test_the_facts_are_the_models_own_definitions_or_tensorflows() -> None:
    meta_graph = meta_graph_pb2.MetaGraphDef()
    meta_graph.graph_def.node.add(name="a", op="Own")
    meta_graph.graph_def.node.add(name="b", op="Unknown")
    meta_graph.graph_def.library.function.add().node_def.add(name="c", op="RandomUniform")
    own = meta_graph.meta_info_def.stripped_op_list.op.add(name="Own", is_stateful=True)
    own.attr.add(name="seed")
    assert ops.facts(meta_graph) == Facts(frozenset({"Own", "RandomUniform"}), frozenset({"RandomUniform"}))
    own.attr.add(name="seed2")
    own.is_stateful = False
    assert ops.facts(meta_graph) == Facts(frozenset({"RandomUniform"}), frozenset({"Own", "RandomUniform"}))
