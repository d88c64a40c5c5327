"""What a SavedModel says of itself, and folders that hold none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.serving.check import saved_model


def signature(**outputs: str) -> dict[str, Any]:
    import tensorflow as tf

    return {name: {"dtype": tf.dtypes.as_dtype(kind).as_datatype_enum} for name, kind in outputs.items()}


def saved(folder: Path, tags: list[str], signatures: dict[str, Any], version: str = "2.16.2") -> Path:
    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.extend(tags)
    graph.meta_info_def.tensorflow_version = version
    for name, tensors in signatures.items():
        for key, info in tensors.items():
            graph.signature_def[name].outputs[key].dtype = info["dtype"]
            graph.signature_def[name].inputs["x"].dtype = info["dtype"]
    folder.mkdir(parents=True, exist_ok=True)
    assert isinstance(model, Message)
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


def test_what_a_saved_model_says_of_itself(tmp_path: Path) -> None:
    outputs = signature(
        **{
            "a": "float32",
            "s/values": "int64",
            "s/indices": "int64",
            "s/shape": "int64",
            "t/values": "string",
            "u/shape": "int64",
        }
    )
    saved(
        tmp_path,
        ["other", "serve"],
        {"serving_default": outputs, "__saved_model_init_op": signature(z="int64")},
    )
    model = saved_model.read(str(tmp_path), "mine")
    assert model.outputs == {
        "serving_default": {"a": "float32", "s": "int64", "t/values": "string", "u/shape": "int64"}
    }
    assert model.inputs["serving_default"].keys() == {"x"}
    assert (model.name, model.tensorflow_version, model.contract, model.probes) == (
        "mine",
        "2.16.2",
        None,
        None,
    )
    saved(tmp_path, ["serve"], {}, version="")
    assert saved_model.read(str(tmp_path), "mine").tensorflow_version is None


def test_a_ragged_tensor_has_the_type_of_its_values(tmp_path: Path) -> None:
    """tf.Transform's graph states none for the whole: what it gives are values and row splits."""
    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    for tensors in (graph.signature_def["s"].inputs, graph.signature_def["s"].outputs):
        for kind in ("string", "int64"):
            tensors["w"].composite_tensor.components.add().dtype = signature(_=kind)["_"]["dtype"]
        tensors["nothing"].dtype = 0
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    contents = saved_model.read(str(tmp_path), "mine")
    assert contents.outputs == contents.inputs == {"s": {"w": "string", "nothing": "unknown"}}


def test_what_a_saved_model_carries(tmp_path: Path) -> None:
    saved(tmp_path, ["serve"], {})
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "contract.json").write_bytes(b"{}")
    (tmp_path / "assets.extra" / "probes.tfrecord").write_bytes(b"")
    model = saved_model.read(str(tmp_path), "mine")
    assert model.contract == b"{}"
    assert model.probes == str(tmp_path / "assets.extra" / "probes.tfrecord")


def test_folders_that_hold_no_saved_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError, match=r"no SavedModel in mine: it has no saved_model\.pb; name its folder"
    ):
        saved_model.read(str(tmp_path), "mine")
    for version in ("9", "10"):
        saved(tmp_path / version, ["serve"], {})
    with pytest.raises(UsageError, match=r"it has versions: name one, such as its 10$"):
        saved_model.read(str(tmp_path), "mine")
    saved(tmp_path, ["train"], {})
    with pytest.raises(InputError, match="of mine holds no graph that is tagged `serve`"):
        saved_model.read(str(tmp_path), "mine")
    (tmp_path / "saved_model.pb").write_bytes(b"\xff")
    with pytest.raises(InputError, match="of mine cannot be read: DecodeError"):
        saved_model.read(str(tmp_path), "mine")
    monkeypatch.setattr(saved_model, "_LARGEST", 1)
    saved(tmp_path, ["serve"], {})
    with pytest.raises(InputError, match="bytes, more than a SavedModel can have"):
        saved_model.read(str(tmp_path), "mine")
    size = (tmp_path / "saved_model.pb").stat().st_size
    monkeypatch.setattr(saved_model, "_LARGEST", size)
    assert saved_model.read(str(tmp_path), "mine").name == "mine"
