"""TFRecords of PredictionLog: blocks of serialized requests to rows.

Requests that carry tf.Examples in the usual form are parsed by compiled code, straight from the block; all
others by way of the protobuf classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import names as nm
from transforms.columnar import request_scan as rs
from transforms.columnar.example_parser import ExampleParser, Parsed
from transforms.columnar.framing import Array, Block
from transforms.logs.features import Settings
from transforms.logs.parsed_prediction_log import EXAMPLE_INPUTS, ParsedLogDecoder
from transforms.logs.rows import Counts, Finisher, Place, Rows, metadata_of, rejected, renumbered
from transforms.logs.tf_example import NOT_AN_EXAMPLE
from transforms.logs.times import times_of_micros
from transforms.records import Decoded, Reject

_BAD_INPUT = "an input of serialized tf.Examples holds one that does not parse"
_LAST_SECOND = 10**12  # far past the year 9999; what is later is no time, and must not overflow
_MAX_NAMES = 1 << 16


@dataclasses.dataclass(frozen=True)
class _Found:
    """The usual records of a block: their positions, what is noted of each, and whose each example is."""

    records: Array
    notes: Array
    examples: Block
    owners: Array


class PredictionLogDecoder:
    """Decodes blocks of PredictionLogs. Not thread-safe: one for each thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known = frozenset(settings.expected.types) if settings.expected else frozenset()
        self._parser = ExampleParser()
        self._finisher = Finisher(settings)
        self._careful = ParsedLogDecoder(settings, self._finisher)
        self._names = nm.new_names(64, 4096)
        self._stack = np.zeros((16, 3), np.int64)
        self._scratch = np.zeros((rs.NOTES, 2), np.int64)

    def decode(self, block: Block, place: Place) -> Iterator[Decoded]:
        """`Decoded`s: first of the requests that carry examples in the usual form, then of all others.

        Raises TypeConflictError where there is no schema and a feature's type changes.
        """
        found, others = self._find(block)
        if len(found.records):
            yield from self._decode_examples(found, block, place)
        if len(others):
            records = [block.record(int(i)) for i in others]
            for decoded in self._careful.decode(records, Place(place.file, 0)):
                yield renumbered(decoded, others + place.first_record)

    def _find(self, block: Block) -> tuple[_Found, Array]:
        if self._names.used[0] > _MAX_NAMES:
            self._names = nm.new_names(64, 4096)
        found = self._scan(block)
        usual = found.usual & self._carrying()[found.notes[:, 1]]
        records = np.flatnonzero(usual)
        sizes = np.diff(found.first)
        of_usual = np.repeat(usual, sizes)
        count = int(found.total[0])
        examples = Block(block.data, found.starts[:count][of_usual], found.ends[:count][of_usual])
        owners = np.repeat(np.arange(len(records)), sizes[records])
        return _Found(records, found.notes[records], examples, owners), np.flatnonzero(~usual)

    def _scan(self, block: Block) -> rs.Requests:
        found, done, state = _new_requests(len(block)), 0, rs.MORE_EXAMPLES
        while state != rs.DONE:
            args = (rs.RULES, self._stack, self._scratch, self._names, found)
            done, state, size = rs.find_examples(block.data, block.starts, block.ends, done, *args)
            if state == rs.MORE_NAMES:
                self._names = nm.grown(self._names, size)
            elif state == rs.MORE_EXAMPLES:
                room = np.empty(max(len(block), len(found.starts)), np.int64)
                more = {name: np.append(getattr(found, name), room) for name in ("starts", "ends")}
                found = found._replace(**more)
        return found

    def _carrying(self) -> Array:
        """By number of its name plus one (0 for an empty one), whether an input carries examples."""
        names = ["", *self._texts()]
        return np.array([n not in self._known if self._known else n in EXAMPLE_INPUTS for n in names], bool)

    def _texts(self) -> list[str]:
        return [nm.name_of(self._names, i).decode() for i in range(int(self._names.used[0]))]

    def _decode_examples(self, found: _Found, block: Block, place: Place) -> Iterator[Decoded]:
        parts = list(self._parser.parse(found.examples))
        bad = np.unique(found.owners[[index for part in parts for index in part.bad]])
        good = np.ones(len(found.records), bool)
        good[bad] = False
        rejects = [self._reject(block, place, int(found.records[owner])) for owner in bad]
        without_rows = int((good & (np.bincount(found.owners, minlength=len(good)) == 0)).sum())
        read = len(found.records)
        all_rows: list[Rows | None] = [self._rows(part, found, good, place) for part in parts]
        for rows in all_rows or [None]:
            yield self._finisher.finish(rows, rejects, Counts(read, without_rows))
            read, without_rows, rejects = 0, 0, []

    def _rows(self, part: Parsed, found: _Found, good: Array, place: Place) -> Rows:
        owners = found.owners[part.records]
        return Rows(part.columns, self._metadata(found, owners, place)).keep(good[owners])

    def _reject(self, block: Block, place: Place, index: int) -> Reject:
        payload = block.record(index) if self._settings.keep_payloads else None
        return rejected(place, index, NOT_AN_EXAMPLE, _BAD_INPUT, payload)

    def _metadata(self, found: _Found, owners: Array, place: Place) -> pa.RecordBatch:
        notes = found.notes[owners]
        specs = notes[:, 2:].reshape(len(notes), rs.SPECS, 5)
        texts = pa.array([None, *self._texts()], pa.string())
        seconds = np.minimum(notes[:, 0], _LAST_SECOND)
        return metadata_of(
            len(owners),
            place.file,
            time=times_of_micros(seconds * 1_000_000),
            record=pa.array(found.records[owners] + place.first_record, pa.int64()),
            model=texts.take(pa.array(_first(specs[:, :, 0]))),
            version=_versions(specs, texts),
            signature=texts.take(pa.array(_first(specs[:, :, 4]))),
        )


def _new_requests(count: int) -> rs.Requests:
    return rs.Requests(
        notes=np.zeros((count, rs.NOTED), np.int64),
        usual=np.zeros(count, bool),
        first=np.zeros(count + 1, np.int64),
        starts=np.empty(count, np.int64),
        ends=np.empty(count, np.int64),
        total=np.zeros(1, np.int64),
    )


def _first(numbers: Array) -> Array:
    """Of each row the first number that is not zero; zero if there is none."""
    first: Array = numbers[np.arange(len(numbers)), (numbers != 0).argmax(axis=1)]
    return first


def _versions(specs: Array, texts: pa.Array) -> pa.Array:
    """Of each row the version, or version label, of the first spec that has one."""
    has = (specs[:, :, 1] != 0) | (specs[:, :, 3] != 0)
    chosen = specs[np.arange(len(specs)), has.argmax(axis=1)]
    numbers, of_row = np.unique(chosen[:, 2], return_inverse=True)
    known = pa.array([str(number) for number in numbers], pa.string()).take(pa.array(of_row))
    labels = texts.take(pa.array(chosen[:, 3]))
    return pc.if_else(pa.array(chosen[:, 1] != 0), known, labels)
