"""ApplyTransformGraph: record batches through the exported transform graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils import shared

from transforms import paths
from transforms.transform_graph import TransformGraph


@dataclasses.dataclass(eq=False)
class ApplyTransformGraph(beam.PTransform):  # type: ignore[misc]
    """`PCollection[pa.RecordBatch]` of raw features to one of transformed features.

    Each batch gives one batch with as many rows in the same order; see `TransformGraph.apply`.

    Attributes:
      transform_output: folder in the layout of `tft.TFTransformOutput`, on any file system that the
        workers reach. Each process fetches and loads it once.
    """

    transform_output: str

    def expand(self, batches: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[pa.RecordBatch]:
        return batches | "Apply" >> beam.ParDo(_ApplyTransformGraph(self.transform_output))


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class _ApplyTransformGraph(beam.DoFn):  # type: ignore[misc]
    def __init__(self, transform_output: str) -> None:
        self._transform_output = transform_output
        self._shared = shared.Shared()
        self._graph: TransformGraph | None = None

    def setup(self) -> None:
        self._graph = self._shared.acquire(self._load)

    def _load(self) -> TransformGraph:
        # Loading reads all that is needed, the vocabularies too, so a fetched copy may go at once.
        with paths.local_copy(self._transform_output) as folder:
            return TransformGraph(folder)

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        assert self._graph is not None
        yield self._graph.apply(batch)
