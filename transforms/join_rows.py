"""JoinRows: two sides of batches, each row with those of the other side that have its key."""

from __future__ import annotations

import dataclasses
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

import trueserve.transforms.coders  # noqa: F401 - registers its coders by being imported
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.joining import expected, outcome
from trueserve.transforms.joining.counts import Joined, RowCounts
from trueserve.transforms.joining.join import join
from trueserve.transforms.joining.piece import Piece, Side
from trueserve.transforms.joining.piece_files import PieceFile
from trueserve.transforms.joining.split import JoinSettings, keyed, split
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.read import ReadResult

# Rows wait for so many bytes of others before they are split: a partition's share of few rows would be tiny.
_HELD_BYTES = 32 << 20
_WITHOUT_KEY = "without_key"
# Elements that are held before they are summed.
_AT_ONCE = 1000


@dataclasses.dataclass(eq=False)
class JoinRows(beam.PTransform):
    """Joins the `ReadResult`s of both sides, and writes what was found to `path` as JSON (`joining.outcome`).

    All that is found goes through one combine: every step of a graph takes its time to build and to start.

    Attributes:
      settings: what is joined by and compared.
      partitions: into how many the rows go; each meets in one worker's memory.
    """

    settings: JoinSettings
    partitions: int
    path: str

    def expand(self, reads: Mapping[Side, ReadResult]) -> Any:
        split = {
            side: read.batches | f"Split{side.name.title()}" >> self._split(side)
            for side, read in reads.items()
        }
        joined = (
            [self._spilled(side, outputs.pieces) for side, outputs in split.items()]
            | "BothSides" >> beam.Flatten()
            | "MeetInPartitions" >> beam.GroupByKey()
            | "JoinPartition" >> beam.ParDo(_Join(self.settings))
        )
        side_outputs = [_side_output(side, read) for side, read in reads.items()]
        return (
            [joined, *(outputs[_WITHOUT_KEY] for outputs in split.values()), *side_outputs]
            | "AllThatWasFound" >> beam.Flatten()
            | "SumFound" >> beam.CombineGlobally(_SumJoined(self.settings.samples))
            | "WriteFound" >> beam.Map(_write_json, self.path)
        )

    def _split(self, side: Side) -> Any:
        return beam.ParDo(_Split(side, self.settings, self.partitions)).with_outputs(
            _WITHOUT_KEY, main="pieces"
        )

    def _spilled(self, side: Side, pieces: Any) -> Any:
        """Files of pieces where all workers reach them; an object store has no file that could grow."""
        if not is_local(self.path):
            return pieces
        return pieces | f"Spill{side.name.title()}" >> beam.ParDo(_Spill(f"{self.path}-partitions"))


def _side_output(side: Side, read: ReadResult) -> Any:
    return (
        [read.accounting, read.rejects, read.faults]
        | f"ReadingOf{side.name.title()}" >> beam.Flatten()
        | f"Mark{side.name.title()}" >> beam.Map(_of_side, side).with_output_types(outcome.SideOutput)
    )


def _of_side(what: Any, side: Side) -> outcome.SideOutput:
    return outcome.SideOutput(side, what)


class _SumJoined(beam.CombineFn):
    """Elements of `joining.outcome`, compacted every so often."""

    def __init__(self, samples: int) -> None:
        super().__init__()
        self._samples = samples

    def create_accumulator(self) -> list[outcome.Element]:
        return []

    def add_input(
        self, accumulator: list[outcome.Element], element: outcome.Element
    ) -> list[outcome.Element]:
        accumulator.append(element)
        return self.compact(accumulator) if len(accumulator) >= _AT_ONCE else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[outcome.Element]]) -> list[outcome.Element]:
        return self.compact([element for part in accumulators for element in part])

    def compact(self, accumulator: list[outcome.Element]) -> list[outcome.Element]:
        return outcome.compact(accumulator, self._samples)

    def extract_output(self, accumulator: list[outcome.Element]) -> dict[str, Any]:
        return outcome.to_json(accumulator, self._samples)


@beam.typehints.with_input_types(Batch)
@beam.typehints.with_output_types(tuple[int, Piece])
class _Split(beam.DoFn):
    """Batches to pieces by partition; never one row at a time."""

    def __init__(self, side: Side, settings: JoinSettings, partitions: int) -> None:
        self._side = side
        self._settings = settings
        self._partitions = partitions

    def start_bundle(self) -> None:
        self._held: list[Piece] = []
        self._bytes = 0

    def process(self, batch: Batch) -> Iterator[Any]:
        piece, missing = keyed(batch, self._side, self._settings)
        if missing:
            name = f"{self._side.name.lower()}_without_key"
            yield beam.pvalue.TaggedOutput(_WITHOUT_KEY, Joined(RowCounts(**{name: missing})))
        if piece is not None:
            self._held.append(piece)
            self._bytes += piece.features.nbytes + piece.keys.nbytes
        if self._bytes >= _HELD_BYTES or self._partitions == 1:
            yield from self._release()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        return _in_global_window(self._release())

    def _release(self) -> Iterator[tuple[int, Piece]]:
        held, self._held, self._bytes = self._held, [], 0
        yield from split(held, self._partitions)


@beam.typehints.with_output_types(tuple[int, PieceFile])
class _Spill(beam.DoFn):
    """Pieces to one file a partition. Each bundle has a folder of its own, as it may be repeated."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def start_bundle(self) -> None:
        self._files: dict[int, PieceFile] = {}
        self._of_bundle = paths.join(self._folder, uuid.uuid4().hex)

    def process(self, element: tuple[int, Piece]) -> None:
        number, piece = element
        if not self._files:
            paths.make_folder(self._of_bundle)
        file = PieceFile(piece.side, paths.join(self._of_bundle, str(number)))
        self._files.setdefault(number, file).append(piece)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        return _in_global_window(self._files.items())


@beam.typehints.with_output_types(Joined)
class _Join(beam.DoFn):
    def __init__(self, settings: JoinSettings) -> None:
        self._settings = settings

    def process(self, element: tuple[int, Iterable[Piece | PieceFile]]) -> Iterator[Joined]:
        parts = (part.read() if isinstance(part, PieceFile) else [part] for part in element[1])
        yield join(itertools.chain.from_iterable(parts), self._settings)


def _in_global_window(elements: Iterable[Any]) -> Iterator[WindowedValue]:
    for element in elements:
        yield WindowedValue(element, MIN_TIMESTAMP, [GlobalWindow()])


@dataclasses.dataclass(eq=False)
class WriteTypes(beam.PTransform):
    """Writes the types of the features of its `Batch`es to `path`, as JSON.

    Attributes:
      key: features of a key, see `joining.expected.types_of`.
    """

    path: str
    key: tuple[str, ...] = ()

    def expand(self, batches: Any) -> Any:
        return (
            batches
            | "FindTypes" >> beam.Map(_types, self.key)
            | "JoinTypes" >> beam.CombineGlobally(expected.together)
            | "Write" >> beam.Map(_write_json, self.path)
        )


def read_joined(path: str) -> dict[str, Any]:
    """What `JoinRows` wrote."""
    joined: dict[str, Any] = json.loads(paths.read_bytes(path))
    return joined


def read_types(path: str) -> expected.Types:
    """What `WriteTypes` wrote."""
    return {name: FeatureType(kind) for name, kind in json.loads(paths.read_bytes(path)).items()}


def _types(batch: Batch, key: tuple[str, ...]) -> expected.Types:
    return expected.types_of(batch.features, key)


def _write_json(content: Mapping[str, Any], path: str) -> None:
    paths.write_atomically(path, json.dumps(content).encode())
