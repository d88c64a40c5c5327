"""Reads the values of a graph's Const nodes."""

from __future__ import annotations

from typing import Any

from trueserve.transforms.serving.lint.graphs import Graphs, NodeId

# A table's keys are read whole; what is larger is a model's weight.
_MOST = 1 << 20


def constant(graphs: Graphs, node_id: NodeId) -> list[Any] | None:
    """The values of a Const, flat; None for any other node and for what is too large to be of interest."""
    node = graphs.node(node_id)
    if node is None or node.op != "Const":
        return None
    import tensorflow as tf

    proto = node.attr["value"].tensor
    if proto.ByteSize() > _MOST:
        return None
    values: list[Any] = tf.make_ndarray(proto).ravel().tolist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
