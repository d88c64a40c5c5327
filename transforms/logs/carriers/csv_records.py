"""CSV with a header, row by row: for logs whose columns hold whole bodies.

Tables of features are read in columns instead, by `logs.carriers.csv_tables`. A body may be far longer than a
block of Arrow's reader, which ends at the first row that is; Python's takes rows as they come.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from trueserve.transforms.logs.carriers.lines import lines
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD, RECORD_TOO_LARGE, payload_of, row
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.request import BadRecordError, Carried


def records(stream: BinaryIO, names: Sequence[str], separator: str = ",") -> Iterator[Carried]:
    """The rows after the header, as texts by column name; an empty value is absent.

    A row of another length than the header is there with its reason. An empty line is no row, but of one
    column it is one without a value. Raises TableError where compressed data end early or are broken, and
    for a row longer than `LARGEST_RECORD`: a quote is missing, and nobody knows where the next row begins.

    Args:
      stream: the file from its start, header included.
      names, separator: what the header says (see `csv_header.read_header`).
    """
    # Bodies are longer than the 128 KiB that Python allows a value; `_Texts` bounds the whole row.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * LARGEST_RECORD))
    texts = _Texts(stream)
    rows = csv.reader(texts, delimiter=separator)
    for number, values in enumerate(rows):
        texts.taken = 0
        if number and (values or len(names) == 1):
            yield _carried(values, names)


def _carried(values: list[str], names: Sequence[str]) -> Carried:
    if values and len(values) != len(names):
        detail = f"expected {len(names)} values, as the header has, and got {len(values)}"
        return Carried(BadRecordError("bad_csv_row", detail), payload_of(values))
    return row({name: value for name, value in zip(names, values, strict=False) if value and name})


class _Texts:
    r"""The lines of a stream as text with their ends, `\n`, `\r\n` or `\r`; bytes that are no text escaped.

    Attributes:
      taken: bytes that were given since whoever takes them has set it to 0.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.taken = 0
        self._texts = self._split(stream)

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        return next(self._texts)

    def _split(self, stream: BinaryIO) -> Iterator[str]:
        for line in lines(stream):
            for part in [None] if line is None else (line + b"\n").splitlines(keepends=True):
                self.taken += 0 if part is None else len(part)
                if part is None or self.taken > LARGEST_RECORD:
                    limit = LARGEST_RECORD >> 20
                    raise TableError(
                        RECORD_TOO_LARGE, f"a row is longer than {limit} MiB; is a quote missing?"
                    )
                yield part.decode("utf-8", "surrogateescape")
