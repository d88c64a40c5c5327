"""SavedModels written as protos, node by node, and the baseline beside them: nothing is traced or trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from support import logs
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.contents import Contents
from trueserve.transforms.baseline.contract import Contract, Digests
from trueserve.transforms.baseline.load import Baseline

#: Signatures as `trueserve export` makes them: their outputs, by type.
OUTPUTS = {"transform_features": {"a": "FLOAT"}, "serving_default": {"y": "FLOAT"}}
SCHEMA = 'feature { name: "distance" type: FLOAT }'


def write_model(
    folder: Path, outputs: Mapping[str, Mapping[str, str]] = OUTPUTS, ops: Sequence[str] = ()
) -> Path:
    """A SavedModel with these signatures, which take tf.Examples, and a node of each of these ops.

    Nothing reaches the nodes.
    """
    model = saved_model_pb2.SavedModel()
    meta_graph = model.meta_graphs.add()
    meta_graph.meta_info_def.tags.append("serve")
    meta_graph.meta_info_def.tensorflow_version = "2.16.2"
    for signature, tensors in outputs.items():
        examples = meta_graph.signature_def[signature].inputs["examples"]
        examples.dtype, examples.name = types_pb2.DT_STRING, "examples:0"
        examples.tensor_shape.dim.add(size=-1)
        for name, dtype in tensors.items():
            info = meta_graph.signature_def[signature].outputs[name]
            info.dtype = types_pb2.DataType.Value(f"DT_{dtype}")
            info.name = f"{name}:0"
    for op in ops:
        meta_graph.graph_def.node.add(name=op.lower(), op=op)
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


def write_probes(model: Path, *probes: Mapping[str, Sequence[Any]]) -> Path:
    """Gives a model a file of probes of its own."""
    file = model / "assets.extra" / layout.PROBES
    file.parent.mkdir()
    logs.write_records(file, [logs.example(**probe) for probe in probes])
    return file


def baseline(folder: Path, **fields: Any) -> Baseline:
    """A baseline whose transform graph gives `a`, which is computed from `distance`."""
    graph = folder / layout.TRANSFORM_OUTPUT / "transform_fn"
    if not graph.exists():
        write_model(graph, {"serving_default": {"a": "FLOAT"}})
    values: dict[str, Any] = {
        "path": str(folder),
        "schema": text_format.Parse(SCHEMA, schema_pb2.Schema()),
        "statistics": statistics_pb2.DatasetFeatureStatisticsList(),
        "transformed_schema": schema_pb2.Schema(),
        "transformed_statistics": statistics_pb2.DatasetFeatureStatisticsList(),
        "contract": contract(),
        "contents": Contents(str(folder), {}),
        "contract_data": b"{}",
        "identity": "0" * 64,
        "probes_data": b"probes of the baseline",
    }
    return Baseline(**values | fields)


def contract(**fields: Any) -> Contract:
    """Of that baseline."""
    values: dict[str, Any] = {
        "created": "2026-01-01T00:00:00Z",
        "digests": Digests("0" * 64, "1" * 64, {}),
        "versions": {"tensorflow": "2.16.1"},
        "num_examples": 60,
        "label": None,
        "raw_features": ("distance",),
        "transformed_features": {"a": ("distance",)},
    }
    return Contract(**values | fields)


class AnsweringProcess:
    """In place of the process that loads a model."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self.reply, self.line, self.failed = reply, "", ""
        self.sandbox = {"files": "enforced"}

    def ask(self, line: str, failed: str) -> dict[str, Any]:
        self.line, self.failed = line, failed
        return self.reply
