"""MergeByKind: the partial results of each kind, from all ranges, to its result."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner

from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.coders import PartialCoder


class MergeByKind(beam.PTransform):
    """Merges what ranges gave. (kind, Partial) -> (kind, result), one element of each kind.

    Beam's runner for Dask encodes no elements: a step that runs again after a worker was lost may get the
    same objects again, and another job on the same files may, too. Merging changes objects, so what they get
    are bytes there. They are merged in the order of the ranges, as in one process: quantiles of many values
    depend on it.
    """

    def expand(self, partials: beam.PCollection[tuple[Kind, Partial]]) -> beam.PCollection[tuple[Kind, Any]]:
        if not isinstance(partials.pipeline.runner, BundleBasedDirectRunner):
            return partials | "MergeResults" >> beam.CombinePerKey(MergeResults())
        # Dask names results by what made them. With a name of its own no job takes another's.
        encode = beam.Map(_encode, uuid.uuid4().hex).with_output_types(tuple[Kind, bytes])
        encoded = partials | "Encode" >> encode
        return encoded | "GroupByKind" >> beam.GroupByKey() | "MergeResults" >> beam.MapTuple(_merged)


class MergeResults(beam.CombineFn):
    """A CombineFn of `Partial`s, whose accumulator is their sum: as large as one, however many there are.

    The first is added to, and not copied: with thousands of features a copy takes hundreds of MB. Elements
    that are bytes, as `PartialCoder` writes them, stay as they are.
    """

    def create_accumulator(self) -> Any:
        return None

    def add_input(self, total: Any, element: Any) -> Any:
        return _sum(total, PartialCoder().decode(element) if isinstance(element, bytes) else element)

    def merge_accumulators(self, totals: Iterable[Any]) -> Any:
        return functools.reduce(_sum, totals, None)

    def extract_output(self, total: Partial) -> Any:
        return total.result()

    def get_accumulator_coder(self) -> PartialCoder:
        return PartialCoder()


def _sum(total: Partial | None, partial: Partial | None) -> Partial | None:
    if total is None or partial is None:
        return partial if total is None else total
    total.merge(partial)
    return total


def _encode(element: tuple[Kind, Partial], _job: str) -> tuple[Kind, bytes]:
    kind, partial = element
    return kind, PartialCoder().encode(partial)


def _merged(kind: Kind, encoded: Iterable[bytes]) -> tuple[Kind, Any]:
    combine = MergeResults()
    return kind, combine.extract_output(combine.add_inputs(None, encoded))
