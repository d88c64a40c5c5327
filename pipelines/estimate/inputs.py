"""An input as it is known before a job reads it: its ranges, its format and about how many rows it has."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from trueserve.pipelines.estimate.input_sample import InputSample, read_sample
from trueserve.pipelines.estimate.ranges import files_as_ranges, ranges_of
from trueserve.pipelines.estimate.workload import Step, Workload
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import RangeGroup
from trueserve.transforms.logs.decode_file import can_be_cut
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.publish import formatting

BY_FILE = "each file is read whole by one process: files of similar size spread best"


@dataclasses.dataclass(frozen=True)
class KnownInput:
    """What is known of files.

    Attributes:
      format: of the records; None for a table.
      ranges: what elements of a job read, the largest first.
      rows: about how many; None where nobody knows.
      rows_source: where that is from, or why it is not known.
      features: how many features the rows at the start have.
    """

    files: int
    format: Format | None
    ranges: tuple[RangeGroup, ...]
    rows: int | None
    rows_source: str
    features: int = 0

    def workload(
        self,
        command: str,
        features: Mapping[str, int | None],
        steps: Sequence[Step],
        notes: Sequence[str] = (),
        kept_bytes: int = 0,
    ) -> Workload:
        """What a command does with it; see `Workload`."""
        return Workload(
            command=command,
            input_format="a table" if self.format is None else f"format {self.format.value}",
            files=self.files,
            ranges=self.ranges,
            rows=self.rows,
            rows_source=self.rows_source,
            features=tuple((str(name), number) for name, number in features.items()),
            steps=tuple(steps),
            notes=tuple(notes),
            kept_bytes=kept_bytes,
        )


#: A BigQuery table, of which nothing is looked up.
TABLE = KnownInput(0, None, (), None, "the input is a table")


def known_input(
    files: Sequence[FileSize], file_format: Format, settings: Settings, range_bytes: int | None = None
) -> KnownInput:
    """Looks into some of the files.

    `range_bytes` None means that each file is an element of its own. Raises InputError where a file cannot
    be opened.
    """
    if range_bytes is None:
        ranges = files_as_ranges(files)
    else:
        ranges = ranges_of(files, functools.partial(can_be_cut, file_format=file_format), range_bytes)
    sample = read_sample(files, file_format, settings)
    rows = 0 if sample is None else sample.rows_of(sum(file.bytes for file in files))
    features = sample.features if sample else 0
    return KnownInput(len(files), file_format, tuple(ranges), rows, _source(sample, rows), features)


def together(first: KnownInput, second: KnownInput) -> KnownInput:
    """Two inputs that one job reads."""
    ranges = sorted((*first.ranges, *second.ranges), key=lambda group: -group.bytes)
    rows = None if first.rows is None or second.rows is None else first.rows + second.rows
    return dataclasses.replace(
        first,
        files=first.files + second.files,
        ranges=tuple(ranges),
        rows=rows,
        rows_source=f"{first.rows_source}; {second.rows_source}",
        features=max(first.features, second.features),
    )


def _source(sample: InputSample | None, rows: int | None) -> str:
    if sample is None:
        return "the files are empty"
    if rows is None:
        return sample.fault or f"the start of {sample.file} holds no row"
    return f"from the first {formatting.size(sample.bytes)} of {sample.file}"
