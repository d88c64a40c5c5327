"""MergeResults: the partial results of one kind, from all ranges, to its result."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import apache_beam as beam

from transforms.branches.partial import Partial
from transforms.coders import PartialCoder


class MergeResults(beam.CombineFn):
    """A CombineFn of `Partial`s, whose accumulator is their sum: as large as one, however many there are.

    The first is added to, and not copied: with thousands of features a copy takes hundreds of MB.
    """

    def create_accumulator(self) -> Any:
        return None

    def add_input(self, total: Any, element: Any) -> Any:
        return _sum(total, element)

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
