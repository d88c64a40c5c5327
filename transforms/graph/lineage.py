"""Which inputs each output of a saved transform graph is computed from.

The walk is over the graph's protos, with its functions, and follows each call by the very outputs that are
used: two outputs of one `tf.function` that have nothing in common keep distinct inputs. tf.Transform's own
walk takes a call as one step, and its results for the outputs would be too large.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf

# What these ops give tells of an input no more than how many rows or values it has.
_SHAPE_OPS = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_CALL_OPS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_IF_OPS = frozenset({"If", "StatelessIf"})
# What these ops give of an input is what a table has for it: a new value has what no value of training had.
_LOOKUP_OPS = frozenset({"LookupTableFind", "LookupTableFindV2"})
# Texts are looked up by comparing them with all keys, too, as tf.Transform's analyzers by key do.
_EQUAL, _TEXT = "Equal", tf.string.as_datatype_enum
# Beside a table stands a hash for what it lacks.
_HASH_OPS = frozenset({"StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong"})


def raw_features_of(function: Any) -> dict[str, list[str]]:
    """For each output of a transform graph the names of the inputs it is computed from, both sorted.

    An input counts if its values (or where they are missing) can change the output's values. One whose
    number of rows alone is used does not. `function` is the `tf.ConcreteFunction` of the graph.
    """
    return _lineage(function, stop=_SHAPE_OPS)


def looked_up_by(function: Any) -> dict[str, list[str]]:
    """For each output the inputs whose values reach it through tables alone, both sorted; no other output."""
    stop = _SHAPE_OPS | _HASH_OPS
    every = _lineage(function, stop=stop, values_only=True)
    directly = _lineage(function, stop=stop | _LOOKUP_OPS | {_EQUAL}, values_only=True)
    tables = {name: sorted({*raw}.difference(directly[name])) for name, raw in every.items()}
    return {name: raw for name, raw in tables.items() if raw}


def computable(function: Any, fed: set[str]) -> list[str]:
    """Names of the outputs that need no input but those in `fed`, not even for its shape; sorted."""
    return [name for name, raw in _lineage(function, stop=frozenset()).items() if fed.issuperset(raw)]


def _lineage(function: Any, stop: frozenset[str], *, values_only: bool = False) -> dict[str, list[str]]:
    """By ops through which nothing is followed; shapes are followed if none of theirs is."""
    inputs = _input_names(function, follow_shapes=not stop, values_only=values_only)
    body, functions = _bodies(function.graph.as_graph_def())
    walk = _Walk(functions, stop)
    return {
        name: sorted(
            {
                inputs[source]
                for tensor in tensors
                for source in walk.sources(body, tensor)
                if source in inputs
            }
        )
        for name, tensors in sorted(_output_tensors(function).items())
    }


def _input_names(function: Any, *, follow_shapes: bool, values_only: bool) -> dict[str, str]:
    """Placeholder name -> input name. A SparseTensor's dense shape counts only where shapes do.

    Args:
      values_only: whether it is left out where values stand, too.
    """
    signature = function.structured_input_signature[0][0]
    flat = iter(function.graph.inputs)
    result = {}
    for name in sorted(signature):
        placeholders = [next(flat) for _ in _components(signature[name])]
        if isinstance(signature[name], tf.SparseTensorSpec) and not follow_shapes:
            placeholders = placeholders[1:2] if values_only else placeholders[:2]
        result.update({placeholder.op.name: name for placeholder in placeholders})
    return result


def _output_tensors(function: Any) -> dict[str, list[str]]:
    outputs = function.structured_outputs
    flat = iter(function.graph.outputs)
    return {name: [next(flat).name for _ in _components(outputs[name])] for name in sorted(outputs)}


def _components(spec: Any) -> list[Any]:
    return list(tf.nest.flatten(spec, expand_composites=True))


@dataclasses.dataclass(frozen=True, eq=False)
class _Body:
    """A graph or a function: its nodes, its arguments and what it returns, by name."""

    nodes: Mapping[str, Any]
    arguments: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    def is_source(self, name: str) -> bool:
        return name in self.arguments or self.nodes[name].op == "Placeholder"

    def has_scalar(self, node: Any) -> bool:
        """Whether one of the node's inputs is a constant of one value."""
        constants = (self.nodes.get(name.split(":", 1)[0]) for name in node.input)
        return any(
            each is not None and each.op == "Const" and not each.attr["value"].tensor.tensor_shape.dim
            for each in constants
        )


def _bodies(graph: Any) -> tuple[_Body, dict[str, _Body]]:
    functions = {
        definition.signature.name: _function_body(definition) for definition in graph.library.function
    }
    return _Body({node.name: node for node in graph.node}), functions


def _function_body(definition: Any) -> _Body:
    signature = definition.signature
    return _Body(
        nodes={node.name: node for node in definition.node_def},
        arguments=tuple(argument.name for argument in signature.input_arg),
        results=tuple(definition.ret[result.name] for result in signature.output_arg),
    )


class _Walk:
    """Walks from tensors to the sources (placeholders, arguments) that they depend on."""

    def __init__(self, functions: Mapping[str, _Body], stop: frozenset[str]) -> None:
        self._functions = functions
        self._stop = stop
        # Memory of results: a function is often called from several places, each for several outputs.
        self._result = functools.cache(self._uncached_result)

    def sources(self, body: _Body, tensor: str) -> set[str]:
        """Names of the placeholders or arguments of `body` that `tensor` depends on."""
        source_names, seen, todo = set(), set(), [tensor]
        while todo:
            tensor = todo.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            name = tensor.split(":", 1)[0]
            if body.is_source(name):
                source_names.add(name)
            elif not self._is_stop(body, body.nodes[name]):
                todo.extend(self._inputs(body.nodes[name], tensor))
        return source_names

    def _is_stop(self, body: _Body, node: Any) -> bool:
        """Of comparisons those of texts with several keys."""
        if node.op != _EQUAL:
            return node.op in self._stop
        return _EQUAL in self._stop and node.attr["T"].type == _TEXT and not body.has_scalar(node)

    def _inputs(self, node: Any, tensor: str) -> Iterable[str]:
        """The node's data inputs that this one output of it depends on; for most ops, all."""
        data = [name for name in node.input if not name.startswith("^")]
        if node.op in _CALL_OPS:
            return self._inputs_through_call(node.attr["f"].func.name, tensor, data)
        if node.op in _IF_OPS:
            branches = [node.attr[branch].func.name for branch in ("then_branch", "else_branch")]
            return [
                data[0],
                *(
                    source
                    for name in branches
                    for source in self._inputs_through_call(name, tensor, data[1:])
                ),
            ]
        return data

    def _inputs_through_call(self, function: str, tensor: str, arguments: list[str]) -> Iterator[str]:
        index = _output_index(tensor)
        return (arguments[position] for position in self._result(function, index))

    def _uncached_result(self, function: str, index: int) -> tuple[int, ...]:
        body = self._functions[function]
        source_names = self.sources(body, body.results[index])
        return tuple(sorted(body.arguments.index(name) for name in source_names if name in body.arguments))

    _result: Callable[[str, int], tuple[int, ...]]


def _output_index(tensor: str) -> int:
    # `node` or `node:2` in a graph, `node:output:2` in a function.
    last = tensor.rsplit(":", 1)[-1]
    return int(last) if last.isdecimal() and ":" in tensor else 0
