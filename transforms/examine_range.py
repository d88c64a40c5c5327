"""ExamineFiles: each range of the input is read once, and leaves nothing but summaries."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import apache_beam as beam

from transforms.branches.branch import Branch, PartialResults, examine
from transforms.branches.partial import Kind, Partial
from transforms.core.batches import Element
from transforms.files.file_systems import FileSize
from transforms.files.ranges import list_ranges
from transforms.logs.detect import detect_log
from transforms.logs.features import Settings
from transforms.merge_results import MergeByKind
from transforms.read import Reporting, decode_group

Decode: TypeAlias = Callable[..., Iterable[Element]]


@dataclasses.dataclass(eq=False)
class ExamineFiles(beam.PTransform):
    """Runs branches over all rows of files. Root -> (kind, result), one element of each kind.

    Attributes:
      files: what to read, as `globs.expand` gives it.
      format: `auto`, or a name of `logs.formats.format_names`.
      branches, progress, types: see `Examine`.
      range_bytes: how long ranges are, see `list_ranges`.
    """

    files: tuple[FileSize, ...]
    format: str
    settings: Settings
    branches: Sequence[Branch]
    progress: str | None = None
    range_bytes: int | None = None
    types: Any | None = None

    def expand(self, root: Any) -> beam.PCollection[tuple[Kind, Any]]:
        decode = functools.partial(decode_group, detect_log(self.files, self.format), self.settings)
        return (
            root
            | "ListRanges" >> beam.Create(list_ranges(self.files, self.range_bytes), reshuffle=False)
            | "SpreadRanges" >> beam.Reshuffle()
            | "Examine" >> Examine(decode, self.branches, self.progress, self.types)
        )


@dataclasses.dataclass(eq=False)
class Examine(beam.PTransform):
    """Runs branches over what elements hold. PCollection -> (kind, result), one element of each kind.

    What a runner moves are elements and `Partial`s. So it needs neither to fuse steps nor to combine before
    it shuffles, and there are no tagged outputs, which not all runners have.

    Attributes:
      decode: what an element holds, in batches.
      progress: a local folder for heartbeats (`transforms.core.heartbeats`), or None.
      types: a side input that `decode` takes beside the element (`settings_without_schema`), or None.
    """

    decode: Decode
    branches: Sequence[Branch]
    progress: str | None
    types: Any | None = None

    def expand(self, elements: Any) -> beam.PCollection[tuple[Kind, Any]]:
        side_inputs = [] if self.types is None else [self.types]
        examine_range = beam.ParDo(_ExamineRange(self.decode, self.branches, self.progress), *side_inputs)
        return elements | "ExamineRange" >> examine_range | "MergeByKind" >> MergeByKind()


@beam.typehints.with_output_types(tuple[Kind, Partial])
class _ExamineRange(Reporting):
    """An element to its partial results: framed, decoded and examined here."""

    def __init__(self, decode: Decode, branches: Sequence[Branch], progress: str | None) -> None:
        super().__init__(progress)
        self._decode = decode
        self._branches = tuple(branches)

    def process(self, element: Any, types: Any = None) -> PartialResults:
        decoded = self._decode(element) if types is None else self._decode(element, types)
        return examine(self.report(decoded), self._branches)
