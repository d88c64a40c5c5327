"""JSON lines: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from transforms.logs.bodies.json_text import load_object
from transforms.logs.carriers.lines import lines
from transforms.logs.carriers.records import too_large
from transforms.logs.request import BadRecordError, Carried


def records(stream: BinaryIO) -> Iterator[Carried]:
    """The objects of all lines that are not blank; a line that holds none is there with its reason.

    Raises TableError where compressed data end early or are broken.
    """
    for line in lines(stream):
        if line is None:
            yield Carried(too_large(), b"")
        elif text := line.strip():
            yield _carried(text)


def _carried(text: bytes) -> Carried:
    try:
        return Carried(load_object(text), text)
    except BadRecordError as error:
        return Carried(error, text)
