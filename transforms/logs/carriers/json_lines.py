"""JSON lines: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast

from trueserve.transforms.files.section import open_section
from trueserve.transforms.logs.bodies.json_text import load_object
from trueserve.transforms.logs.carriers.lines import first_line, lines
from trueserve.transforms.logs.carriers.records import too_large
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.text.encoding import why_other_encoding
from trueserve.transforms.logs.request import BadRecordError, Carried


def records(stream: BinaryIO, *, first: bool = True) -> Iterator[Carried]:
    """The objects of all lines that are not blank; a line that holds none is there with its reason.

    `first` is as in `lines`. Raises TableError where compressed data end early or are broken, and for a file
    that is no text in UTF-8.
    """
    for number, line in enumerate(lines(stream, first=first)):
        if first and not number and (why := why_other_encoding(line or b"")) is not None:
            raise TableError("bad_encoding", why)
        if line is None:
            yield Carried(too_large(), b"")
        elif text := line.strip():
            yield _carried(text)


def records_of_range(stored: BinaryIO, start: int, stop: int) -> Iterator[Carried]:
    """The same of the lines of an uncompressed file that begin from byte `start` up to `stop`."""
    if (section := open_section(stored, start, stop, first_line, "a line")) is not None:
        yield from records(cast(BinaryIO, section), first=section.start == 0)


def _carried(text: bytes) -> Carried:
    try:
        return Carried(load_object(text), text)
    except BadRecordError as error:
        return Carried(error, text)
