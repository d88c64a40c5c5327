"""MarkRows: what statistics must know of a row beside its features, before these are transformed."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam

from transforms.core import slicing
from transforms.core.accounting import ODD_RATE, Accounting
from transforms.core.arrow import pa
from transforms.core.batches import METADATA_SCHEMA, Batch
from transforms.core.slicing import Slicing
from transforms.summaries.weighted import odd_rates

_ACCOUNTING = "accounting"
_RATE = METADATA_SCHEMA.get_field_index("sampling_rate")


class MarkedRows(NamedTuple):
    """The PCollections of `MarkRows`.

    Attributes:
      batches: `Batch`, as they came, with the slices of their rows.
      accounting: `Accounting`, one for each batch that has sampling rates which are none.
    """

    batches: beam.PCollection
    accounting: beam.PCollection


@dataclasses.dataclass(eq=False)
class MarkRows(beam.PTransform):
    """`PCollection[Batch]` of raw features to `MarkedRows`.

    Attributes:
      slicings: the slices that are wanted; see `transforms.core.slicing`.
      ignore_sampling_rate: whether all rows are to count the same.
    """

    slicings: tuple[Slicing, ...] = ()
    ignore_sampling_rate: bool = False

    def expand(self, batches: beam.PCollection[Batch]) -> MarkedRows:
        marking = beam.ParDo(_MarkRows(self.slicings, self.ignore_sampling_rate))
        outputs = batches | "Mark" >> marking.with_outputs(_ACCOUNTING, main="batches")
        return MarkedRows(outputs.batches, outputs[_ACCOUNTING])


@beam.typehints.with_input_types(Batch)
@beam.typehints.with_output_types(Batch)
class _MarkRows(beam.DoFn):
    def __init__(self, slicings: tuple[Slicing, ...], ignore_sampling_rate: bool) -> None:
        self._slicings = slicings
        self._ignore = ignore_sampling_rate

    def process(self, batch: Batch) -> Iterator[Any]:
        odd = odd_rates(batch.metadata.column(_RATE))
        if self._ignore:
            batch = without_rates(batch)
        elif odd:
            yield beam.pvalue.TaggedOutput(_ACCOUNTING, Accounting(forms=Counter({ODD_RATE: odd})))
        yield slicing.marked(batch, self._slicings)


def without_rates(batch: Batch) -> Batch:
    """The batch as if the log had no sampling rates."""
    metadata = batch.metadata
    unset = pa.nulls(metadata.num_rows, METADATA_SCHEMA.field(_RATE).type)
    columns = [unset if i == _RATE else column for i, column in enumerate(metadata.columns)]
    return Batch(batch.features, pa.RecordBatch.from_arrays(columns, schema=metadata.schema))
