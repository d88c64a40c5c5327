"""The rules on assets: the files of vocabularies, which must be there and be those of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trueserve.transforms.serving.lint.graphs import Graphs
from trueserve.transforms.serving.lint.ops import Remark
from trueserve.transforms.serving.lint.saved_model import SavedModel

if TYPE_CHECKING:
    from trueserve.transforms.baseline.contract import Contract


def remarks(graphs: Graphs, model: SavedModel, contract: Contract | None) -> Iterator[tuple[str, Remark]]:
    """Assets, by file name, that are absent or changed."""
    names = sorted({asset.filename for asset in graphs.meta_graph.asset_file_def})
    digests = {name: model.digest(name) for name in names}
    for name, digest in digests.items():
        if digest is None:
            problem = f"the model reads assets/{name}, which is not in its folder"
            yield (
                name,
                Remark("asset-absent", "error", f"{problem}; copy the whole folder, or export it again"),
            )
    if contract is not None:
        yield from _contract_remarks(contract.digests.assets, digests)


def _contract_remarks(promised: Any, digests: dict[str, str | None]) -> Iterator[tuple[str, Remark]]:
    for name, digest in sorted(promised.items()):
        if digest in _candidate_digests(name, digests) or (name in digests and digests[name] is None):
            continue
        if name in digests:
            problem = f"assets/{name} is not the file that the baseline was made with"
            yield name, Remark("asset-changed", "error", f"{problem}; {_AGAIN}")
        else:
            problem = f"the model has no asset {name}, with which the baseline was made"
            yield name, Remark("asset-absent", "warning", f"{problem}; {_AGAIN}")


def _candidate_digests(name: str, digests: dict[str, str | None]) -> set[str | None]:
    """Digests of the assets that may be this one under another name: TensorFlow numbers names that clash.

    Where none has the name, a vocabulary with the same content is the same vocabulary.
    """
    same = {digest for asset, digest in digests.items() if re.fullmatch(rf"{re.escape(name)}(_\d+)?", asset)}
    return same or set(digests.values())


_AGAIN = "export the model with the baseline's transform graph, or prepare and train anew"
