"""What a job would take: more for more bytes and more features, and nothing but the start for nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from trueserve.pipelines.estimate import costs, steps
from trueserve.pipelines.estimate.workload import Step, Workload, estimate
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import list_ranges
from trueserve.transforms.logs.formats.format_names import Format

MIB = 1 << 20


def workload(num_bytes: int = 512 * MIB, features: int = 20, **fields: Any) -> Workload:
    """One file of rows of 256 bytes."""
    made = Workload(
        command="validate",
        input_format="format tf_example",
        files=1,
        ranges=tuple(list_ranges([FileSize("log", num_bytes)])),
        rows=num_bytes // 256,
        rows_source="made up",
        features=(("raw", features),),
        steps=(steps.reading("raw statistics", features, Format.TF_EXAMPLE),),
    )
    return dataclasses.replace(made, **fields)


def test_work_is_rows_times_what_a_row_was_measured_to_cost() -> None:
    result = estimate(workload(256 * 2_000_000))
    assert result.work_seconds == pytest.approx(2.0)  # 2 million rows at 1.00 us, as in RESULTS.md
    assert result.start_seconds == pytest.approx(2 * (3.9 + 23.8))
    assert result.core_hours == pytest.approx((2.0 + 55.4) / 3600)


@pytest.mark.parametrize(("less", "more"), [(0, 1), (1, 100), (100, 10_000), (10_000, 1_000_000)])
def test_estimates_grow_with_bytes(less: int, more: int) -> None:
    few, rich = estimate(workload(less * MIB)), estimate(workload(more * MIB))
    assert few.work_seconds < rich.work_seconds
    assert few.core_hours < rich.core_hours
    assert few.workers <= rich.workers
    assert few.process_bytes == rich.process_bytes, "nothing grows with the log"


@pytest.mark.parametrize(("less", "more"), [(1, 20), (20, 21), (21, 4000), (4000, 8000)])
def test_estimates_grow_with_features(less: int, more: int) -> None:
    few, rich = estimate(workload(features=less)), estimate(workload(features=more))
    assert few.work_seconds < rich.work_seconds
    assert few.process_bytes < rich.process_bytes
    assert few.longest_seconds < rich.longest_seconds


def test_a_value_of_a_wide_row_costs_what_was_measured() -> None:
    assert costs.value_micros(1) == costs.value_micros(20) == pytest.approx(0.05)
    assert costs.value_micros(2010) == pytest.approx((0.05 + 0.17) / 2)
    assert costs.value_micros(4000) == costs.value_micros(50_000) == pytest.approx(0.17)


def test_without_rows_the_bytes_decide() -> None:
    result = estimate(workload(1000 * 10**6, rows=None))
    assert result.work_seconds == pytest.approx(1000 * costs.MEGABYTE_SECONDS)


@pytest.mark.parametrize("ranges", [(), tuple(list_ranges([FileSize("empty", 0)]))])
def test_an_empty_input_takes_the_start_alone(ranges: Any) -> None:
    result = estimate(workload(0, ranges=ranges, rows=0))
    assert (result.work_seconds, result.longest_seconds, result.workers) == (0, 0, 1)
    assert result.core_hours > 0


def test_steps_that_nobody_measured_are_left_out() -> None:
    known = workload()
    with_replay = dataclasses.replace(known, steps=(*known.steps, Step("replay", None)))
    assert estimate(with_replay).work_seconds == estimate(known).work_seconds


def test_the_largest_range_has_its_share_of_the_work() -> None:
    result = estimate(workload(512 * MIB))
    assert result.longest_seconds == pytest.approx(result.work_seconds / 4)


def test_no_more_processes_than_ranges_or_work_for_them() -> None:
    # 128 MiB of these rows take about half a second: a process gets some thousand ranges.
    assert estimate(workload(20_000 * 128 * MIB)).workers == 9
    slow = (Step("slow", 1e6),)
    assert estimate(workload(512 * MIB, steps=slow)).workers == 2, "four ranges, two cores a machine"
    assert estimate(workload(3000 * 128 * MIB, steps=slow)).workers == costs.MOST_WORKERS


@pytest.mark.parametrize(
    ("kept_gigabytes", "machine", "is_single"),
    [
        (0, "n1-standard-2", False),
        (4, "n1-highmem-2", False),
        (5.5, "n1-highmem-4", False),
        (9, "n1-highmem-2", True),
        (20, "n1-highmem-4", True),
        (99, "n1-highmem-16", True),
        (200, None, True),
    ],
)
def test_the_machine_has_room_for_its_processes(
    kept_gigabytes: float, machine: str | None, is_single: bool
) -> None:
    result = estimate(workload(kept_bytes=int(kept_gigabytes * 1e9)))
    assert (result.machine.name if result.machine else None, result.single_process) == (machine, is_single)


def test_memory_is_as_measured() -> None:
    """Peaks of RESULTS.md: 492 MB of narrow rows, 1,408 MB of 4,000 floats, 1,076 MB of flights."""
    assert estimate(workload(features=20)).process_bytes / 1e6 == pytest.approx(492, rel=0.02)
    assert estimate(workload(features=4000)).process_bytes / 1e6 == pytest.approx(1408, rel=0.02)
    flights = workload(features=12)
    with_graph = dataclasses.replace(flights, features=(("raw", 12), ("transformed", 12)))
    assert estimate(with_graph).process_bytes / 1e6 == pytest.approx(1076, rel=0.02)


def test_text_costs_more_than_examples() -> None:
    example = steps.reading("read", 20, Format.TF_EXAMPLE).micros
    assert example is not None
    assert example == steps.reading("read", 20, None).micros
    for text in (Format.REST, Format.CSV):
        assert (steps.reading("read", 20, text).micros or 0) > example
    assert (steps.analysing("analysis", 20, Format.TF_EXAMPLE).micros or 0) > example
    assert steps.unmeasured("replay").micros is None
