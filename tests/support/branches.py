"""Branches run over ranges, whose partial results are encoded, decoded and merged as a runner does it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from trueserve.transforms.branches.branch import Branch, PartialResults, examine
from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.coders import PartialCoder
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Batch, Decoded, Fault
from trueserve.transforms.merge_results import MergeResults

#: The kinds of result that `validate` has of raw and transformed features.
OF_BOTH_SPACES = {
    (f"{space}{suffix}", 0) for space in ("raw", "transformed") for suffix in ("", "-requests")
} | {("rows", 0)}


class KeepBatches(Branch):
    """Keeps the batches that it gets, where the test can see them: everything is in this process."""

    kept: ClassVar[list[Batch]] = []

    def start(self) -> None:
        pass

    def add(self, batch: Batch) -> None:
        KeepBatches.kept.append(batch)

    def result(self) -> PartialResults:
        yield from ()


def decoded(batches: Iterable[Batch]) -> list[Decoded | Fault]:
    """A range that is these batches."""
    return [Decoded(batch, (), Accounting()) for batch in batches]


def results(branches: Sequence[Branch], *ranges: Iterable[Decoded | Fault]) -> dict[Kind, Any]:
    """What the branches find out about all ranges together, by kind."""
    coder, combine = PartialCoder(), MergeResults()
    partials: dict[Kind, list[Partial]] = {}
    for elements in ranges:
        for kind, partial in examine(elements, branches):
            partials.setdefault(kind, []).append(coder.decode(coder.encode(partial)))
    totals = {
        kind: functools.reduce(combine.add_input, parts, combine.create_accumulator())
        for kind, parts in partials.items()
    }
    return {kind: combine.extract_output(total) for kind, total in totals.items()}
