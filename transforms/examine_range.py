"""ExamineFiles: each range of the input is read once, and leaves nothing but summaries."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import apache_beam as beam
from apache_beam.internal import pickler
from apache_beam.options.pipeline_options import DirectOptions

from trueserve.transforms.branches.branch import Branch, PartialResults, examine
from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.core.batches import Element
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import list_ranges
from trueserve.transforms.graph.threads import usable_cores
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.merge_results import MergeByKind
from trueserve.transforms.read import decode_group
from trueserve.transforms.reporting import Counts, Reporting

Decode: TypeAlias = Callable[..., Iterable[Element]]

# Rows of more features come in batches of so few rows that handing over the interpreter lock takes longer
# than what is done without it: with 4,000 features two threads were slower than one.
_WIDE = 200
# So many ranges a thread are read, or wait for a slow one before them.
_RANGES_BEGUN = 16
# From so many ranges on, of so many bytes together, results are made small. The more there are, the fewer
# numbers each keeps, so that the error of all together stays the same: 0.02 % of a rank.
_MANY_RANGES, _MANY_BYTES = 64, 4 << 30
_MOST_NUMBERS, _LEAST_NUMBERS = 384, 32
# Beam's runners that work in this process.
_IN_PROCESS = {"SwitchingDirectRunner", "DirectRunner", "FnApiRunner"}


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
        log_format = detect_log(self.files, self.format, self.settings.expected)
        decode = functools.partial(decode_group, log_format, self.settings)
        elements: list[Any] = list_ranges(self.files, self.range_bytes)
        compact = numbers_kept(len(elements), sum(group.bytes for group in elements))
        threads = 1 if _is_wide(self.settings) else _threads_of(root.pipeline)
        if elements and threads > 1:
            elements = [tuple(elements)]
        return (
            root
            | "ListRanges" >> beam.Create(elements, reshuffle=False)
            | "SpreadRanges" >> beam.Reshuffle()
            | "Examine" >> Examine(decode, self.branches, self.progress, self.types, threads, compact)
        )


def numbers_kept(num_ranges: int, num_bytes: int) -> int:
    """How many of a feature's numbers the result of a range keeps; 0 for all that it has."""
    if num_ranges < _MANY_RANGES or num_bytes < _MANY_BYTES:
        return 0
    return max(round(_MOST_NUMBERS * math.sqrt(_MANY_RANGES / num_ranges)), _LEAST_NUMBERS)


def _is_wide(settings: Settings) -> bool:
    return settings.expected is not None and len(settings.expected.types) > _WIDE


def _threads_of(pipeline: Any) -> int:
    """How many ranges are examined side by side in a process.

    A runner that has this process alone works on them one after the other, so that is left to threads, as
    many as there are cores: compiled code and TensorFlow hold no interpreter lock. Other runners give their
    workers ranges themselves.
    """
    direct = pipeline.options.view_as(DirectOptions)
    has_one_worker = direct.direct_running_mode in (None, "in_memory") and direct.direct_num_workers == 1
    is_in_process = type(pipeline.runner).__name__ in _IN_PROCESS
    return usable_cores() if has_one_worker and is_in_process else 1


@dataclasses.dataclass(eq=False)
class Examine(beam.PTransform):
    """Runs branches over what elements hold. PCollection -> (kind, result), one element of each kind.

    What a runner moves are elements and `Partial`s. So it needs neither to fuse steps nor to combine before
    it shuffles, and there are no tagged outputs, which not all runners have.

    Attributes:
      decode: what an element holds, in batches.
      progress: a local folder for heartbeats (`transforms.core.heartbeats`), or None.
      types: a side input that `decode` takes beside the element (`settings_without_schema`), or None.
      threads: if more than 1, an element is a tuple of elements, so many of which are examined at a time.
      compact: as in `branch.examine`.
    """

    decode: Decode
    branches: Sequence[Branch]
    progress: str | None
    types: Any | None = None
    threads: int = 1
    compact: int = 0

    def expand(self, elements: Any) -> beam.PCollection[tuple[Kind, Any]]:
        side_inputs = [] if self.types is None else [self.types]
        examine_range = beam.ParDo(self._step(), *side_inputs)
        return elements | "ExamineRange" >> examine_range | "MergeByKind" >> MergeByKind()

    def _step(self) -> _ExamineRange:
        arguments = self.decode, self.branches, self.progress, self.compact
        return (
            _ExamineRange(*arguments) if self.threads == 1 else _ExamineSideBySide(*arguments, self.threads)
        )


@beam.typehints.with_output_types(tuple[Kind, Partial])
class _ExamineRange(Reporting):
    """An element to its partial results: framed, decoded and examined here."""

    def __init__(
        self, decode: Decode, branches: Sequence[Branch], progress: str | None, compact: int
    ) -> None:
        super().__init__(progress)
        self._decode = decode
        self._branches = tuple(branches)
        self._compact = compact

    def process(self, element: Any, types: Any = None) -> PartialResults:
        decoded = self._decode(element) if types is None else self._decode(element, types)
        return examine(self.report(decoded), self._branches, compact=self._compact)


@beam.typehints.with_output_types(tuple[Kind, Partial])
class _ExamineSideBySide(_ExamineRange):
    """Many elements to their partial results, which come in the order of the elements."""

    def __init__(
        self, decode: Decode, branches: Sequence[Branch], progress: str | None, compact: int, threads: int
    ) -> None:
        super().__init__(decode, branches, progress, compact)
        self._threads = threads
        # What ranges gave waits for those before them, and must not grow with their number.
        self._most = _RANGES_BEGUN * threads

    def process(self, element: Any, types: Any = None) -> PartialResults:
        # Branches are pickled before their first start, and each element has its own.
        branches = pickler.dumps(self._branches)
        with concurrent.futures.ThreadPoolExecutor(self._threads) as pool:
            yield from self._results(pool, [(part, branches, types) for part in element])

    def _results(self, pool: concurrent.futures.Executor, parts: Sequence[tuple[Any, ...]]) -> PartialResults:
        remaining = iter(parts)
        waiting = deque(
            pool.submit(self._examined, *part) for part in itertools.islice(remaining, self._most)
        )
        try:
            while waiting:
                partials, counts = waiting.popleft().result()
                waiting += (pool.submit(self._examined, *part) for part in itertools.islice(remaining, 1))
                yield from partials
                # Beam's metrics are those of the thread that it knows.
                self.count(counts)
        finally:
            for future in waiting:
                future.cancel()

    def _examined(self, part: Any, branches: bytes, types: Any) -> tuple[PartialResults, Counts]:
        counts = Counts()
        decoded = self._decode(part) if types is None else self._decode(part, types)
        partials = examine(self.beat(decoded, counts), pickler.loads(branches), compact=self._compact)
        first = next(partials)  # all is read and examined before it
        return itertools.chain([first], partials), counts
