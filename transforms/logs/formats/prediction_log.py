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

from trueserve.transforms.columnar import request_scan as rs
from trueserve.transforms.columnar.examples import names as nm
from trueserve.transforms.columnar.examples.example_parser import ExampleParser, Parsed
from trueserve.transforms.columnar.framing import Array, Block
from trueserve.transforms.columnar.prediction_log_fields import NOTES, RULES, SPECS
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.rows.rows import (
    Counts,
    DecodedRows,
    Finisher,
    RecordPosition,
    metadata_of,
    renumbered,
)
from trueserve.transforms.logs.rows.times import times_of_micros
from trueserve.transforms.logs.rows.warm_ups import WARM_UP, fingerprints_of, is_warm_up_file
from trueserve.transforms.logs.tensors.parsed_prediction_log import ParsedLogDecoder
from trueserve.transforms.logs.tensors.prediction_log_kinds import EXAMPLE_INPUTS

_LAST_SECOND = 10**12  # far past the year 9999; what is later is no time, and must not overflow
_MAX_NAMES = 1 << 16


@dataclasses.dataclass(frozen=True)
class _ScannedRequests:
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
        self._parsing_decoder = ParsedLogDecoder(settings, self._finisher)
        self._names = nm.new_names(64, 4096)
        self._stack = np.zeros((16, 3), np.int64)
        self._scratch = np.zeros((NOTES, 2), np.int64)

    def decode(self, block: Block, position: RecordPosition) -> Iterator[Decoded]:
        """`Decoded`s: first of the requests that carry examples in the usual form, then of all others.

        Raises TypeConflictError where there is no schema and a feature's type changes.
        """
        if is_warm_up_file(position.file):
            excluded = Counter({WARM_UP: len(block)})
            yield self._finisher.finish(None, (), Counts(len(block), excluded=excluded))
            return
        others = np.arange(len(block))
        if not self._settings.responses:
            scanned, others = self._find(block)
            parts = list(self._parser.parse(scanned.examples)) if len(scanned.records) else []
            bad = np.unique(scanned.owners[[index for part in parts for index in part.bad]])
            yield from self._decode_examples(scanned, parts, bad, position)
            # The protobuf classes say what is wrong with them.
            others = np.union1d(others, scanned.records[bad]) if len(bad) else others
        if len(others):
            records = [block.record(int(i)) for i in others]
            for decoded in self._parsing_decoder.decode(records, RecordPosition(position.file, 0)):
                yield renumbered(decoded, others + position.first_record)

    def _find(self, block: Block) -> tuple[_ScannedRequests, Array]:
        if self._names.used[0] > _MAX_NAMES:
            self._names = nm.new_names(64, 4096)
        scanned = self._scan(block)
        predict = scanned.notes[:, rs.MORE + 2] > 0
        usual = scanned.usual & (~predict | self._carrying()[scanned.notes[:, 1]])
        records = np.flatnonzero(usual)
        sizes = np.diff(scanned.first)
        of_usual = np.repeat(usual, sizes)
        count = int(scanned.total[0])
        examples = Block(block.data, scanned.starts[:count][of_usual], scanned.ends[:count][of_usual])
        owners = np.repeat(np.arange(len(records)), sizes[records])
        return _ScannedRequests(records, scanned.notes[records], examples, owners), np.flatnonzero(~usual)

    def _scan(self, block: Block) -> rs.Requests:
        scanned, done, state = _new_requests(len(block)), 0, rs.MORE_EXAMPLES
        while state != rs.DONE:
            args = (RULES, self._stack, self._scratch, self._names, scanned)
            done, state, size = rs.find_examples(block.data, block.starts, block.ends, done, *args)
            if state == rs.MORE_NAMES:
                self._names = nm.grown(self._names, size)
            elif state == rs.MORE_EXAMPLES:
                spare = np.empty(max(len(block), len(scanned.starts)), np.int64)
                more = {name: np.append(getattr(scanned, name), spare) for name in ("starts", "ends")}
                scanned = scanned._replace(**more)
        return scanned

    def _carrying(self) -> Array:
        """By number of its name plus one (0 for an empty one), whether an input carries examples."""
        names = ["", *self._texts()]
        return np.array([n not in self._known if self._known else n in EXAMPLE_INPUTS for n in names], bool)

    def _texts(self) -> list[str]:
        return [nm.name_of(self._names, i).decode() for i in range(int(self._names.used[0]))]

    def _decode_examples(
        self, scanned: _ScannedRequests, parts: Sequence[Parsed], bad: Array, position: RecordPosition
    ) -> Iterator[Decoded]:
        """What there is of the records that are found, but for the `bad` ones."""
        if len(scanned.records) == len(bad):
            return
        sizes = np.bincount(scanned.owners, minlength=len(scanned.records))
        warm = self._warm_ups(scanned, sizes)
        warm[bad] = False
        good = ~warm
        good[bad] = False
        without_rows = int((good & (sizes == 0)).sum())
        counts = Counts(len(good) - len(bad), without_rows, +Counter({WARM_UP: int(warm.sum())}))
        metadata = self._metadata(scanned, position)
        all_rows: list[DecodedRows | None] = [
            _rows(part, scanned, good, metadata, position.file) for part in parts
        ]
        for rows in all_rows or [None]:
            yield self._finisher.finish(rows, (), counts)
            counts = Counts(0)

    def _warm_ups(self, scanned: _ScannedRequests, sizes: Array) -> Array:
        """Which of the records are requests that `export` wrote."""
        result = np.zeros(len(scanned.records), bool)
        predict, answered = scanned.notes[:, rs.MORE + 2], scanned.notes[:, rs.MORE + 3]
        quiet = np.flatnonzero((scanned.notes[:, 0] == 0) & (predict > 0) & (answered == 0))
        if self._settings.warm_ups and len(quiet):
            ends = np.cumsum(sizes)
            requests = np.stack([ends - sizes, ends], axis=1)[quiet]
            known = np.array(list(self._settings.warm_ups), np.uint64)
            result[quiet] = np.isin(fingerprints_of(scanned.examples, requests), known)
        return result

    def _metadata(self, scanned: _ScannedRequests, position: RecordPosition) -> dict[str, pa.Array]:
        """Columns of a value for each record."""
        notes = scanned.notes
        specs = notes[:, 2 : rs.MORE].reshape(len(notes), SPECS, 5)
        texts = pa.array([None, *self._texts()], pa.string())
        seconds = np.minimum(notes[:, 0], _LAST_SECOND)
        columns = {
            "time": times_of_micros(seconds * 1_000_000),
            "record": pa.array(scanned.records + position.first_record, pa.int64()),
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


def _rows(
    part: Parsed, scanned: _ScannedRequests, good: Array, metadata: Mapping[str, pa.Array], file: str
) -> DecodedRows:
    """The rows of those examples whose whole request is good."""
    owners = scanned.owners[part.records]
    columns = metadata_of(len(owners), file, **_repeat_for_rows(metadata, owners, len(good)))
    return DecodedRows(part.columns, columns).keep(good[owners])


def _repeat_for_rows(columns: Mapping[str, pa.Array], owners: Array, records: int) -> dict[str, pa.Array]:
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
    has_version = (specs[:, :, 1] != 0) | (specs[:, :, 3] != 0)
    chosen = specs[np.arange(len(specs)), has_version.argmax(axis=1)]
    numbers, of_row = np.unique(chosen[:, 2], return_inverse=True)
    known = pa.array([str(number) for number in numbers], pa.string()).take(pa.array(of_row))
    labels = texts.take(pa.array(chosen[:, 3]))
    return pc.if_else(pa.array(chosen[:, 1] != 0), known, labels)
