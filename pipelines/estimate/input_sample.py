"""The start of an input, decoded: how many rows it has a byte, and which features."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trueserve.transforms.core.batches import Fault, Window
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import FileRange
from trueserve.transforms.logs.carriers.parquet.column_types import merged_types, settled
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.decode_file import csv_names, decode_range, first_types, parquet_types
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format

_LEAST_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class InputSample:
    """What was decoded at the start of the largest file.

    Attributes:
      rows, bytes: how many rows, and the bytes as stored that hold them.
      features: how many features the rows have together.
      fault: why the file cannot be read further; None where it can.
    """

    file: str
    rows: int
    bytes: int
    features: int
    fault: str | None = None

    def rows_of(self, num_bytes: int) -> int | None:
        """About how many rows so many bytes hold; None where nothing was decoded."""
        if not num_bytes:
            return 0
        return round(self.rows * num_bytes / self.bytes) if self.rows and self.bytes else None


def read_sample(files: Sequence[FileSize], file_format: Format, settings: Settings) -> InputSample | None:
    """Decodes the first block or two of the largest file; None for an input without a byte.

    Rows of all times are counted, also those that the job leaves out: it reads them as well.
    Raises InputError where the file cannot be opened.
    """
    file = max(files, key=lambda file: file.bytes, default=None)
    if file is None or not file.bytes:
        return None
    plain = dataclasses.replace(settings, window=Window(), exclude=(), sample=1.0, responses=False)
    return _decoded(file, file_format, _with_types(plain, file, file_format))


def _decoded(file: FileSize, file_format: Format, settings: Settings) -> InputSample:
    rows = num_bytes = 0
    features: set[str] = set()
    for content in decode_range(FileRange(file), file_format, settings):
        if isinstance(content, Fault):
            return InputSample(file.path, rows, num_bytes, len(features), str(content))
        # A block's bytes are counted with its first batch: the next block's have not been decoded yet.
        if content.accounting.bytes and rows and num_bytes >= _LEAST_BYTES:
            break
        rows, num_bytes = rows + content.accounting.rows, num_bytes + content.accounting.bytes
        if content.batch is not None:
            features |= {*content.batch.features.schema.names}
    return InputSample(file.path, rows, num_bytes, len(features))


def _with_types(settings: Settings, file: FileSize, file_format: Format) -> Settings:
    """Without a schema, types by which all columns of a file are decoded; they need not be the job's."""
    if settings.expected is not None:
        return settings
    if file_format is Format.PARQUET:
        types = settled(merged_types([parquet_types(file)])).types
        return dataclasses.replace(settings, seen=types)
    if file_format is Format.CSV:
        return dataclasses.replace(
            settings, expected=Expected(dict.fromkeys(_names(file, settings), FeatureType.BYTES))
        )
    return dataclasses.replace(settings, seen=first_types([file]))


def _names(file: FileSize, settings: Settings) -> Sequence[str]:
    try:
        return csv_names(file, settings.text)
    except (TableError, InputError):  # reported by the reader
        return ()
