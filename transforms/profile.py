"""How many bytes leave the step that examines ranges: measured there, told at the end of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from apache_beam.metrics import Metrics, MetricsFilter

from trueserve.transforms.branches.branch import Fork, PartialResults
from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.coders import PartialCoder

_NAMESPACE = "trueserve-profile"


class Measured(Fork):
    """Branches, whose partial results are encoded once more, to find out how long they are.

    The account of reading is no branch's, and is not measured.
    """

    def result(self) -> PartialResults:
        for kind, partial in super().result():
            _count(kind, partial)
            yield kind, partial


class Moved(NamedTuple):
    """The partial results of kinds with one name: how many there are, and their bytes."""

    name: str
    results: int
    total_bytes: int
    most_bytes: int


def moved(result: Any) -> Sequence[Moved]:
    """What `Measured` counted in a job that has ended, by name; nothing where a runner gives no metrics.

    Args:
      result: a `PipelineResult` of Beam's.
    """
    # Dask's raise NotImplementedError, a service's whatever its client raises. The run itself has ended well.
    with contextlib.suppress(Exception):
        return sorted(_moved(result))
    return []


def _count(kind: Kind, partial: Partial) -> None:
    Metrics.distribution(_NAMESPACE, kind[0]).update(len(PartialCoder().encode(partial)))


def _moved(result: Any) -> Iterator[Moved]:
    query = result.metrics().query(MetricsFilter().with_namespace(_NAMESPACE))
    for metric in query["distributions"]:
        bytes_of = metric.result
        yield Moved(metric.key.metric.name, bytes_of.count, bytes_of.sum, bytes_of.max)
