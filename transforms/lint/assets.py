"""The rules on assets: the files of vocabularies, which must be there and be those of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from transforms.lint.graphs import Graphs
from transforms.lint.ops import Remark
from transforms.lint.saved_model import SavedModel
from transforms.lint.tensors import constant

if TYPE_CHECKING:
    from transforms.baseline.contract import Contract

_FROM_FILE = "InitializeTableFromTextFile"


def remarks(graphs: Graphs, model: SavedModel, contract: Contract | None) -> Iterator[tuple[str, Remark]]:
    """Assets, by file name, that are absent, changed, or read from a place outside of the model."""
    names = sorted({asset.filename for asset in graphs.meta_graph.asset_file_def})
    digests = {name: model.digest(name) for name in names}
    for name, digest in digests.items():
        if digest is None:
            says = f"the model reads assets/{name}, which is not in its folder"
            yield name, Remark("asset-absent", "error", f"{says}; copy the whole folder, or export it again")
    if contract is not None:
        yield from _against(contract.digests.assets, digests)
    yield from _outside(graphs)


def _against(promised: Any, digests: dict[str, str | None]) -> Iterator[tuple[str, Remark]]:
    # A vocabulary under another name is the same vocabulary: TensorFlow renames assets that clash.
    there = set(digests.values())
    for name, digest in sorted(promised.items()):
        if digest in there or (name in digests and digests[name] is None):
            continue
        if name in digests:
            says = f"assets/{name} is not the file that the baseline was made with"
            yield name, Remark("asset-changed", "error", f"{says}; {_AGAIN}")
        else:
            says = f"the model has no asset {name}, with which the baseline was made"
            yield name, Remark("asset-absent", "warning", f"{says}; {_AGAIN}")


_AGAIN = "export the model with the baseline's transform graph, or prepare and train anew"


def _outside(graphs: Graphs) -> Iterator[tuple[str, Remark]]:
    """Tables that are filled from a path which is written into the graph."""
    assets = {asset.tensor_info.name for asset in graphs.meta_graph.asset_file_def}
    for place in sorted(graphs.places(), key=str):
        node, scope = graphs.node(place), graphs.scopes[place.function]
        if not node.op.startswith(_FROM_FILE):
            continue
        for origin in graphs.origins(place.function, scope.inputs(node)[1]):
            if f"{origin.name}:0" not in assets and constant(graphs, origin) is not None:
                says = "a table is filled from a file outside of the model"
                advice = "name it by tf.saved_model.Asset, or the server will not find it"
                yield node.name, Remark("asset-outside", "error", f"{says}; {advice}")
