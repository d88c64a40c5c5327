"""ApplyTransformGraph: batches through the exported transform graph."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.utils import shared

from transforms.baseline.contents import Contents
from transforms.baseline.layout import TRANSFORM_OUTPUT
from transforms.core.accounting import UNTRANSFORMABLE, Accounting
from transforms.core.batches import Batch
from transforms.files import paths
from transforms.graph.transform_graph import TransformGraph

_ACCOUNTING = "accounting"


class TransformedRows(NamedTuple):
    """The PCollections of `ApplyTransformGraph`.

    Attributes:
      batches: `Batch` of transformed features, with the metadata that their rows had.
      accounting: `Accounting`, one for each batch of which the graph refused rows.
    """

    batches: beam.PCollection
    accounting: beam.PCollection


@dataclasses.dataclass(eq=False)
class ApplyTransformGraph(beam.PTransform):
    """`PCollection[Batch]` of raw features to `TransformedRows`.

    Each batch gives one batch with as many rows in the same order; see `TransformGraph.apply`. Rows that the
    graph refuses have no outputs, and are counted.

    Attributes:
      transform_output: folder in the layout of `tft.TFTransformOutput`, on any file system that the
        workers reach. Each process fetches and loads it once.
      contents: the files of the baseline that the graph is part of, which each process verifies; None where
        it is in no baseline yet.
    """

    transform_output: str
    contents: Contents | None = None

    def expand(self, batches: beam.PCollection[Batch]) -> TransformedRows:
        applying = beam.ParDo(_ApplyTransformGraph(self.transform_output, self.contents))
        outputs = batches | "Apply" >> applying.with_outputs(_ACCOUNTING, main="batches")
        return TransformedRows(outputs.batches, outputs[_ACCOUNTING])


@beam.typehints.with_input_types(Batch)
@beam.typehints.with_output_types(Batch)
class _ApplyTransformGraph(beam.DoFn):
    def __init__(self, transform_output: str, contents: Contents | None) -> None:
        self._transform_output = transform_output
        self._contents = contents
        self._shared = shared.Shared()
        self._graph: TransformGraph | None = None

    def setup(self) -> None:
        self._graph = self._shared.acquire(self._load)

    def _load(self) -> TransformGraph:
        # Loading reads all that is needed, the vocabularies too, so a fetched copy may go at once.
        with self._fetched() as folder:
            return TransformGraph(folder)

    def _fetched(self) -> AbstractContextManager[str]:
        if self._contents is None:
            return paths.local_copy(self._transform_output)
        return self._contents.local(TRANSFORM_OUTPUT)

    def process(self, batch: Batch) -> Iterator[Any]:
        assert self._graph is not None
        rows, num_refused = self._graph.transform_rows(batch.features)
        if num_refused:
            yield beam.pvalue.TaggedOutput(
                _ACCOUNTING, Accounting(forms=Counter({UNTRANSFORMABLE: num_refused}))
            )
        yield Batch(rows, batch.metadata)
