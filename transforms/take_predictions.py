"""TakePredictions: logged answers as rows of their own, whose statistics are computed as all others are."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam

from transforms.core.accounting import Accounting, of_answers
from transforms.core.batches import Batch
from transforms.predictions.logged import logged_columns
from transforms.predictions.outputs import Output

_ACCOUNTING = "accounting"


class Predicted(NamedTuple):
    """The PCollections of `TakePredictions`.

    Attributes:
      batches: `Batch` of predictions, with the metadata that their rows had.
      accounting: `Accounting`, one for each batch with rows that have no prediction; `answers_of` reads it.
    """

    batches: beam.PCollection
    accounting: beam.PCollection


@dataclasses.dataclass(eq=False)
class TakePredictions(beam.PTransform):
    """`PCollection[Batch]`, read with `Settings.responses`, to `Predicted`: as many rows in the same order.

    Attributes:
      outputs: those of the model that is taken to have answered.
    """

    outputs: tuple[Output, ...]

    def expand(self, batches: beam.PCollection[Batch]) -> Predicted:
        taking = beam.ParDo(_Take(self.outputs))
        outputs = batches | "Take" >> taking.with_outputs(_ACCOUNTING, main="batches")
        return Predicted(outputs.batches, outputs[_ACCOUNTING])


@beam.typehints.with_input_types(Batch)
@beam.typehints.with_output_types(Batch)
class _Take(beam.DoFn):
    def __init__(self, outputs: tuple[Output, ...]) -> None:
        super().__init__()
        self._outputs = outputs

    def process(self, batch: Batch) -> Iterator[Any]:
        features, reasons = logged_columns(batch.metadata, self._outputs)
        if reasons:
            counted = Counter({of_answers(reason): rows for reason, rows in reasons.items()})
            yield beam.pvalue.TaggedOutput(_ACCOUNTING, Accounting(forms=counted))
        yield Batch(features, batch.metadata)
