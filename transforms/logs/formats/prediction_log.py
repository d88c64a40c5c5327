"""TFRecords of PredictionLog: blocks of serialized requests to rows.

Requests to predict, to classify and to regress that carry tf.Examples in the usual form are parsed by
compiled code, straight from the block; all others by way of the protobuf classes
(`logs.tensors.prediction_log_kinds`), and so are all where answers are wanted.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from transforms.columnar import names as nm
from transforms.columnar import request_scan as rs
from transforms.columnar.example_parser import ExampleParser, Parsed
from transforms.columnar.framing import Array, Block
from transforms.core.arrow import pa, pc
from transforms.core.batches import Decoded
from transforms.logs.features import Settings
from transforms.logs.rows.rows import Counts, Finisher, Place, Rows, metadata_of, renumbered
from transforms.logs.rows.times import times_of_micros
from transforms.logs.rows.warm_ups import WARM_UP, fingerprints_of, is_warm_up_file
from transforms.logs.tensors.parsed_prediction_log import ParsedLogDecoder
from transforms.logs.tensors.prediction_log_kinds import EXAMPLE_INPUTS

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
        if is_warm_up_file(place.file):
            excluded = Counter({WARM_UP: len(block)})
            yield self._finisher.finish(None, (), Counts(len(block), excluded=excluded))
            return
        others = np.arange(len(block))
        if not self._settings.responses:
            found, others = self._find(block)
            parts = list(self._parser.parse(found.examples)) if len(found.records) else []
            bad = np.unique(found.owners[[index for part in parts for index in part.bad]])
            yield from self._decode_examples(found, parts, bad, place)
            # The protobuf classes say what is wrong with them.
            others = np.union1d(others, found.records[bad]) if len(bad) else others
        if len(others):
            records = [block.record(int(i)) for i in others]
            for decoded in self._careful.decode(records, Place(place.file, 0)):
                yield renumbered(decoded, others + place.first_record)

    def _find(self, block: Block) -> tuple[_Found, Array]:
        if self._names.used[0] > _MAX_NAMES:
            self._names = nm.new_names(64, 4096)
        found = self._scan(block)
        predict = found.notes[:, rs.MORE + 2] > 0
        usual = found.usual & (~predict | self._carrying()[found.notes[:, 1]])
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

    def _decode_examples(
        self, found: _Found, parts: Sequence[Parsed], bad: Array, place: Place
    ) -> Iterator[Decoded]:
        """What there is of the records that are found, but for the `bad` ones."""
        if len(found.records) == len(bad):
            return
        sizes = np.bincount(found.owners, minlength=len(found.records))
        warm = self._warm_ups(found, sizes)
        warm[bad] = False
        good = ~warm
        good[bad] = False
        without_rows = int((good & (sizes == 0)).sum())
        counts = Counts(len(good) - len(bad), without_rows, +Counter({WARM_UP: int(warm.sum())}))
        metadata = self._metadata(found, place)
        all_rows: list[Rows | None] = [_rows(part, found, good, metadata, place.file) for part in parts]
        for rows in all_rows or [None]:
            yield self._finisher.finish(rows, (), counts)
            counts = Counts(0)

    def _warm_ups(self, found: _Found, sizes: Array) -> Array:
        """Which of the records are requests that `export` wrote."""
        result = np.zeros(len(found.records), bool)
        predict, answered = found.notes[:, rs.MORE + 2], found.notes[:, rs.MORE + 3]
        quiet = np.flatnonzero((found.notes[:, 0] == 0) & (predict > 0) & (answered == 0))
        if self._settings.warm_ups and len(quiet):
            ends = np.cumsum(sizes)
            requests = np.stack([ends - sizes, ends], axis=1)[quiet]
            known = np.array(list(self._settings.warm_ups), np.uint64)
            result[quiet] = np.isin(fingerprints_of(found.examples, requests), known)
        return result

    def _metadata(self, found: _Found, place: Place) -> dict[str, pa.Array]:
        """Columns of a value for each record."""
        notes = found.notes
        specs = notes[:, 2 : rs.MORE].reshape(len(notes), rs.SPECS, 5)
        texts = pa.array([None, *self._texts()], pa.string())
        seconds = np.minimum(notes[:, 0], _LAST_SECOND)
        columns = {
            "time": times_of_micros(seconds * 1_000_000),
            "record": pa.array(found.records + place.first_record, pa.int64()),
            "model": texts.take(pa.array(_first(specs[:, :, 0]))),
            "version": _versions(specs, texts),
            "signature": texts.take(pa.array(_first(specs[:, :, 4]))),
        }
        if (rates := _rates(notes[:, rs.MORE])) is not None:
            columns["sampling_rate"] = rates
        if (origins := notes[:, rs.MORE + 1]).any():
            columns["origin"] = texts.take(pa.array(origins))
        return columns


def _new_requests(count: int) -> rs.Requests:
    return rs.Requests(
        notes=np.zeros((count, rs.NOTED), np.int64),
        usual=np.zeros(count, bool),
        first=np.zeros(count + 1, np.int64),
        starts=np.empty(count, np.int64),
        ends=np.empty(count, np.int64),
        total=np.zeros(1, np.int64),
    )


def _rows(part: Parsed, found: _Found, good: Array, metadata: Mapping[str, pa.Array], file: str) -> Rows:
    """The rows of those examples whose whole request is good."""
    owners = found.owners[part.records]
    columns = metadata_of(len(owners), file, **_of_rows(metadata, owners, len(good)))
    return Rows(part.columns, columns).keep(good[owners])


def _of_rows(columns: Mapping[str, pa.Array], owners: Array, records: int) -> dict[str, pa.Array]:
    """From a value for each record, a value for each row."""
    if len(owners) == records and (owners == np.arange(records)).all():
        return dict(columns)  # most logs have one row a request
    of_row = pa.array(owners)
    return {name: column.take(of_row) for name, column in columns.items()}


def _rates(bits: Array) -> pa.Array | None:
    """Sampling rates by the bits of each; None where there is none above 0 and up to 1."""
    if not bits.any():
        return None
    rates = np.ascontiguousarray(bits).view(np.float64)
    return pa.array(rates, mask=~((rates > 0) & (rates <= 1)))


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
