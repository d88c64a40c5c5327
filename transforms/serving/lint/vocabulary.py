"""The vocabulary rule: does a word that training never saw have an id that nothing else has?

A look-up gives its default for an unknown word. It is room enough if the default is an id of its own, or
if the graph compares the ids with it, as tf.Transform and Keras do to put out-of-vocabulary buckets in its
place. It is not if the default is -1 and goes on as it is, or is the id of a known word.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from trueserve.transforms.serving.lint.constants import constant
from trueserve.transforms.serving.lint.finding import Severity
from trueserve.transforms.serving.lint.graphs import Graphs, NodeId, Ref, Scope, signatures, tensor_names
from trueserve.transforms.serving.lint.ops import Remark
from trueserve.transforms.serving.lint.saved_model import SavedModel

_FIND = frozenset({"LookupTableFind", "LookupTableFindV2"})
_LINE_NUMBER = -1
_INT_TYPES = (3, 9)  # DT_INT32, DT_INT64
# What leaves ids as they are, by the positions of the inputs that they come by; None for any.
_PASS = {
    **dict.fromkeys(("Identity", "IdentityN", "Cast", "ConcatV2", "Pack", "Squeeze", "EnsureShape"), None),
    **dict.fromkeys(("Reshape", "ExpandDims", "Transpose", "Tile", "StridedSlice", "Slice", "Unique"), (0,)),
    **dict.fromkeys(("GatherV2", "GatherNd", "BroadcastTo", "StopGradient", "RaggedTensorToVariant"), (0,)),
    **dict.fromkeys(("Select", "SelectV2"), (1, 2)),
    **dict.fromkeys(("RaggedTensorToTensor", "SparseReorder", "UniqueV2"), (0, 1)),
    **dict.fromkeys(("SparseToDense",), (2,)),
    **dict.fromkeys(("SparseSlice", "SparseFillEmptyRows"), (1,)),
}
_INDEXES = {
    **dict.fromkeys(("Gather", "GatherV2", "GatherNd", "ResourceGather", "ResourceGatherNd"), (1,)),
    **dict.fromkeys(("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"), (1,)),
    **dict.fromkeys(("DenseBincount", "Bincount"), (0,)),
}
_EQUAL = frozenset({"Equal", "NotEqual"})
_ORDER = frozenset({"Less", "LessEqual", "Greater", "GreaterEqual", "Maximum", "Minimum", "ClipByValue"})
_SHIFT = frozenset({"AddV2", "Add", "Sub", "BiasAdd", "FloorMod", "Mod"})
# Lines of a vocabulary that are kept for unknown words.
_RESERVED = re.compile(
    rb"\W*(unk|unknown|oov|out[ _]of[ _]vocab(ulary)?|other|missing|none)?\W*", re.IGNORECASE
)


class _Uses(NamedTuple):
    """What ids go into: nodes that tell the default from the rest, indices, one-hot, anything else."""

    comparisons: set[NodeId]
    wraps: set[NodeId]
    indexes: bool
    one_hot: bool
    others: bool


def remarks(graphs: Graphs, model: SavedModel) -> Iterator[tuple[NodeId, Remark]]:
    """The look-ups that requests run and that have no room for an unknown word."""
    tables = _Tables(graphs, model)
    for node_id in sorted(graphs.served, key=str):
        node = graphs.node(node_id)
        if node.op in _FIND and node.attr["Tout"].type in _INT_TYPES:
            remark = _remark(graphs, tables, node_id, node)
            if remark is not None:
                yield node_id, remark


def _remark(graphs: Graphs, tables: _Tables, node_id: NodeId, node: Any) -> Remark | None:
    scope = graphs.scopes[node_id.function]
    handle, _, default_ref = scope.inputs(node)[:3]
    table = graphs.origins(node_id.function, handle)
    default = _only_value(
        [constant(graphs, origin) for origin in graphs.origins(node_id.function, default_ref)]
    )
    if default is None:
        return None
    vocabulary = tables.vocabulary(table)
    name = f"vocabulary {vocabulary.name}" if vocabulary.name else "look-up table"
    if default >= 0:
        return _shared_id_remark(name) if vocabulary.is_a_words(default) else None
    return _negative_id_remark(name, default, _uses(graphs, node_id, default))


def _only_value(constants: list[list[Any] | None]) -> int | None:
    """The one number that all of these constants are; None if one is unknown or they differ."""
    values = {
        tuple(values_of_constant) if values_of_constant is not None else None
        for values_of_constant in constants
    }
    only = values.pop() if len(values) == 1 else None
    return int(only[0]) if only is not None and len(only) == 1 else None


def _shared_id_remark(name: str) -> Remark:
    problem = f"out-of-vocabulary words get the id of a known word of the {name}"
    return Remark("vocabulary-without-room", "warning", f"{problem}; {_ADVICE}")


def _negative_id_remark(name: str, default: int, uses: _Uses) -> Remark | None:
    if uses.comparisons - uses.wraps:
        return None
    problem, severity = f"out-of-vocabulary words get {default} from the {name}", "warning"
    if uses.indexes:
        problem, severity = (
            f"{problem}; a gather with index {default} fails, or returns the row of a known word",
            "error",
        )
    elif uses.one_hot and not uses.others:
        problem, severity = f"{problem}, which one-hot encoding turns into all zeros", "info"
    return Remark("vocabulary-without-room", _severity(severity), f"{problem}; {_ADVICE}")


def _severity(name: str) -> Severity:
    return "error" if name == "error" else "info" if name == "info" else "warning"


_ADVICE = "give them an id of their own (num_oov_buckets=1)"


def _uses(graphs: Graphs, node_id: NodeId, default: int) -> _Uses:
    """Where the ids of a look-up go, through functions, for as long as they are ids."""
    uses: dict[str, set[NodeId]] = collections.defaultdict(set)
    seen: set[tuple[str | None, Ref]] = set()
    queue = [(node_id.function, Ref(node_id.name, None))]
    while queue:
        state = queue.pop()
        if state in seen:
            continue
        seen.add(state)
        for scope, node, position in graphs.steps(*state):
            follow = list(graphs.into(node, position))
            kind = "call" if follow else _kind(graphs, scope, node, position, default)
            if kind == "pass":
                follow = [(scope.name, Ref(node.name, position if node.op == "IdentityN" else None))]
            uses[kind].add(NodeId(scope.name, node.name))
            queue.extend(follow)
        queue.extend(graphs.out_of(*state))
    comparisons = uses["comparison"]
    wraps = {wrapped for function, ref in seen for wrapped in _wrapped(graphs, function, ref, comparisons)}
    returned = _is_answer(graphs, seen)
    return _Uses(
        comparisons, wraps, bool(uses["index"]), bool(uses["one_hot"]), bool(uses["other"]) or returned
    )


def _kind(graphs: Graphs, scope: Scope, node: Any, position: int, default: int) -> str:
    if position in _INDEXES.get(node.op, ()):
        return "index"
    if node.op in _PASS and (_PASS[node.op] is None or position in (_PASS[node.op] or ())):
        return "pass"
    if node.op == "OneHot":
        return "one_hot"
    if node.op in _EQUAL:
        return (
            "comparison"
            if _is_telling(graphs, scope, scope.inputs(node)[1 - position], default)
            else "ignored"
        )
    return "comparison" if node.op in _ORDER | _SHIFT else "ignored" if _is_of_shape(node) else "other"


def _is_of_shape(node: Any) -> bool:
    return node.op in ("Shape", "Size", "Rank", "ShapeN", "ZerosLike", "OnesLike")


def _is_telling(graphs: Graphs, scope: Scope, other: Ref, default: int) -> bool:
    """Whether a comparison with this tensor tells the default from the words' ids; yes if unknown."""
    known = [constant(graphs, origin) for origin in graphs.origins(scope.name, other)]
    return not known or any(values is None or default in values for values in known)


def _wrapped(graphs: Graphs, function: str | None, ref: Ref, comparisons: set[NodeId]) -> Iterator[NodeId]:
    """The comparison and the sum of `where(ids < 0, ids + size, ids)`: counting from the end.

    It is how Keras reads a negative index, and no care for unknown words: they get the last word's row.
    """
    for scope, node, position in graphs.steps(function, ref):
        if node.op not in ("Select", "SelectV2") or position != 2:
            continue
        less, plus = (NodeId(scope.name, r.name) for r in scope.inputs(node)[:2])
        if {less, plus} <= comparisons and graphs.node(less).op == "Less" and graphs.node(plus).op == "AddV2":
            yield from (less, plus)


def _is_answer(graphs: Graphs, seen: set[tuple[str | None, Ref]]) -> bool:
    """Whether the ids are an output of a signature."""
    outputs = [
        info for signature in signatures(graphs.meta_graph).values() for info in signature.outputs.values()
    ]
    refs = [graphs.scopes[None].ref(name) for info in outputs for name in tensor_names(info)]
    return any((None, Ref(ref.name, output)) in seen for ref in refs for output in (ref.output, None))


class _Vocabulary(NamedTuple):
    """What a table holds, as far as the files and the graph tell: `ids` maps an id to its word."""

    name: str
    ids: dict[int, bytes]

    def is_a_words(self, default: int) -> bool:
        """Whether this is the id of a word, and not of a line that is kept for unknown words."""
        return default in self.ids and not _RESERVED.fullmatch(self.ids[default])


class _Tables:
    """The tables of a model, by the nodes that make them."""

    def __init__(self, graphs: Graphs, model: SavedModel) -> None:
        self._graphs = graphs
        self._model = model
        self._assets = {
            graphs.scopes[None].ref(asset.tensor_info.name).name: asset.filename
            for asset in graphs.meta_graph.asset_file_def
        }

    def vocabulary(self, table: set[NodeId]) -> _Vocabulary:
        """What the table is filled with, empty if that cannot be told."""
        vocabularies = [
            self._filled(node_id) for node_id in self._fillers() if table & self._table_of(node_id)
        ]
        known = [vocabulary for vocabulary in vocabularies if vocabulary.name or vocabulary.ids]
        return known[0] if known else _Vocabulary("", {})

    def _fillers(self) -> Iterator[NodeId]:
        prefixes = ("InitializeTable", "LookupTableImport")
        yield from (p for p in self._graphs.node_ids() if self._graphs.node(p).op.startswith(prefixes))

    def _table_of(self, node_id: NodeId) -> set[NodeId]:
        scope = self._graphs.scopes[node_id.function]
        return self._graphs.origins(node_id.function, scope.inputs(self._graphs.node(node_id))[0])

    def _filled(self, node_id: NodeId) -> _Vocabulary:
        node, scope = self._graphs.node(node_id), self._graphs.scopes[node_id.function]
        sources = [self._graphs.origins(node_id.function, ref) for ref in scope.inputs(node)[1:]]
        if node.op.startswith("InitializeTableFromTextFile"):
            names = [
                self._assets[p.name] for p in sources[0] if p.function is None and p.name in self._assets
            ]
            return self._from_file(node, names[0]) if names else _Vocabulary("", {})
        constants = [constant(self._graphs, node_id) for origins in sources for node_id in origins]
        if len(constants) != 2 or any(values is None for values in constants):
            return _Vocabulary("", {})
        keys, values = constants
        return _Vocabulary("", dict(zip(values or [], [str(k).encode() for k in keys or []], strict=False)))

    def _from_file(self, node: Any, name: str) -> _Vocabulary:
        content = self._model.asset(name)
        if content is None or node.attr["value_index"].i != _LINE_NUMBER:
            return _Vocabulary(name, {})
        lines = content.split(b"\n")[: -1 if content.endswith(b"\n") else None]
        return _Vocabulary(name, dict(enumerate(lines, node.attr["offset"].i)))
