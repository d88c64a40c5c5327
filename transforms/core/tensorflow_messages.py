"""tf.Example and PredictionLog without TensorFlow, whose import takes longer than a small log.

The modules that protobuf generated for them are in packages that import all of TensorFlow first. They hold
descriptors as literals, which are read here and go into a pool of their own. So the classes are not those of
TensorFlow: no message of one is part of a message of the other. Their bytes are the same.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory

_EXAMPLE = "tensorflow.core.example.example_pb2"
_PREDICTION_LOG = "tensorflow_serving.apis.prediction_log_pb2"
_IMPORTED = re.compile(r"^(?:from (\S+) )?import (\S+_pb2)\b", re.MULTILINE)
_DESCRIPTOR = re.compile(r"\bAddSerializedFile\((b'(?:[^'\\]|\\.)*')\)")
_POOL = descriptor_pool.DescriptorPool()


def example() -> Any:
    """The class tf.Example."""
    return message_class(_EXAMPLE, "Example")


def sequence_example() -> Any:
    """The class tf.SequenceExample."""
    return message_class(_EXAMPLE, "SequenceExample")


def prediction_log() -> Any:
    """The class tensorflow_serving.apis.PredictionLog."""
    return message_class(_PREDICTION_LOG, "PredictionLog")


@functools.cache
def message_class(module: str, name: str) -> Any:
    """A class of a generated module; the module's own, if its descriptor cannot be read."""
    try:
        return message_factory.GetMessageClass(_file_descriptor(module).message_types_by_name[name])
    except (ImportError, LookupError, OSError, SyntaxError, TypeError, ValueError):
        # Protobuf wrote its modules in another way, or they are installed without their sources.
        return getattr(importlib.import_module(module), name)


@functools.cache
def _file_descriptor(module: str) -> Any:
    """What a generated module and all that it imports describe, added to the pool."""
    source = _source(module)
    for package, imported in _IMPORTED.findall(source):
        _file_descriptor(f"{package}.{imported}" if package else imported)
    literal = _DESCRIPTOR.search(source)
    if literal is None:
        raise LookupError(f"{module} has no descriptor")
    return _POOL.AddSerializedFile(ast.literal_eval(literal[1]))


def _source(module: str) -> str:
    """The text of a module, without an import of its package. Raises ImportError if it has none."""
    package, *path = module.split(".")
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    files = [Path(folder, *path).with_suffix(".py") for folder in folders]
    existing = [file for file in files if file.is_file()]
    if not existing:
        raise ImportError(f"{module} has no source")
    return existing[0].read_text(encoding="utf-8")
