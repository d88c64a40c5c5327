"""ReplayRequests: logged requests through a reference model; CountVersions: who answered them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.utils import shared

from transforms.core.batches import Batch, Fault
from transforms.files import paths
from transforms.replay import summary, versions
from transforms.replay.compare import AnswerTolerance
from transforms.replay.reference_model import ReferenceModel
from transforms.replay.replay import replay
from transforms.replay.summary import ReplaySummary
from transforms.replay.versions import VersionRows

_FAULTS = "faults"


class ReplayResults(NamedTuple):
    """The PCollections of `ReplayRequests`.

    Attributes:
      summary: one `ReplaySummary`.
      faults: `Fault`, where the model could not be loaded.
    """

    summary: beam.PCollection
    faults: beam.PCollection


@dataclasses.dataclass(eq=False)
class ReplayRequests(beam.PTransform):
    """`PCollection[Batch]` of raw features, read with `Settings.responses`, to `ReplayResults`.

    Attributes:
      model: folder of a SavedModel, on any file system that the workers reach (see
        `reference_model.ReferenceModel`). Each process fetches and loads it once.
      tolerance: how far apart answers may lie.
      keep_payloads: whether the worst rows are kept with what is in them.
    """

    model: str
    tolerance: AnswerTolerance
    keep_payloads: bool = False

    def expand(self, batches: beam.PCollection[Batch]) -> ReplayResults:
        replaying = beam.ParDo(_Replay(self.model, self.tolerance, self.keep_payloads))
        outputs = batches | "Replay" >> replaying.with_outputs(_FAULTS, main="summaries")
        together = outputs.summaries | "MergeSummaries" >> beam.CombineGlobally(_MergeSummaries())
        return ReplayResults(together, outputs[_FAULTS])


class CountVersions(beam.PTransform):
    """`PCollection[Batch]` to one `VersionRows`."""

    def expand(self, batches: beam.PCollection[Batch]) -> Any:
        return batches | "CountRows" >> beam.CombineGlobally(_CountVersions())


@beam.typehints.with_input_types(Batch)
@beam.typehints.with_output_types(ReplaySummary)
class _Replay(beam.DoFn):
    def __init__(self, model: str, tolerance: AnswerTolerance, keep_payloads: bool) -> None:
        super().__init__()
        self._folder = model
        self._tolerance = tolerance
        self._keep_payloads = keep_payloads
        self._shared = shared.Shared()
        self._model: _Loaded | None = None

    def setup(self) -> None:
        self._model = self._shared.acquire(self._load)

    def _load(self) -> _Loaded:
        # A model that does not load is an element: a worker that dies would be started again, for nothing.
        try:
            with paths.local_copy(self._folder) as folder:
                return _Loaded(ReferenceModel(folder), None)
        except Exception as error:  # noqa: BLE001 - TensorFlow raises anything for a broken model
            return _Loaded(None, Fault(self._folder, "replay_model", _why(error)))

    def process(self, batch: Batch) -> Iterator[Any]:
        assert self._model is not None
        model, fault = self._model.model, self._model.fault
        if model is None:
            yield beam.pvalue.TaggedOutput(_FAULTS, fault)
            return
        yield replay(batch, model, self._tolerance, keep_payloads=self._keep_payloads)


class _Loaded:
    """A model, or why there is none; what is shared in a process must take weak references."""

    def __init__(self, model: ReferenceModel | None, fault: Fault | None) -> None:
        self.model = model
        self.fault = fault


def _why(error: Exception) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"the reference model of --replay cannot be loaded: {line[:300]}"


class _MergeSummaries(beam.CombineFn):
    def create_accumulator(self) -> ReplaySummary:
        return ReplaySummary()

    def add_input(self, accumulator: ReplaySummary, element: ReplaySummary) -> ReplaySummary:
        return summary.merge([accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[ReplaySummary]) -> ReplaySummary:
        return summary.merge(accumulators)

    def extract_output(self, accumulator: ReplaySummary) -> ReplaySummary:
        return accumulator


@beam.typehints.with_input_types(Batch)
class _CountVersions(beam.CombineFn):
    def create_accumulator(self) -> VersionRows:
        return {}

    def add_input(self, accumulator: VersionRows, element: Batch) -> VersionRows:
        return versions.merge([accumulator, versions.count_versions(element.metadata)])

    def merge_accumulators(self, accumulators: Iterable[VersionRows]) -> VersionRows:
        return versions.merge(accumulators)

    def extract_output(self, accumulator: VersionRows) -> VersionRows:
        return accumulator
