"""ExamineFiles: each range of the input is read once, and leaves nothing but summaries."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import apache_beam as beam

from transforms.branches.branch import Branch, PartialResults, examine
from transforms.branches.partial import Kind, Partial
from transforms.core.batches import Decoded, Fault
from transforms.files.file_systems import FileSize
from transforms.files.read_ahead import read_ahead
from transforms.logs.decode_file import decode_file
from transforms.logs.detect import detect_log
from transforms.logs.features import Settings
from transforms.logs.formats.format_names import Format
from transforms.merge_results import MergeByKind
from transforms.read import Reporting

Decode: TypeAlias = Callable[[Any], Iterable[Decoded | Fault]]


@dataclasses.dataclass(frozen=True)
class Range:
    """What is read at once: a whole file."""

    file: FileSize


@dataclasses.dataclass(eq=False)
class ExamineFiles(beam.PTransform):
    """Runs branches over all rows of files. Root -> (kind, result), one element of each kind.

    Attributes:
      files: what to read, as `globs.expand` gives it.
      format: `auto`, or a name of `logs.formats.format_names`.
      branches, progress: see `Examine`.
    """

    files: tuple[FileSize, ...]
    format: str
    settings: Settings
    branches: Sequence[Branch]
    progress: str | None = None

    def expand(self, root: Any) -> beam.PCollection[tuple[Kind, Any]]:
        decode = functools.partial(_decode, detect_log(self.files, self.format), self.settings)
        return (
            root
            | "ListRanges" >> beam.Create([Range(file) for file in self.files], reshuffle=False)
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


def _decode(file_format: Format, settings: Settings, element: Range) -> Iterator[Decoded | Fault]:
    return read_ahead(decode_file(element.file, file_format, settings))
