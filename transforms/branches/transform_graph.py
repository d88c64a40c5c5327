"""The exported transform graph, and what is found out about the rows that it gives."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from trueserve.transforms.baseline.contents import Contents
from trueserve.transforms.baseline.layout import TRANSFORM_OUTPUT
from trueserve.transforms.branches.branch import Branch, Fork
from trueserve.transforms.branches.load_once import LoadOnce
from trueserve.transforms.core.accounting import UNTRANSFORMABLE
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.first_import import import_once
from trueserve.transforms.files import paths


class Transformed(Fork):
    """Raw features through the graph, once a batch, for several branches. Rows that it refuses are counted.

    A batch stays one of as many rows in the same order; see `TransformGraph.apply`.

    Attributes:
      transform_output: folder in the layout of `tft.TFTransformOutput`, on any file system that the
        workers reach. Each process fetches and loads it once.
      contents: the files of the baseline that the graph is part of, which each process verifies; None where
        it is in no baseline yet.
    """

    def __init__(
        self, transform_output: str, contents: Contents | None, branches: Sequence[Branch] = ()
    ) -> None:
        super().__init__(branches)
        self._graph = LoadOnce(functools.partial(_load, transform_output, contents))

    def add(self, batch: Batch) -> None:
        rows, num_refused = self._graph.get().transform_rows(batch.features)
        self.forms[UNTRANSFORMABLE] += num_refused
        super().add(Batch(rows, batch.metadata))


def _load(transform_output: str, contents: Contents | None) -> Any:
    # It imports TensorFlow, which only a process that runs the graph needs.
    transform_graph = import_once("trueserve.transforms.graph.transform_graph")
    # Loading reads all that is needed, the vocabularies too, so a fetched copy may go at once.
    with contents.local(TRANSFORM_OUTPUT) if contents else paths.local_copy(transform_output) as folder:
        return transform_graph.TransformGraph(folder)
