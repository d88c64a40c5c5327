"""PublishVerdict: the graph's last step, one element that is all that the run found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam

from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.predictions import PERFORMANCE
from trueserve.transforms.branches.ranges_read import Numbering
from trueserve.transforms.branches.reading import READING, ReadSummary
from trueserve.transforms.branches.replay import REPLAY
from trueserve.transforms.branches.samples import design_effect, sample
from trueserve.transforms.branches.samples.repeats import REPEATS
from trueserve.transforms.branches.samples.requests import REQUESTS
from trueserve.transforms.branches.samples.row_sample import ROWS
from trueserve.transforms.branches.samples.served_rows import SERVED_ROWS
from trueserve.transforms.branches.slices import SLICES
from trueserve.transforms.branches.statistics import OTHER_TYPES
from trueserve.transforms.branches.versions import VERSIONS
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.logs.repeated_rows import RowRepeats
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.publish.optional_checks import OptionalResults
from trueserve.transforms.replay.summary import ReplaySummary
from trueserve.transforms.runs import run_folder
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

# The key of the one group.
_ALL = "all"


@dataclasses.dataclass(eq=False)  # Beam sets attributes on a transform, and hashes it
class PublishVerdict(beam.PTransform):
    """Compares, renders and publishes; gives one element: the content of verdict.json.

    Its input are (kind, result) as `MergeByKind` gives them, one of each kind at most; they become one group.
    What has no result was not asked for. They are no side input: on Dask the step would compute that by
    itself, and all of it once more if its worker were lost.

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

    def expand(self, results: beam.PCollection[tuple[Kind, Any]]) -> Any:
        # Nothing at all is published, too.
        nothing = results.pipeline | "Nothing" >> beam.Create([(_ALL, None)], reshuffle=False)
        keyed = results | "KeyResults" >> beam.Map(_keyed)
        return (
            (nothing, keyed)
            | "JoinResults" >> beam.Flatten()
            | "GroupResults" >> beam.GroupByKey()
            | "Publish" >> beam.ParDo(self.step())
        )

    def step(self) -> beam.DoFn:
        """The step that takes the one group of all results."""
        return _Publish(self.output, self.run_id, self.settings, self.load_references)


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

    def process(self, group: tuple[str, Iterable[tuple[Kind, Any] | None]]) -> Iterable[dict[str, Any]]:
        results = dict(result for result in group[1] if result is not None)
        verdict, files = assemble_verdict(self._load_references, _assembled(results), self._settings)
        yield run_folder.publish(self._output, verdict, files, self._run_id).to_json()


def _keyed(result: tuple[Kind, Any]) -> tuple[str, tuple[Kind, Any]]:
    # Not a lambda: that would be pickled with its code, and the path of its source.
    return _ALL, result


def _assembled(results: Mapping[Kind, Any]) -> PipelineResults:
    reading = results.get(READING, ReadSummary(Accounting()))
    if reading.numbering.lost:
        # Rows were examined that do not count.
        return PipelineResults({}, reading.accounting, reading.rejects, reading.faults)
    statistics, of_slices = _by_space(results, ""), _by_space(results, SLICES)
    for space, effects in _by_space(results, REQUESTS).items():
        for counted in (statistics.get(space), getattr(of_slices.get(space), "statistics", None)):
            design_effect.note(counted, effects)
    return PipelineResults(
        statistics=statistics,
        slices=of_slices,
        accounting=reading.accounting,
        rejects=reading.rejects,
        faults=reading.faults,
        other_types=results.get(OTHER_TYPES),
        rows=results.get((ROWS, 0)),
        optional=OptionalResults(
            _replay_summary(results, reading.numbering),
            results.get(VERSIONS),
            results.get(PERFORMANCE),
            rows=sample.read(results.get(SERVED_ROWS, b"")),
        ),
        repeats=_repeats(results, reading.numbering),
    )


def _replay_summary(results: Mapping[Kind, Any], numbering: Numbering) -> ReplaySummary | None:
    """What replaying found; the worst rows have their records' numbers in the file."""
    summary: ReplaySummary | None = results.get(REPLAY)
    if summary is None:
        return None
    numbers = [(row, numbering.number(row.file, row.record)) for row in summary.worst]
    worst = [dataclasses.replace(row, record=number) for row, number in numbers if number is not None]
    return dataclasses.replace(summary, worst=tuple(worst))


def _repeats(results: Mapping[Kind, Any], numbering: Numbering) -> RowRepeats | None:
    """The repeated rows, with the numbers that their records have in the file."""
    repeats: RowRepeats | None = results.get(REPEATS)
    if repeats is None:
        return None
    numbers = [(row, numbering.number(row.file, row.record)) for row in repeats.repeated]
    rows = tuple(dataclasses.replace(row, record=number) for row, number in numbers if number is not None)
    return dataclasses.replace(repeats, repeated=rows)


def _by_space(results: Mapping[Kind, Any], suffix: str) -> dict[Space, Any]:
    kinds = {space: (f"{space}{suffix}", 0) for space in Space}
    return {space: results[kind] for space, kind in kinds.items() if kind in results}
