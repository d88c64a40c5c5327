"""TFRecords of tf.Example and tf.SequenceExample: blocks of serialized examples to rows.

`columnar.examples.sequences` says what a SequenceExample gives. A record that is neither, or whose feature
list has steps of different types, is a reject.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueserve.transforms.columnar.examples.example_parser import ExampleParser, Parsed
from trueserve.transforms.columnar.framing import Block, block_of
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.logs.features import Column, Settings
from trueserve.transforms.logs.rows.rows import (
    Counts,
    DecodedRows,
    Finisher,
    RecordPosition,
    metadata_of,
    rejected,
)

NOT_AN_EXAMPLE = "not_a_tf_example"
_DETAIL = "expected a serialized tf.Example or tf.SequenceExample; the record does not parse as one"


class TfExampleDecoder:
    """Decodes records that are tf.Examples or tf.SequenceExamples. Not thread-safe: one for each thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parser = ExampleParser()
        self._finisher = Finisher(settings)

    def decode(self, block: Block, position: RecordPosition) -> Iterator[Decoded]:
        """`Decoded`s of the block's records, of one row each.

        Raises TypeConflictError where there is no schema and a feature's type changes.
        """
        for parsed in self._parser.parse(block):
            yield self._finish(block, parsed, position)

    def _finish(self, block: Block, parsed: Parsed, position: RecordPosition) -> Decoded:
        keep = self._settings.keep_payloads
        rejects = [
            rejected(position, i, NOT_AN_EXAMPLE, _DETAIL, block.record(i) if keep else None)
            for i in parsed.bad
        ]
        num_rows = len(parsed.records)
        record = pa.array(parsed.records + position.first_record, pa.int64())
        rows = DecodedRows(parsed.columns, metadata_of(num_rows, position.file, record=record))
        return self._finisher.finish(rows, rejects, Counts(num_rows + len(parsed.bad)))


def parse_all(parser: ExampleParser, records: list[bytes]) -> tuple[list[Column], list[int]]:
    """Columns with a row for every record, but for those that are no example, whose positions come too."""
    parts = list(parser.parse(block_of(records)))
    bad = [position for part in parts for position in part.bad]
    if len(parts) == 1:
        return parts[0].columns, bad
    kinds = dict.fromkeys((name, column.type) for part in parts for name, column in part.columns)
    return [(name, pa.concat_arrays(_pieces(parts, name, kind))) for name, kind in kinds], bad


def _pieces(parts: list[Parsed], name: str, kind: pa.DataType) -> list[pa.Array]:
    """The column of that name and type in every part; nulls where a part has none."""
    columns = [{(n, c.type): c for n, c in part.columns}.get((name, kind)) for part in parts]
    return [
        pa.nulls(len(part.records), kind) if column is None else column
        for part, column in zip(parts, columns, strict=True)
    ]
