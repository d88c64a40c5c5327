"""PublishVerdict: the graph's last step, one element whose side inputs are all that the run found."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam

from transforms.core import accounting
from transforms.core.accounting import Accounting
from transforms.core.batches import Fault, Reject
from transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from transforms.publish.optional_checks import OptionalResults
from transforms.runs import run_folder
from transforms.verdict.model import Space
from transforms.verdict.reference import Reference

KEPT = 1000
_SLICES = "_slices"
# What is computed besides statistics: one element each.
_OPTIONAL = ("replay", "versions")
_SPACES = (Space.RAW, Space.TRANSFORMED, Space.PREDICTION)
# A kept payload is there to be looked at; a thousand of them must fit into a worker's memory.
KEPT_PAYLOAD = 64 * 1024


@dataclasses.dataclass(eq=False)  # Beam sets attributes on a transform, and hashes it
class PublishVerdict(beam.PTransform):
    """Compares, renders and publishes; gives one element: the content of verdict.json.

    Its input is a dict of PCollections, which become side inputs of the one element:
      raw, transformed, prediction: one DatasetFeatureStatisticsList each; any may be left out, or have no
        element.
      raw_slices, transformed_slices, prediction_slices: one SliceStatistics each, likewise.
      replay, versions: one ReplaySummary, one VersionRows, likewise.
      accounting: parts, any number.
      rejects: all; the first thousand by file and record are kept.
      faults: what makes the run fail.

    Attributes:
      output: folder, on any file system.
      run_id: shared by all attempts of this step (`run_ids.new_run_id`).
      settings: window, policy and contract of the run.
      load_references: gives what to compare with, one Reference a space. It is called on the worker, where
        it reads the baseline from its files: the statistics of a wide baseline are too large for a graph.
    """

    output: str
    run_id: str
    settings: RunSettings
    load_references: Callable[[], Sequence[Reference]]

    def expand(self, outputs: Mapping[str, Any]) -> Any:
        as_list = beam.pvalue.AsList
        side_inputs = {
            "counts": outputs["accounting"] | "SumAccounting" >> beam.CombineGlobally(accounting.total),
            "rejects": outputs["rejects"] | "KeepFirstRejects" >> beam.CombineGlobally(KeepFirst(KEPT)),
            "faults": outputs["faults"] | "KeepFirstFaults" >> beam.CombineGlobally(KeepFirst(KEPT)),
        }
        names = [*(f"{space}{part}" for space in _SPACES for part in ("", _SLICES)), *_OPTIONAL]
        side_inputs |= {name: outputs[name] for name in names if name in outputs}
        publish = _Publish(self.output, self.run_id, self.settings, self.load_references)
        return (
            outputs["accounting"].pipeline
            | "Once" >> beam.Create([None])
            | "Publish" >> beam.ParDo(publish, **{name: as_list(side) for name, side in side_inputs.items()})
        )


class KeepFirst(beam.CombineFn):
    """The first `limit` rejects or faults by file and place, as a sorted list; memory is bounded."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, accumulator: list[Any], element: Reject | Fault) -> list[Any]:
        accumulator.append(_cut(element))
        # Cutting at twice the limit costs little for each element.
        return self.compact(accumulator) if len(accumulator) >= 2 * self._limit else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        return self.compact([element for part in accumulators for element in part])

    def compact(self, accumulator: list[Any]) -> list[Any]:
        return heapq.nsmallest(self._limit, accumulator, key=_sort_key)

    def extract_output(self, accumulator: list[Any]) -> list[Any]:
        return self.compact(accumulator)


class _Publish(beam.DoFn):
    def __init__(
        self,
        output: str,
        run_id: str,
        settings: RunSettings,
        load_references: Callable[[], Sequence[Reference]],
    ) -> None:
        super().__init__()
        self._output, self._run_id = output, run_id
        self._settings, self._load_references = settings, load_references

    def process(
        self,
        _: None,
        counts: list[Accounting],
        rejects: list[list[Reject]],
        faults: list[list[Fault]],
        **outputs: Sequence[Any],
    ) -> Iterable[dict[str, Any]]:
        results = PipelineResults(
            statistics=_by_space(outputs, ""),
            slices=_by_space(outputs, _SLICES),
            accounting=accounting.total(counts),
            rejects=tuple(reject for part in rejects for reject in part),
            faults=tuple(fault for part in faults for fault in part),
            optional=OptionalResults(**{name: outputs[name][0] for name in _OPTIONAL if outputs.get(name)}),
        )
        verdict, files = assemble_verdict(self._load_references, results, self._settings)
        yield run_folder.publish(self._output, verdict, files, self._run_id).to_json()


def _by_space(outputs: Mapping[str, Sequence[Any]], part: str) -> dict[Space, Any]:
    by_space = {space: outputs.get(f"{space}{part}", ()) for space in _SPACES}
    assert all(len(messages) <= 1 for messages in by_space.values()), "statistics are one message a space"
    return {space: messages[0] for space, messages in by_space.items() if messages}


def _sort_key(element: Reject | Fault) -> tuple[str, int, str, str]:
    position = element.record if isinstance(element, Reject) else element.offset
    return (element.file, -1 if position is None else position, element.reason, element.detail)


def _cut(element: Reject | Fault) -> Reject | Fault:
    if not isinstance(element, Reject) or element.payload is None or len(element.payload) <= KEPT_PAYLOAD:
        return element
    detail = f"{element.detail} (the first {KEPT_PAYLOAD:,} of {len(element.payload):,} bytes are kept)"
    return dataclasses.replace(element, detail=detail, payload=element.payload[:KEPT_PAYLOAD])
