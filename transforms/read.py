"""ReadExamples, ReadRequests: files to batches of rows, with rejects, faults and accounting beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import apache_beam as beam
from apache_beam.metrics import Metrics
from tensorflow_metadata.proto.v0 import schema_pb2

import transforms.coders  # noqa: F401 - registers its coders by being imported
from transforms.core import heartbeats as progress_files
from transforms.core.accounting import Accounting
from transforms.core.batches import Batch, Element, Fault, decoded_of
from transforms.files.file_systems import FileSize
from transforms.files.read_ahead import read_ahead
from transforms.logs.carriers.parquet.column_types import Settled, merged_types, settled
from transforms.logs.carriers.text_types import widest
from transforms.logs.decode_file import csv_types, decode_file, first_types, parquet_types
from transforms.logs.detect import detect_examples, detect_log
from transforms.logs.features import FeatureType, Settings, expected_features
from transforms.logs.formats.format_names import LOG_FORMATS, Format

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
    """

    files: tuple[FileSize, ...]
    schema: schema_pb2.Schema | None = None
    progress: str | None = None

    def expand(self, root: Any) -> ReadResult:
        file_format = detect_examples(self.files)
        expected = None if self.schema is None else expected_features(self.schema, serving=False)
        settings = Settings(expected=expected)
        if expected is None and file_format is Format.TF_EXAMPLE:
            settings = dataclasses.replace(settings, seen=first_types(self.files))
        if expected is None and file_format is Format.CSV:
            return _read(self, root, file_format, settings, _infer_types(root, self.files, _CSV))
        if expected is None and file_format is Format.PARQUET:
            return _read(self, root, file_format, settings, _infer_types(root, self.files, _PARQUET))
        return _read(self, root, file_format, settings)


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
        return _read(self, root, detect_log(self.files, self.format), settings)


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


class Reporting(beam.DoFn):
    """What all steps that decode have in common: they show how far they are."""

    def __init__(self, progress: str | None) -> None:
        self._progress = progress
        self._rows = Metrics.counter(progress_files.NAMESPACE, "rows")
        self._bytes = Metrics.counter(progress_files.NAMESPACE, "bytes")

    def report(self, elements: Iterable[T]) -> Iterator[T]:
        """What was read, as it came."""
        for element in elements:
            if (decoded := decoded_of(element)) is not None:
                self._count(decoded.accounting)
            yield element

    def _count(self, accounting: Accounting) -> None:
        self._rows.inc(accounting.rows)
        self._bytes.inc(accounting.bytes)
        if self._progress is not None:
            progress_files.heartbeat(self._progress).add(accounting.rows, accounting.bytes)

    def finish_bundle(self) -> None:
        if self._progress is not None:
            progress_files.heartbeat(self._progress).flush()


@beam.typehints.with_output_types(Batch)
class _DecodeFile(Reporting):
    """A file to batches: framed, decoded and batched here, so that nothing goes on record by record."""

    def __init__(self, file_format: Format, settings: Settings, progress: str | None) -> None:
        super().__init__(progress)
        self._format = file_format
        self._settings = settings

    def process(self, file: FileSize, types: Settled | None = None) -> Iterator[Any]:
        settings = self._settings
        if types is not None:
            settings = dataclasses.replace(settings, seen=types.types, origins=types.origins)
        for decoded in self.report(read_ahead(decode_file(FileSize(*file), self._format, settings))):
            if isinstance(decoded, Fault):
                yield beam.pvalue.TaggedOutput(_FAULTS, decoded)
                continue
            if decoded.batch is not None:
                yield decoded.batch
            yield from (beam.pvalue.TaggedOutput(_REJECTS, reject) for reject in decoded.rejects)
            yield beam.pvalue.TaggedOutput(_ACCOUNTING, decoded.accounting)
