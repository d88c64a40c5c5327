"""What a person reads of a dry run: one line a fact."""

from __future__ import annotations

import dataclasses

import pytest

from trueserve.pipelines.display.estimate_table import lines_of
from trueserve.pipelines.estimate.workload import Step, Workload
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import list_ranges

WORKLOAD = Workload(
    command="validate",
    input_format="format prediction_log",
    files=2,
    ranges=tuple(list_ranges([FileSize("a", 300_000_000), FileSize("b", 1000)])),
    rows=1_234_567,
    rows_source="from the first 8.4 MB of a",
    features=(("raw", 12), ("transformed", 13)),
    steps=(Step("raw statistics", 1.0), Step("slices by hour", 2.0)),
    notes=("read twice",),
)


def facts(workload: Workload) -> dict[str, str]:
    """By its name what each line but the first says; notes under one name."""
    _, *lines = lines_of(workload)
    return {line[:12].strip(): line[12:] for line in lines}


def test_one_line_a_fact() -> None:
    assert list(lines_of(WORKLOAD)) == [
        "dry run of validate: all checks passed; nothing was run, and nothing was written",
        "files       2, format prediction_log",
        "bytes       300.0 MB",
        "ranges      4; the largest has 100.0 MB",
        "rows        about 1.235M (from the first 8.4 MB of a)",
        "features    12 raw, 13 transformed",
        "branches    raw statistics; slices by hour",
        "core hours  about 0.02: 4 s to read, of them 1 s for the largest range, and 55 s to start processes",
        "memory      about 1.1 GB a process",
        "Dataflow    --num_workers=1 --machine_type=n1-standard-2",
        "note        read twice",
    ]


def test_what_is_not_known_is_said() -> None:
    unknown = dataclasses.replace(
        WORKLOAD,
        rows=None,
        rows_source="the input is a table",
        ranges=(),
        features=(("raw", 12), ("transformed", None)),
        steps=(*WORKLOAD.steps, Step("replay", None)),
    )
    lines = facts(unknown)
    assert lines["rows"] == "not known: the input is a table"
    assert lines["ranges"] == "0"
    assert lines["features"] == "12 raw, transformed not known yet"
    assert lines["branches"] == "raw statistics; slices by hour; replay (cost not known)"
    assert lines["core hours"].startswith("at least about 0.02: 0 s")


@pytest.mark.parametrize(
    ("rows", "shown"),
    [(10**9, "about 0.86: 50 min to read, of them 17 min"), (10**11, "about 83: 5000 min to read")],
)
def test_long_times_are_minutes_and_hours(rows: int, shown: str) -> None:
    assert facts(dataclasses.replace(WORKLOAD, rows=rows))["core hours"].startswith(shown)


def test_long_lists_end() -> None:
    steps = tuple(Step(f"slices by f{number}", 1.0) for number in range(14))
    assert facts(dataclasses.replace(WORKLOAD, steps=steps))["branches"].endswith("slices by f11; 2 more")
    twelve = facts(dataclasses.replace(WORKLOAD, steps=steps[:12]))
    assert twelve["branches"].endswith("slices by f11")


@pytest.mark.parametrize(
    ("kept", "flags"),
    [
        (9, "--num_workers=1 --machine_type=n1-highmem-2 --experiments=no_use_multiple_sdk_containers"),
        (999, "a process needs more memory than any machine type that is looked at; use --only"),
    ],
)
def test_flags_for_jobs_that_need_much_memory(kept: int, flags: str) -> None:
    assert facts(dataclasses.replace(WORKLOAD, kept_bytes=kept * 10**9))["Dataflow"] == flags


def test_a_name_cannot_move_the_cursor() -> None:
    hostile = dataclasses.replace(WORKLOAD, rows_source="of \x1b[2J", steps=(Step("slices by \n", 1.0),))
    assert not any("\x1b" in line or "\n" in line for line in lines_of(hostile))
