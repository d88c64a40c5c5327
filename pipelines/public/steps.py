"""Steps for a Beam pipeline of your own: read requests, compute statistics, publish a verdict."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.pipelines import plan
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms import publish_verdict, read
from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.reading import READING, ReadSummary
from trueserve.transforms.compute_statistics import ComputeStatistics
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows
from trueserve.transforms.runs import run_ids
from trueserve.transforms.verdict.model import Space

__all__ = ["ComputeStatistics", "PublishVerdict", "ReadRequests"]

# For options that a step does not use: where nothing is written, and what is read elsewhere.
_NOWHERE, _NO_LOG = "not-written", "requests"


@dataclasses.dataclass(eq=False)  # Beam sets attributes on a transform, and hashes it
class ReadRequests(beam.PTransform):
    """Reads logged requests as rows. Root to PCollections: `batches`, `rejects`, `faults`, `accounting`.

    Elements of `batches` have `features`: a `pa.RecordBatch` of the baseline's raw features, some thousand
    rows. A record that cannot be read is in `rejects`, a file that cannot in `faults`: nothing is raised.

    Attributes:
      logs: a glob, maybe with strftime fields.
      baseline: the folder of the baseline, whose types the values get.
      start, end: the half-open window, with a time zone; None for no bound.
      format: `auto`, or the name of a log's format.

    Raises:
      UsageError: when it is applied: the baseline is missing, or not complete.
      InputError: likewise: no file matches, or the format is not known.
    """

    logs: str
    baseline: str
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    format: str = "auto"

    def expand(self, root: Any) -> read.ReadResult:
        options = ValidateOptions(
            logs=self.logs,
            output=_NOWHERE,
            baseline=self.baseline,
            start=self.start,
            end=self.end,
            spaces=(Space.RAW.value,),
            format=self.format,
        )
        files = windows.expand(self.logs, self.start, self.end)
        settings = plan.request_settings(plan.make_plan(options))
        requests: read.ReadResult = root | read.ReadRequests(tuple(files), settings, self.format)
        return requests


@dataclasses.dataclass(eq=False)
class PublishVerdict(beam.PTransform):
    """Compares statistics of raw features with the baseline, and publishes a verdict.

    A PCollection of one `DatasetFeatureStatisticsList`, as `ComputeStatistics` or TFDV gives it, to one of
    the content of verdict.json. What takes the rows themselves is not compared: transformed features,
    features of other rows, replay. All rows count as read and compared.

    Attributes:
      baseline: the folder of the baseline.
      output: the folder to publish in, on any file system.
      start, end: the half-open window that the statistics are of, with a time zone; None for no bound.

    Raises:
      UsageError: when it is applied: the baseline is missing, or not complete; a time has no zone.
    """

    baseline: str
    output: str
    start: dt.datetime | None = None
    end: dt.datetime | None = None

    def __post_init__(self) -> None:
        super().__init__()
        for bound in (self.start, self.end):
            if bound is not None and bound.tzinfo is None:
                raise UsageError(f"expected a time with a zone, got {bound.isoformat()}")

    def expand(self, statistics: beam.PCollection[statistics_pb2.DatasetFeatureStatisticsList]) -> Any:
        options = ValidateOptions(
            logs=_NO_LOG, output=self.output, baseline=self.baseline, spaces=(Space.RAW.value,)
        )
        made = plan.make_plan(options)
        settings = dataclasses.replace(made.run_settings, window=Window(self.start, self.end))
        publish = publish_verdict.PublishVerdict(
            self.output, run_ids.new_run_id(), settings, made.source.references
        )
        return statistics | "AsResults" >> beam.FlatMap(_results) | "Publish" >> publish


def _results(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> Iterable[tuple[Kind, Any]]:
    """The statistics and their number of rows, as the last step takes them."""
    rows = int(statistics.datasets[0].num_examples) if statistics.datasets else 0
    counts = Accounting(read=rows, decoded=rows, rows=rows, compared=rows, files=0)
    yield (Space.RAW.value, 0), statistics
    yield READING, ReadSummary(counts)
