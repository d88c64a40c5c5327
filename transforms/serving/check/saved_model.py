"""What a SavedModel's file says of itself, without loading the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.serving import parity
from trueserve.transforms.serving.lint.saved_model import dtype_of

FILE = "saved_model.pb"
CONTRACT = "contract.json"
# Of a protocol buffer.
_LARGEST = 2 << 30


@dataclasses.dataclass(frozen=True)
class SavedModelContents:
    """A SavedModel in a local folder.

    Attributes:
      name: what the user called the folder.
      inputs, outputs: of each signature the names of its tensors and their types, as NumPy calls them; the
        parts of a sparse one are left out of `outputs` but for its values, which bear its name.
      tensorflow_version: of the program that saved it; None where it does not say.
    """

    folder: str
    name: str
    inputs: Mapping[str, Mapping[str, str]]
    outputs: Mapping[str, Mapping[str, str]]
    tensorflow_version: str | None

    @property
    def contract(self) -> bytes | None:
        """Content of its contract, None if it has none."""
        file = Path(self.folder, parity.ASSETS, CONTRACT)
        return file.read_bytes() if file.is_file() else None

    @property
    def probes(self) -> str | None:
        """Its own file of probes, None if it has none."""
        file = Path(self.folder, parity.ASSETS, parity.PROBES)
        return str(file) if file.is_file() else None


def read(folder: str, name: str) -> SavedModelContents:
    """Reads `saved_model.pb` of a local folder that the user knows as `name`.

    Raises UsageError if there is none, InputError if it is none.
    """
    file = Path(folder, FILE)
    if not file.is_file():
        raise UsageError(f"no SavedModel in {name}: it has no {FILE}{_hint(folder)}")
    meta_graph = _meta_graph(file, name)
    signatures = {key: value for key, value in meta_graph.signature_def.items() if not key.startswith("__")}
    return SavedModelContents(
        folder=folder,
        name=name,
        inputs={key: _types(signature.inputs) for key, signature in signatures.items()},
        outputs={key: _types(signature.outputs) for key, signature in signatures.items()},
        tensorflow_version=meta_graph.meta_info_def.tensorflow_version or None,
    )


def _hint(folder: str) -> str:
    versions = sorted((path.name for path in Path(folder).glob("[0-9]*") if (path / FILE).is_file()), key=len)
    return f"; it has versions: name one, such as its {versions[-1]}" if versions else "; name its folder"


def _meta_graph(file: Path, name: str) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    if (size := file.stat().st_size) > _LARGEST:
        raise InputError(f"{FILE} of {name} has {size:,} bytes, more than a SavedModel can have")
    try:
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except (DecodeError, OSError) as error:
        raise InputError(f"{FILE} of {name} cannot be read: {type(error).__name__}") from error
    served = [graph for graph in model.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not served:
        raise InputError(f"{FILE} of {name} holds no graph that is tagged `serve`; save the model again")
    return served[0]


def _types(tensors: Mapping[str, Any]) -> dict[str, str]:
    import tensorflow as tf

    types = {}
    for name, info in tensors.items():
        base, _, last = name.rpartition("/")
        if last in ("indices", "shape") and f"{base}/values" in tensors:
            continue
        sparse = last == "values" and f"{base}/indices" in tensors
        dtype = dtype_of(info)
        types[base if sparse else name] = str(tf.dtypes.as_dtype(dtype).name) if dtype else "unknown"
    return types
