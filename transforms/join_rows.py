"""JoinRows: two sides of batches, each row with those of the other side that have its key."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from transforms import paths
from transforms.coders import PieceCoder as PieceCoder  # noqa: PLC0414 - registered by being imported
from transforms.joining import counts, expected, report
from transforms.joining.counts import Joined, RowCounts
from transforms.joining.join import join
from transforms.joining.piece import Piece, Side
from transforms.joining.split import Comparison, keyed, split
from transforms.logs.features import FeatureType
from transforms.records import Batch

# Rows wait for so many bytes of others before they are split: a partition's share of few rows would be tiny.
_HELD_BYTES = 32 << 20
_WITHOUT_KEY = "without_key"


@dataclasses.dataclass(eq=False)
class JoinRows(beam.PTransform):  # type: ignore[misc]
    """`{Side: PCollection[Batch]}` of both sides to one `Joined`.

    Attributes:
      comparison: what is joined by and compared.
      partitions: into how many the rows go; each meets in one worker's memory.
    """

    comparison: Comparison
    partitions: int

    def expand(self, sides: Mapping[Side, Any]) -> Any:
        pieces, found = [], []
        for side, batches in sides.items():
            splitting = beam.ParDo(_Split(side, self.comparison, self.partitions))
            outputs = batches | f"Split{side.name.title()}" >> splitting.with_outputs(
                _WITHOUT_KEY, main="pieces"
            )
            pieces.append(outputs.pieces)
            found.append(outputs[_WITHOUT_KEY])
        joined = (
            pieces
            | "BothSides" >> beam.Flatten()
            | "MeetInPartitions" >> beam.GroupByKey()
            | "JoinPartition" >> beam.ParDo(_Join(self.comparison))
        )
        together = beam.CombineGlobally(counts.total, samples=self.comparison.samples)
        return [joined, *found] | "AllPartitions" >> beam.Flatten() | "SumJoined" >> together


@beam.typehints.with_input_types(Batch)
@beam.typehints.with_output_types(tuple[int, Piece])
class _Split(beam.DoFn):  # type: ignore[misc]
    """Batches to pieces by partition; never one row at a time."""

    def __init__(self, side: Side, comparison: Comparison, partitions: int) -> None:
        self._side = side
        self._comparison = comparison
        self._partitions = partitions

    def start_bundle(self) -> None:
        self._held: list[Piece] = []
        self._bytes = 0

    def process(self, batch: Batch) -> Iterator[Any]:
        piece, missing = keyed(batch, self._side, self._comparison)
        if missing:
            name = f"{self._side.name.lower()}_without_key"
            yield beam.pvalue.TaggedOutput(_WITHOUT_KEY, Joined(RowCounts(**{name: missing})))
        if piece is not None:
            self._held.append(piece)
            self._bytes += piece.features.nbytes + piece.keys.nbytes
        if self._bytes >= _HELD_BYTES or self._partitions == 1:
            yield from self._release()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for element in self._release():
            yield WindowedValue(element, MIN_TIMESTAMP, [GlobalWindow()])

    def _release(self) -> Iterator[tuple[int, Piece]]:
        held, self._held, self._bytes = self._held, [], 0
        yield from split(held, self._partitions)


@beam.typehints.with_output_types(Joined)
class _Join(beam.DoFn):  # type: ignore[misc]
    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def process(self, element: tuple[int, Iterable[Piece]]) -> Iterator[Joined]:
        yield join(element[1], self._comparison)


@dataclasses.dataclass(eq=False)
class WriteFound(beam.PTransform):  # type: ignore[misc]
    """Writes the one `Joined` of its input to `path`, as JSON (`joining.report.found`)."""

    path: str

    def expand(self, joined: Any) -> Any:
        return joined | "Write" >> beam.Map(_write_found, self.path)


@dataclasses.dataclass(eq=False)
class WriteTypes(beam.PTransform):  # type: ignore[misc]
    """Writes the types of the features of its `Batch`es to `path`, as JSON."""

    path: str

    def expand(self, batches: Any) -> Any:
        return (
            batches
            | "FindTypes" >> beam.Map(_types)
            | "JoinTypes" >> beam.CombineGlobally(expected.together)
            | "Write" >> beam.Map(_write_types, self.path)
        )


def read_found(path: str) -> dict[str, Any]:
    """What `WriteFound` wrote."""
    found: dict[str, Any] = json.loads(paths.read_bytes(path))
    return found


def read_types(path: str) -> expected.Types:
    """What `WriteTypes` wrote."""
    return {name: FeatureType(kind) for name, kind in json.loads(paths.read_bytes(path)).items()}


def _write_found(joined: Joined, path: str) -> None:
    paths.write_atomically(path, json.dumps(report.found(joined)).encode())


def _types(batch: Batch) -> expected.Types:
    return expected.types_of(batch.features)


def _write_types(types: expected.Types, path: str) -> None:
    paths.write_atomically(path, json.dumps(types).encode())
