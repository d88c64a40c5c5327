"""ReadRows: files to batches of rows. ReadExamples, ReadRequests: with rejects, faults and counts, too."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2

import trueserve.transforms.coders  # noqa: F401 - registers its coders by being imported
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch, Element, Fault, InRange
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import FileRange, RangeGroup, list_ranges
from trueserve.transforms.files.read_ahead import read_ahead
from trueserve.transforms.logs.carriers.parquet.column_types import Settled, merged_types, settled
from trueserve.transforms.logs.carriers.text.text_form import ANY_TEXT, TextForm
from trueserve.transforms.logs.carriers.text_types import widest
from trueserve.transforms.logs.decode_file import (
    csv_types,
    decode_file,
    decode_range,
    first_types,
    parquet_types,
)
from trueserve.transforms.logs.detect import detect_examples, detect_log
from trueserve.transforms.logs.features import FeatureType, Settings, expected_features
from trueserve.transforms.logs.formats.format_names import LOG_FORMATS, Format
from trueserve.transforms.reporting import Reporting

T = TypeVar("T", bound=Element)

_REJECTS = "rejects"
_FAULTS = "faults"
_ACCOUNTING = "accounting"


class ReadResult(NamedTuple):
    """The PCollections of a reader.

    Attributes:
      batches: `Batch`, of some thousands of rows.
      rejects: `Reject`, one for each record that could not be decoded.
      faults: `Fault`, at most one for each file; the file was not read further.
      accounting: `Accounting`, several for each file; their sum is that of the input.
    """

    batches: beam.PCollection
    rejects: beam.PCollection
    faults: beam.PCollection
    accounting: beam.PCollection


@dataclasses.dataclass(eq=False)
class ReadExamples(beam.PTransform):
    """Reads training examples: TFRecords of tf.Example, CSV with a header, or Parquet. Root -> ReadResult.

    The format is that of the first file that is not empty. Without `schema` types are taken as they come: a
    tf.Example feature in two types is a Fault. A CSV column has the narrowest type that holds all its values
    in all files, found by reading them once before. A Parquet column is float where some files have int and
    others float, found in their footers; a string beside a number is a Fault that names both files.

    Attributes:
      files: what to read, as `globs.expand` gives it.
      schema: a TFDV schema to decode to, all environments; None on the first pass over new data.
      progress: a local folder for heartbeats (`transforms.core.heartbeats`), or None.
      text: how text files are read.
    """

    files: tuple[FileSize, ...]
    schema: schema_pb2.Schema | None = None
    progress: str | None = None
    text: TextForm = ANY_TEXT

    def expand(self, root: Any) -> ReadResult:
        file_format = detect_examples(self.files)
        if self.schema is not None:
            return _read(self, root, file_format, settings_of(self.schema, self.text))
        settings, types = settings_without_schema(root, self.files, file_format, self.text)
        return _read(self, root, file_format, settings, types)


def settings_of(schema: schema_pb2.Schema, text: TextForm = ANY_TEXT) -> Settings:
    """How training examples are decoded that have this schema, all environments."""
    return Settings(expected=expected_features(schema, serving=False), text=text)


def settings_without_schema(
    root: Any, files: tuple[FileSize, ...], file_format: Format, text: TextForm = ANY_TEXT
) -> tuple[Settings, Any | None]:
    """How training examples are decoded of which nothing is known yet, and a side input of their types.

    A file format that states no types, or states them file by file, has the side input; others have None.
    """
    if file_format is Format.TF_EXAMPLE:
        return Settings(expected=None, seen=first_types(files)), None
    of_csv = _CSV._replace(of_file=functools.partial(csv_types, text=text))
    how = {Format.CSV: of_csv, Format.PARQUET: _PARQUET}.get(file_format)
    return Settings(expected=None, text=text), None if how is None else _infer_types(root, files, how)


@dataclasses.dataclass(eq=False)
class ReadRequests(beam.PTransform):
    """Reads logged requests of any format (see docs/logs.md). Root -> ReadResult.

    Attributes:
      files: what to read, as `globs.expand` gives it.
      settings: without `expected`, logs that are tf.Examples keep their types, as `ReadExamples` does.
      format: `auto`, or a name of `logs.formats.format_names.LOG_FORMATS`.
      progress: a local folder for heartbeats (`transforms.core.heartbeats`), or None.
    """

    files: tuple[FileSize, ...]
    settings: Settings
    format: str = "auto"
    progress: str | None = None

    def __post_init__(self) -> None:
        if self.format not in ("auto", *LOG_FORMATS):
            raise ValueError(f"format must be auto or one of {', '.join(LOG_FORMATS)}; got {self.format!r}")

    def expand(self, root: Any) -> ReadResult:
        settings = self.settings
        if settings.expected is None:
            settings = dataclasses.replace(settings, seen=first_types(self.files))
        log_format = detect_log(self.files, self.format, settings.expected)
        return _read(self, root, log_format, settings)


def _read(
    reader: ReadExamples | ReadRequests,
    root: Any,
    file_format: Format,
    settings: Settings,
    types: Any | None = None,
) -> ReadResult:
    decoding = beam.ParDo(_DecodeFile(file_format, settings, reader.progress), types=types)
    outputs = (
        root
        | "ListFiles" >> beam.Create(list(reader.files), reshuffle=False)
        | "SpreadFiles" >> beam.Reshuffle()
        | "DecodeFiles" >> decoding.with_outputs(_REJECTS, _FAULTS, _ACCOUNTING, main="batches")
    )
    return ReadResult(outputs.batches, outputs[_REJECTS], outputs[_FAULTS], outputs[_ACCOUNTING])


class _Inference(NamedTuple):
    """How to find the types of all files: those of one, of several together, and what readers are told."""

    of_file: Callable[[FileSize], Any]
    together: Callable[[Iterable[Any]], Any]
    settle: Callable[[Any], Settled]


def _settled_text(types: dict[str, FeatureType]) -> Settled:
    return Settled(types, {})


_CSV = _Inference(csv_types, widest, _settled_text)
_PARQUET = _Inference(parquet_types, merged_types, settled)


def _infer_types(root: Any, files: Iterable[FileSize], how: _Inference) -> Any:
    types = (
        root
        | "ListFilesForTypes" >> beam.Create(list(files), reshuffle=False)
        | "SpreadFilesForTypes" >> beam.Reshuffle()
        | "FindTypes" >> beam.Map(how.of_file)
        | "JoinTypes" >> beam.CombineGlobally(how.together)
        | "SettleTypes" >> beam.Map(how.settle)
    )
    return beam.pvalue.AsSingleton(types)


@dataclasses.dataclass(eq=False)
class ReadRows(beam.PTransform):
    """Reads training examples in ranges. Root -> PCollection of what `rows_of` makes of each `Batch`.

    Rejects are left to who reads the same files with `examine_range`. A fault fails the job (InputError): it
    may be there in this read alone, and rows would be missing.

    Attributes:
      files: what to read, as `globs.expand` gives it.
      schema: a TFDV schema to decode to, all environments.
      rows_of: a batch to rows, picklable.
      progress: a local folder for heartbeats (`transforms.core.heartbeats`), or None.
      range_bytes: how long ranges are, see `list_ranges`.
      text: how text files are read.
    """

    files: tuple[FileSize, ...]
    schema: schema_pb2.Schema
    rows_of: Callable[[Batch], pa.RecordBatch]
    progress: str | None = None
    range_bytes: int | None = None
    text: TextForm = ANY_TEXT

    def expand(self, root: Any) -> beam.PCollection[pa.RecordBatch]:
        settings = settings_of(self.schema, self.text)
        decode = functools.partial(decode_group, detect_examples(self.files), settings)
        return (
            root
            | "ListRanges" >> beam.Create(list_ranges(self.files, self.range_bytes), reshuffle=False)
            | "SpreadRanges" >> beam.Reshuffle()
            | "DecodeRanges" >> beam.ParDo(_DecodeRows(decode, self.rows_of, self.progress))
        )


def decode_group(
    file_format: Format, settings: Settings, group: RangeGroup, types: Settled | None = None
) -> Iterator[Element]:
    """What the ranges of a group hold, one after the other. `types` are those of a side input."""
    settings = _with_types(settings, types)
    ranges = (_decode_range(part, file_format, settings) for part in group.ranges)
    return read_ahead(itertools.chain.from_iterable(ranges))


def _with_types(settings: Settings, types: Settled | None) -> Settings:
    if types is None:
        return settings
    return dataclasses.replace(settings, seen=types.types, origins=types.origins)


def _decode_range(part: FileRange, file_format: Format, settings: Settings) -> Iterator[Element]:
    decoded = decode_range(part, file_format, settings)
    return decoded if part.is_file else (InRange(part.file.path, part.number, content) for content in decoded)


@beam.typehints.with_output_types(pa.RecordBatch)
class _DecodeRows(Reporting):
    """Ranges to rows; records that are no rows are left to others."""

    def __init__(
        self,
        decode: Callable[[RangeGroup], Iterator[Element]],
        rows_of: Callable[[Batch], pa.RecordBatch],
        progress: str | None,
    ) -> None:
        super().__init__(progress)
        self._decode, self._rows_of = decode, rows_of

    def process(self, group: RangeGroup) -> Iterator[pa.RecordBatch]:
        for element in self.report(self._decode(group)):
            content = element.content if isinstance(element, InRange) else element
            if isinstance(content, Fault):
                raise InputError(str(content))
            if content.batch is not None:
                yield self._rows_of(content.batch)


@beam.typehints.with_output_types(Batch)
class _DecodeFile(Reporting):
    """A file to batches: framed, decoded and batched here, so that nothing goes on record by record."""

    def __init__(self, file_format: Format, settings: Settings, progress: str | None) -> None:
        super().__init__(progress)
        self._format = file_format
        self._settings = settings

    def process(self, file: FileSize, types: Settled | None = None) -> Iterator[Any]:
        settings = _with_types(self._settings, types)
        for decoded in self.report(read_ahead(decode_file(FileSize(*file), self._format, settings))):
            if isinstance(decoded, Fault):
                yield beam.pvalue.TaggedOutput(_FAULTS, decoded)
                continue
            if decoded.batch is not None:
                yield decoded.batch
            yield from (beam.pvalue.TaggedOutput(_REJECTS, reject) for reject in decoded.rejects)
            yield beam.pvalue.TaggedOutput(_ACCOUNTING, decoded.accounting)
