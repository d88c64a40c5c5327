"""Readers run in a pipeline, and what they put out."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import apache_beam as beam

from support.branches import KeepBatches
from support.logs import rows_of
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Batch, Decoded, Fault, Reject

ReadOutput = tuple[list[Batch], list[Reject], list[Fault], Accounting]


class _Keep(beam.DoFn):
    """Keeps elements where the test can see them: the runner is in this process."""

    kept: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, name: str) -> None:
        self._name = name

    def process(self, element: Any) -> None:
        _Keep.kept.setdefault(self._name, []).append(element)


def run(reader: beam.PTransform) -> ReadOutput:
    _Keep.kept.clear()
    options = beam.options.pipeline_options.PipelineOptions(["--direct_running_mode=in_memory"])
    with beam.Pipeline(options=options) as pipeline:
        result = pipeline | reader
        for name, elements in result._asdict().items():
            _ = elements | f"Collect{name}" >> beam.ParDo(_Keep(name))
    batches, rejects, faults, parts = (_Keep.kept.get(name, []) for name in result._fields)
    return batches, sorted(rejects), sorted(faults), total(parts)


def run_branches(source: Any, *steps: Any) -> ReadOutput:
    """What a step found with `KeepBatches` as a branch, besides the results of reading."""
    _Keep.kept.clear()
    KeepBatches.kept.clear()
    options = beam.options.pipeline_options.PipelineOptions(["--direct_running_mode=in_memory"])
    with beam.Pipeline(options=options) as pipeline:
        results = functools.reduce(operator.or_, steps, pipeline | source)
        _ = results | "CollectResults" >> beam.ParDo(_Keep("results"))
    reading = dict(_Keep.kept["results"])[READING]
    return list(KeepBatches.kept), sorted(reading.rejects), sorted(reading.faults), reading.accounting


def all_rows(batches: Sequence[Batch]) -> list[dict[str, list[Any]]]:
    in_order = sorted(batches, key=lambda b: (b.metadata["file"][0].as_py(), b.metadata["record"][0].as_py()))
    return rows_of(Decoded(batch, (), Accounting()) for batch in in_order)
