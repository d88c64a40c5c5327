"""ExamineFiles: each range of the input is read once, and leaves nothing but summaries."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import apache_beam as beam

from transforms.branches.branch import Branch, PartialResults, examine
from transforms.branches.partial import Kind, Partial
from transforms.core.batches import Element, InRange
from transforms.files.file_systems import FileSize
from transforms.files.ranges import FileRange, RangeGroup, list_ranges
from transforms.files.read_ahead import read_ahead
from transforms.logs.decode_file import decode_range
from transforms.logs.detect import detect_log
from transforms.logs.features import Settings
from transforms.logs.formats.format_names import Format
from transforms.merge_results import MergeByKind
from transforms.read import Reporting

Decode: TypeAlias = Callable[[Any], Iterable[Element]]


@dataclasses.dataclass(eq=False)
class ExamineFiles(beam.PTransform):
    """Runs branches over all rows of files. Root -> (kind, result), one element of each kind.

    Attributes:
      files: what to read, as `globs.expand` gives it.
      format: `auto`, or a name of `logs.formats.format_names`.
      branches, progress: see `Examine`.
      range_bytes: how long ranges are, see `list_ranges`.
    """

    files: tuple[FileSize, ...]
    format: str
    settings: Settings
    branches: Sequence[Branch]
    progress: str | None = None
    range_bytes: int | None = None

    def expand(self, root: Any) -> beam.PCollection[tuple[Kind, Any]]:
        decode = functools.partial(_decode, detect_log(self.files, self.format), self.settings)
        return (
            root
            | "ListRanges" >> beam.Create(list_ranges(self.files, self.range_bytes), reshuffle=False)
            | "SpreadRanges" >> beam.Reshuffle()
            | "Examine" >> Examine(decode, self.branches, self.progress)
        )


@dataclasses.dataclass(eq=False)
class Examine(beam.PTransform):
    """Runs branches over what elements hold. PCollection -> (kind, result), one element of each kind.

    What a runner moves are elements and `Partial`s. So it needs neither to fuse steps nor to combine before
    it shuffles, and there are no tagged outputs, which not all runners have.

    Attributes:
      decode: what an element holds, in batches.
      progress: a local folder for heartbeats (`transforms.core.heartbeats`), or None.
    """

    decode: Decode
    branches: Sequence[Branch]
    progress: str | None

    def expand(self, elements: Any) -> beam.PCollection[tuple[Kind, Any]]:
        examine_range = beam.ParDo(_ExamineRange(self.decode, self.branches, self.progress))
        return elements | "ExamineRange" >> examine_range | "MergeByKind" >> MergeByKind()


@beam.typehints.with_output_types(tuple[Kind, Partial])
class _ExamineRange(Reporting):
    """An element to its partial results: framed, decoded and examined here."""

    def __init__(self, decode: Decode, branches: Sequence[Branch], progress: str | None) -> None:
        super().__init__(progress)
        self._decode = decode
        self._branches = tuple(branches)

    def process(self, element: Any) -> PartialResults:
        return examine(self.report(self._decode(element)), self._branches)


def _decode(file_format: Format, settings: Settings, group: RangeGroup) -> Iterator[Element]:
    ranges = (_decode_range(part, file_format, settings) for part in group.ranges)
    return read_ahead(itertools.chain.from_iterable(ranges))


def _decode_range(part: FileRange, file_format: Format, settings: Settings) -> Iterator[Element]:
    decoded = decode_range(part, file_format, settings)
    return decoded if part.is_file else (InRange(part.file.path, part.number, content) for content in decoded)
