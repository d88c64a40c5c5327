"""Reporting: a step that decodes shows how far it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TypeVar

import apache_beam as beam
from apache_beam.metrics import Metrics

from trueserve.transforms.core import heartbeats
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Element, decoded_of

T = TypeVar("T", bound=Element)


@dataclasses.dataclass
class Counts:
    """Rows decoded and stored bytes read."""

    rows: int = 0
    bytes: int = 0


class Reporting(beam.DoFn):
    """What all steps that decode have in common: they show how far they are."""

    def __init__(self, progress: str | None) -> None:
        self._progress = progress
        self._rows = Metrics.counter(heartbeats.NAMESPACE, "rows")
        self._bytes = Metrics.counter(heartbeats.NAMESPACE, "bytes")

    def report(self, elements: Iterable[T]) -> Iterator[T]:
        """What was read, as it came."""
        for element in elements:
            counts = Counts()
            yield from self.beat([element], counts)
            self.count(counts)

    def beat(self, elements: Iterable[T], counts: Counts) -> Iterator[T]:
        """As `report`, in any thread: what there is to count is added to `counts`."""
        for element in elements:
            if (decoded := decoded_of(element)) is not None:
                counts.rows += decoded.accounting.rows
                counts.bytes += decoded.accounting.bytes
                self._beat(decoded.accounting)
            yield element

    def count(self, counts: Counts) -> None:
        """Adds to Beam's metrics."""
        self._rows.inc(counts.rows)
        self._bytes.inc(counts.bytes)

    def _beat(self, accounting: Accounting) -> None:
        if self._progress is not None:
            heartbeats.heartbeat(self._progress).add(accounting.rows, accounting.bytes)

    def finish_bundle(self) -> None:
        if self._progress is not None:
            heartbeats.heartbeat(self._progress).flush()
