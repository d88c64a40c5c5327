"""Files read whole and in ranges, and what was read of them, to be compared."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.branches.ranges_read import Numbering
from trueserve.transforms.branches.reading import Reading, ReadSummary
from trueserve.transforms.core.batches import Decoded, Element, InRange, decoded_of
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import END_OF_FILE, FileRange
from trueserve.transforms.logs.decode_file import decode_range
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format


class Log(NamedTuple):
    """A file and how it is read."""

    file: FileSize
    format: Format
    settings: Settings


class Outcome(NamedTuple):
    """The rows of a file, by the number of their record, and how reading went."""

    rows: list[tuple[int | None, dict[str, Any]]]
    summary: ReadSummary


def read_file(log: Log) -> Outcome:
    """What is read of a file."""
    return _outcome([[*decode_range(FileRange(log.file), log.format, log.settings)]])


def in_ranges(log: Log, cuts: Sequence[int]) -> Outcome:
    """The same of a file that is cut at these bytes. What is of its ranges is merged, the last first."""
    parts = zip([0, *cuts], [*cuts, END_OF_FILE], strict=True)
    ranges = [FileRange(log.file, number, *span) for number, span in enumerate(parts)]
    return _outcome([[*_of_range(log, part)] for part in reversed(ranges)])


def without_bytes(outcome: Outcome) -> Outcome:
    """What must be the same where a file has a fault: reading stops there, or somewhat later."""
    counts = dataclasses.replace(outcome.summary.accounting, bytes=0)
    return outcome._replace(summary=dataclasses.replace(outcome.summary, accounting=counts))


def _of_range(log: Log, part: FileRange) -> Iterator[Element]:
    for content in decode_range(part, log.format, log.settings):
        yield InRange(part.file.path, part.number, content)


def _outcome(ranges: Sequence[Sequence[Element]]) -> Outcome:
    total = Reading()
    for elements in ranges:
        reading = Reading()
        for element in elements:
            reading.add(element)
        total.merge(reading)
    summary = total.result()
    rows = [row for element in itertools.chain(*ranges) for row in _rows(element, summary.numbering)]
    plain = dataclasses.replace(summary, numbering=Numbering())
    return Outcome(sorted(rows, key=str), plain)


def _rows(element: Element, numbering: Numbering) -> Iterator[tuple[int | None, dict[str, Any]]]:
    decoded: Decoded | None = decoded_of(element)
    if decoded is None or decoded.batch is None:
        return
    features, metadata = decoded.batch.features.to_pylist(), decoded.batch.metadata.to_pylist()
    for row, known in zip(features, metadata, strict=True):
        number = numbering.number(known.pop("file"), known.pop("record"))
        if number is not None:
            yield number, {name: value for name, value in {**row, **known}.items() if value is not None}
