"""SavedModels that do more than compute, made of real ones by an edit of their protos, and read-only ones."""

from __future__ import annotations

import ctypes
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


class Initialised(tf.Module):
    """A model with a table of a vocabulary, whose initializer loading runs, and a variable."""

    def __init__(self, vocabulary: str) -> None:
        super().__init__()
        lines = tf.lookup.TextFileInitializer(
            vocabulary,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        self.table = tf.lookup.StaticHashTable(lines, 5)
        self.shift = tf.Variable(1.0)

        spec = tf.TensorSpec([None], tf.string, name="word")
        self.serve = tf.function(self._serve, input_signature=[spec])

    def _serve(self, word: Any) -> Any:
        return tf.cast(self.table.lookup(word), tf.float32) + self.shift


def save(folder: Path) -> Path:
    """A model that touches nothing but itself."""
    (folder / "words").write_text("a\nb\n")
    module = Initialised(str(folder / "words"))
    tf.saved_model.save(module, str(folder / "model"), signatures={"serving_default": module.serve})
    return folder / "model"


def edited(model: Path, target: Path, change: Callable[[Any], None]) -> Path:
    """A copy whose MetaGraph was changed."""
    shutil.copytree(model, target)
    proto = saved_model_pb2.SavedModel.FromString((target / "saved_model.pb").read_bytes())
    change(proto.meta_graphs[0])
    (target / "saved_model.pb").write_bytes(proto.SerializeToString())
    return target


def function(meta_graph: Any, part: str) -> Any:
    """The FunctionDef with this in its name."""
    [function_def] = [f for f in meta_graph.graph_def.library.function if part in f.signature.name]
    return function_def


def add_text(nodes: Any, name: str, text: str) -> None:
    """Adds a constant to the nodes of a graph or a function."""
    node = nodes.add(name=name, op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(text))


def write_file_in(meta_graph: Any, part: str, path: str) -> None:
    """Lets a function write a file, as a side effect that nothing waits for but its end."""
    write_file_in_body(function(meta_graph, part), path)


def write_file_in_body(body: Any, path: str) -> None:
    """The same of a FunctionDef."""
    add_text(body.node_def, "there", path)
    body.node_def.add(name="write", op="WriteFile", input=["there:output:0", "there:output:0"])
    body.control_ret["write"] = "write"
    body.signature.control_output.append("write")


def landlock() -> int:
    """The kernel's version of Landlock, by its own word; below 1 for none."""
    if sys.platform != "linux":
        return 0
    return int(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


def looping(folder: Path) -> Path:
    """A model with a loop that never ends, and touches nothing."""
    module = tf.Module()
    spec = tf.TensorSpec([None], tf.string, name="examples")

    def serve(examples: Any) -> Any:
        start = tf.strings.length(examples)
        [count] = tf.while_loop(lambda i: tf.reduce_all(i > -1), lambda i: [tf.abs(i + 1) % 7], [start])
        return {"x": count}

    traced = tf.function(serve, autograph=False).get_concrete_function(spec)
    tf.saved_model.save(
        module, str(folder), signatures={"serving_default": traced, "transform_features": traced}
    )
    return folder
