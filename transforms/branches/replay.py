"""Logged requests through a reference model."""

from __future__ import annotations

import functools

from trueserve.transforms.branches.branch import Branch, PartialResults
from trueserve.transforms.branches.load_once import LoadOnce
from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.branches.reading import READING, Reading
from trueserve.transforms.core.batches import Batch, Fault
from trueserve.transforms.files import paths
from trueserve.transforms.replay import summary
from trueserve.transforms.replay.compare import AnswerTolerance
from trueserve.transforms.replay.reference_model import ReferenceModel
from trueserve.transforms.replay.replay import replay
from trueserve.transforms.replay.summary import ReplaySummary

REPLAY: Kind = ("replay", 0)


class ReplayPartial(Partial):
    """A `ReplaySummary`."""

    def __init__(self) -> None:
        self._summary = ReplaySummary()

    def add(self, part: ReplaySummary) -> None:
        self._summary = summary.merge([self._summary, part])

    def merge(self, other: ReplayPartial) -> None:
        self.add(other.result())

    def result(self) -> ReplaySummary:
        return self._summary


class Replay(Branch):
    """A `ReplaySummary` of raw features, read with `Settings.responses`; a fault if the model does not load.

    Attributes:
      model: folder of a SavedModel, on any file system that the workers reach (see
        `reference_model.ReferenceModel`). Each process fetches and loads it once.
      tolerance: how far apart answers may lie.
      keep_payloads: whether the worst rows are kept with what is in them.
    """

    def __init__(self, model: str, tolerance: AnswerTolerance, *, keep_payloads: bool = False) -> None:
        self._model = LoadOnce(functools.partial(_load, model))
        self._tolerance = tolerance
        self._keep_payloads = keep_payloads

    def start(self) -> None:
        self._partial = ReplayPartial()
        self._fault: Fault | None = None

    def add(self, batch: Batch) -> None:
        model = self._model.get()
        if isinstance(model, Fault):
            self._fault = model
            return
        self._partial.add(replay(batch, model, self._tolerance, keep_payloads=self._keep_payloads))

    def result(self) -> PartialResults:
        yield REPLAY, self._partial
        if self._fault is not None:
            yield READING, Reading(faults=[self._fault])


def _load(folder: str) -> ReferenceModel | Fault:
    # A model that does not load is a result: a worker that dies would be started again, for nothing.
    try:
        with paths.local_copy(folder) as local:
            return ReferenceModel(local)
    except Exception as error:  # noqa: BLE001 - TensorFlow raises anything for a broken model
        return Fault(folder, "replay_model", _why(error))


def _why(error: Exception) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"the reference model of --replay cannot be loaded: {line[:300]}"
