"""The files of a SavedModel, read as they are: no graph is built, and no op has to be known."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths

_MODEL = "saved_model.pb"
_DEBUG = "debug/saved_model_debug_info.pb"
_TRANSFORM_FN = "transform_fn"
_NO_USER_CODE = ("/site-packages/", "/dist-packages/", "<")


class SavedModel:
    """A SavedModel's folder.

    Attributes:
      path: of the folder with `saved_model.pb`.
      proto: that file.
      is_transform: whether it is tf.Transform's graph, whose inputs are named by its function's argument.
    """

    def __init__(self, path: str) -> None:
        """Raises UsageError if there is no SavedModel, or none that can be read."""
        below = paths.join(path, _TRANSFORM_FN)
        self.path = below if paths.exists(paths.join(below, _MODEL)) else path
        self.proto = _read(self.path)
        self.is_transform = any(
            child.local_name == _TRANSFORM_FN
            for meta_graph in self.proto.meta_graphs
            for node in meta_graph.object_graph_def.nodes[:1]
            for child in node.children
        )
        self._sources = _sources(self.path)

    def asset(self, name: str) -> bytes | None:
        """Content of the file `assets/NAME`, None if it is not there."""
        file = paths.join(self.path, "assets", name)
        return paths.read_bytes(file) if paths.exists(file) else None

    def digest(self, name: str) -> str | None:
        """SHA-256 of an asset, as the contract has it; None if it is not there."""
        content = self.asset(name)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def source(self, function: str | None, node: str) -> str | None:
        """The user's `FILE:LINE` that made a node; None where the model was saved without."""
        return self._sources.get(f"{node}@{function or ''}") or self._sources.get(node)


def dtype_of(info: Any) -> int:
    """The tf.DType's number of a signature's tensor; for a ragged one, which states none, of its values."""
    if info.dtype or not info.composite_tensor.components:
        return int(info.dtype)
    return int(info.composite_tensor.components[0].dtype)


def _read(path: str) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    file = paths.join(path, _MODEL)
    if not paths.exists(file):
        raise UsageError(f"no SavedModel in {path}: {_MODEL} is missing; name the folder that holds it")
    try:
        proto = saved_model_pb2.SavedModel.FromString(paths.read_bytes(file))
    except InputError as error:
        raise UsageError(str(error)) from error
    except DecodeError as error:
        raise UsageError(f"{file} is no SavedModel: {error}; export the model again") from error
    if not proto.meta_graphs:
        raise UsageError(f"{file} holds no graph; export the model again")
    return proto


def _sources(path: str) -> dict[str, str]:
    """`FILE:LINE` by `NODE@FUNCTION`, of a model that was saved with debug info."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework import graph_debug_info_pb2

    file = paths.join(path, _DEBUG)
    if not paths.exists(file):
        return {}
    try:
        info = graph_debug_info_pb2.GraphDebugInfo.FromString(paths.read_bytes(file))
    except (DecodeError, InputError):
        return {}
    traces = {key: info.traces_by_id[value] for key, value in info.name_to_trace_id.items()}
    traces.update(info.traces)
    lines = {key: _users_line(info, trace) for key, trace in traces.items()}
    return {key: line for key, line in lines.items() if line}


def _users_line(info: Any, trace: Any) -> str | None:
    """The innermost step that is no package's and not TensorFlow's own; traces begin at the outermost."""
    frames = [*(info.frames_by_id[i] for i in trace.frame_id), *trace.file_line_cols]
    for frame in reversed(frames):
        name = info.files[frame.file_index] if frame.file_index < len(info.files) else ""
        if name and not any(part in name for part in _NO_USER_CODE):
            return f"{Path(name).name}:{frame.line}"
    return None
