"""Ranges examined in one step: the results are those worked out in memory, whatever the runner optimizes."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.pvalue import PCollection
from support import branches as support
from support import runners
from support.examined import READS, examined, make_branches, write_files

from trueserve.transforms import examine_range
from trueserve.transforms.branches import load_once
from trueserve.transforms.branches.branch import examine
from trueserve.transforms.branches.load_once import LoadOnce
from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.branches.ranges_read import Numbering
from trueserve.transforms.branches.reading import READING, Reading
from trueserve.transforms.branches.statistics import StatisticsPartial
from trueserve.transforms.branches.versions import VERSIONS
from trueserve.transforms.coders import PartialCoder
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.heartbeats import read_progress
from trueserve.transforms.examine_range import ExamineFiles, numbers_kept
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import list_ranges
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.merge_results import MergeResults


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileSize, ...]:
    return write_files(tmp_path_factory.mktemp("ranges"))


@pytest.mark.parametrize("optimizer", [True, False], ids=["fused", "unfused"])
def test_results_are_those_in_memory(
    files: tuple[FileSize, ...], optimizer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [] if optimizer else runners.without_optimizer(monkeypatch)
    ranges = [decode_file(file, Format.PREDICTION_LOG, READS) for file in files]
    expected = support.results(make_branches(), *ranges)
    assert expected.keys() == {
        READING,
        ("raw", 0),
        ("raw_slices", 0),
        ("versions", 0),
        *(("windows", number) for number in range(3)),
    }
    reading = expected[READING]
    assert (len(reading.rejects), len(reading.faults), reading.accounting.files) == (1, 1, 2)
    assert examined(files) == expected
    if not optimizer:
        assert max(len(runners.transforms_of(stage)) for stage in stages) == 1
        assert not runners.has_lifted_combine(stages)


def test_a_run_shows_how_far_it_is(files: tuple[FileSize, ...], tmp_path: Path) -> None:
    results = examined(files, str(tmp_path))
    accounting = results[READING].accounting
    assert read_progress(str(tmp_path)) == (accounting.rows, accounting.bytes)


def _outputs(root: Any) -> list[PCollection]:
    return [*root.outputs.values(), *(output for part in root.parts for output in _outputs(part))]


def test_nothing_larger_than_a_partial_result_leaves_the_step(files: tuple[FileSize, ...]) -> None:
    pipeline = beam.Pipeline()
    _ = pipeline | "ExamineRequests" >> ExamineFiles(files, Format.PREDICTION_LOG, READS, make_branches())
    outputs = _outputs(pipeline.transforms_stack[0])
    assert {output.tag for output in outputs} == {None}
    [step] = [
        output for output in outputs if output.producer.full_label == "ExamineRequests/Examine/ExamineRange"
    ]
    assert step.element_type == beam.typehints.Tuple[beam.typehints.Tuple[str, int], Partial]
    coder = beam.coders.registry.get_coder(step.element_type)
    assert coder.key_coder().is_deterministic()
    assert isinstance(coder.value_coder(), PartialCoder)


def test_merging_adds_to_the_first_and_copies_nothing() -> None:
    parts = [StatisticsPartial({}) for _ in range(3)]
    combine = MergeResults()
    total = combine.create_accumulator()
    for part in parts:
        total = combine.add_input(total, part)
    assert total is parts[0]
    assert combine.merge_accumulators([None, parts[1], parts[2]]) is parts[1]


def test_merging_encoded_results_leaves_them_as_they_are() -> None:
    """A step that runs again gets the same objects again, and must not count them twice."""
    readings = [Reading([Accounting(read=number)]) for number in (1, 10, 100)]
    elements = [PartialCoder().encode(reading) for reading in readings]
    combine = MergeResults()
    totals = [combine.extract_output(combine.add_inputs(None, elements)) for _ in range(2)]
    assert [total.accounting.read for total in totals] == [111, 111]


def test_dask_moves_encoded_results_under_names_of_the_job(files: tuple[FileSize, ...]) -> None:
    """It hands on objects as they are, and has results of other jobs under the same names."""
    steps = []
    for _ in range(2):
        pipeline = beam.Pipeline(runner="apache_beam.runners.dask.dask_runner.DaskRunner")
        _ = pipeline | ExamineFiles(files, Format.PREDICTION_LOG, READS, make_branches())
        outputs = _outputs(pipeline.transforms_stack[0])
        steps += [output for output in outputs if output.producer.full_label.endswith("/Encode")]
    assert len(steps) == 2
    kinds = {step.element_type for step in steps}
    assert kinds == {beam.typehints.Tuple[beam.typehints.Tuple[str, int], bytes]}
    assert steps[0].producer.transform.raw_side_inputs != steps[1].producer.transform.raw_side_inputs


class _Heavy:
    """What is loaded once."""


_LOADED: list[_Heavy] = []


def _load() -> _Heavy:
    _LOADED.append(_Heavy())
    return _LOADED[-1]


def test_what_is_heavy_is_loaded_when_it_is_needed_and_once_for_all_copies() -> None:
    _LOADED.clear()
    heavy: LoadOnce[_Heavy] = load_once.LoadOnce(_load)
    copies = [pickle.loads(pickle.dumps(heavy)) for _ in range(2)]
    assert not _LOADED
    assert copies[0].get() is copies[1].get() is copies[0].get()
    assert len(_LOADED) == 1


def test_a_branch_keeps_nothing_of_what_it_has_handed_on(files: tuple[FileSize, ...]) -> None:
    branches = make_branches()
    partials = [
        partial for _, partial in examine(decode_file(files[0], Format.PREDICTION_LOG, READS), branches)
    ]
    handed_on = [weakref.ref(partial) for partial in partials]
    del partials
    gc.collect()
    assert len(handed_on) > len(branches)
    assert [reference() for reference in handed_on] == [None] * len(handed_on)


@pytest.mark.parametrize("range_bytes", [700, 5000])
def test_ranges_of_files_give_the_results_of_files(files: tuple[FileSize, ...], range_bytes: int) -> None:
    good = (files[0], files[2])  # the other one is cut short
    expected, results = examined(good, range_bytes=0), examined(good, range_bytes=range_bytes)
    assert len(list_ranges(good, range_bytes)) > 5
    reading = results.pop(READING)
    assert dataclasses.replace(reading, numbering=Numbering()) == expected.pop(READING)
    assert results.keys() == expected.keys()
    assert results[VERSIONS] == expected[VERSIONS]
    assert _counted(results) == _counted(expected)


def _counted(results: dict[Kind, Any]) -> dict[Kind, list[tuple[str, int]]]:
    """Rows and values of each feature; quantiles may differ with the order of rows."""
    statistics = {kind: result.statistics for kind, result in results.items() if kind[0] == "windows"}
    statistics |= {kind: result for kind, result in results.items() if kind[0] == "raw"}
    return {
        kind: [
            (feature.path.step[0], stats.num_non_missing)
            for feature in result.datasets[0].features
            for stats in [feature.num_stats.common_stats or feature.string_stats.common_stats]
        ]
        for kind, result in statistics.items()
    }


def test_what_is_after_a_fault_counts_for_nothing(files: tuple[FileSize, ...]) -> None:
    expected, result = (examined(files, range_bytes=length)[READING] for length in (0, 700))
    assert result.faults == expected.faults
    assert result.rejects == expected.rejects
    assert dataclasses.replace(result.accounting, bytes=0) == dataclasses.replace(
        expected.accounting, bytes=0
    )


@pytest.mark.parametrize(
    ("num_ranges", "num_bytes", "kept"),
    [(63, 1 << 40, 0), (64, 1 << 30, 0), (64, 1 << 40, 384), (256, 1 << 40, 192), (1 << 20, 1 << 50, 32)],
)
def test_the_more_ranges_the_fewer_numbers_each_keeps(num_ranges: int, num_bytes: int, kept: int) -> None:
    assert numbers_kept(num_ranges, num_bytes) == kept


def test_results_that_are_made_small_have_the_same_counts(
    files: tuple[FileSize, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = examined(files[:1])
    monkeypatch.setattr(examine_range, "numbers_kept", lambda _ranges, _bytes: 20)
    results = examined(files[:1])
    assert _counted(results) == _counted(expected)
    assert results["windows", 0] == expected["windows", 0]
    small, usual = (of["raw", 0].datasets[0].features[0] for of in (results, expected))
    assert (small.num_stats.mean, small.num_stats.max) == (usual.num_stats.mean, usual.num_stats.max)
    assert small.custom_stats != usual.custom_stats
