"""Blocks of serialized tf.Examples, and tf.SequenceExamples, to Arrow columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from google.protobuf.message import DecodeError

from trueserve.transforms.columnar.examples import store as st
from trueserve.transforms.columnar.examples.append import DONE, MORE_NAMES, MORE_VALUES, UNUSUAL
from trueserve.transforms.columnar.examples.columns import arrow_columns
from trueserve.transforms.columnar.examples.names import grown, name_of, new_names
from trueserve.transforms.columnar.examples.scan import scan_examples
from trueserve.transforms.columnar.examples.sequences import MixedStepsError, flattened
from trueserve.transforms.columnar.framing import Array, Block, block_of
from trueserve.transforms.core import tensorflow_messages
from trueserve.transforms.core.arrow import pa

#: A batch ends before its offsets take more than this: 64 MiB, of features times rows.
MAX_CELLS = 8 << 20
# The names known are forgotten before they are more than this: some logs make them up.
_MAX_NAMES = 1 << 16
_FIRST_NAMES, _NAME_BYTES = 64, 4096
# The two serializations of an example without features.
_EMPTY = (b"", b"\n\x00")

# A feature's name and its `large_list` column. A name stands twice where its values came in two types; the
# rows of the one are then null in the other.
Column = tuple[str, pa.Array]


@dataclasses.dataclass(frozen=True)
class Parsed:
    """Rows parsed from a run of a block's records.

    Attributes:
      columns: one for each feature and type of values that came.
      records: the position in the block of each row's record.
      bad: the positions of records that are no tf.Example; they have no row.
    """

    columns: list[Column]
    records: Array
    bad: list[int]


class ExampleParser:
    """Parses blocks of serialized tf.Examples. Not thread-safe: one for each thread."""

    def __init__(self, max_cells: int = MAX_CELLS) -> None:
        self._max_cells = max_cells
        self._rows_before = 0
        self._forget_names()

    def parse(self, block: Block) -> Iterator[Parsed]:
        """The block's records, in order: one `Parsed`, or more where they have very many features."""
        first = 0
        while first < len(block):
            parsed = self._parse_from(block, first)
            yield parsed
            first += len(parsed.records) + len(parsed.bad)

    def _forget_names(self) -> None:
        self._names = new_names(_FIRST_NAMES, _NAME_BYTES)
        self._store = st.new_store(_FIRST_NAMES)
        self._decoded_names: list[str] = []

    def _parse_from(self, block: Block, first: int) -> Parsed:
        if self._names.used[0] > _MAX_NAMES:
            self._forget_names()
        most = self._begin(len(block) - first)
        rows: list[Array] = []
        bad: list[int] = []
        position, row = first, 0
        while position < first + most + len(bad) and position < len(block):
            last = min(len(block), position + most - row)
            done, state, *needed = scan_examples(
                block.data,
                block.starts[position:last],
                block.ends[position:last],
                row,
                self._names,
                self._store,
            )
            rows.append(np.arange(position, position + done))
            position, row = position + done, row + done
            if state == DONE:
                continue
            if state == UNUSUAL:
                good = self._parse_with_care(block.record(position), row)
                (rows.append(np.array([position])) if good else bad.append(position))
                position, row = position + 1, row + good
            elif not self._make_room(state, needed, row):
                break
        self._rows_before = row
        return Parsed(self._columns(row), np.concatenate([np.zeros(0, np.int64), *rows]), bad)

    def _begin(self, num_records: int) -> int:
        """Prepares for the next batch; the most rows it may have."""
        used = int(st.is_in_use(self._store).sum())
        most = max(1, min(num_records, self._max_cells // max(used, 1)))
        ratio = most / self._rows_before if self._rows_before else 0.0
        self._store = st.begin(self._store, most + 1, ratio)
        return most

    def _make_room(self, state: int, needed: list[int], rows: int) -> bool:
        """Whether there is now what was missing; False where the batch should rather end here."""
        column, values, num_bytes = needed
        if state == MORE_NAMES:
            self._names = grown(self._names, num_bytes)
            if len(self._names.hashes) > len(self._store.seen):
                self._store = st.with_names(self._store, len(self._names.hashes))
        elif state == MORE_VALUES:
            self._store = st.with_room(self._store, column, values, num_bytes)
        elif self._store.counters[st.IN_USE] < len(self._store.lines):
            self._store = st.with_spare_room(self._store)
        else:
            return self._more_lines(rows)
        return True

    def _more_lines(self, rows: int) -> bool:
        num_lines, width = 2 * len(self._store.lines), self._store.ends.shape[1]
        if num_lines * width > self._max_cells and rows > 0:
            return False
        self._store = st.with_lines(self._store, num_lines, width)
        return True

    def _parse_with_care(self, record: bytes, row: int) -> bool:
        """Parses a record that protobuf has to put in order first; whether it is an example."""
        usual = _in_order(record)
        if usual is None:
            return False
        block = block_of([usual])
        while True:
            _, state, *needed = scan_examples(
                block.data, block.starts, block.ends, row, self._names, self._store
            )
            if state == DONE:
                return True
            assert state != UNUSUAL
            self._make_room(state, needed, 0)

    def _columns(self, num_rows: int) -> list[Column]:
        arrays = arrow_columns(self._store, num_rows)
        return [(self._name(column // st.KINDS), array) for column, array in arrays]

    def _name(self, number: int) -> str:
        while len(self._decoded_names) <= number:
            self._decoded_names.append(name_of(self._names, len(self._decoded_names)).decode())
        return self._decoded_names[number]


def _in_order(record: bytes) -> bytes | None:
    """The example as it is usually serialized; None for bytes that are no example.

    Protobuf takes the fields of many another message for unknown ones, so bytes that leave an example
    without features are one only if they say no more than that. A tf.SequenceExample becomes an example.
    """
    try:
        sequence = flattened(record)
        example = tensorflow_messages.example().FromString(record) if sequence is None else sequence
    except (DecodeError, MixedStepsError):
        return None
    if not example.features.feature and record not in _EMPTY:
        return None
    example.DiscardUnknownFields()
    serialized: bytes = example.SerializeToString()
    return serialized
