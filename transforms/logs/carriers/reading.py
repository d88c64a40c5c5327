"""Records of a file, whatever carries them: JSON lines, CSV, Avro or Parquet, told by content."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import BinaryIO

from transforms.logs.request import Carried


class Carrier(enum.StrEnum):
    """What records stand in."""

    JSON_LINES = "json_lines"
    CSV = "csv"
    AVRO = "avro"
    PARQUET = "parquet"


def carrier_of(stored: BinaryIO, path: str) -> Carrier:
    """The carrier of a file, by its first bytes (after decompression) and, for text, by its name."""
    raise NotImplementedError


def read_records(stored: BinaryIO, path: str) -> Iterator[list[Carried]]:
    """The records of a file in order, in chunks of some thousands.

    A record that cannot be read but leaves the next one readable is a `Carried` with its BadRecordError.
    Raises TableError where nothing after can be read (a broken Avro block, compressed data that end early).

    Args:
      stored: the file as stored, at its start; compressed by gzip or bzip2 or not.
      path: its name, which tells apart what content cannot.
    """
    raise NotImplementedError
