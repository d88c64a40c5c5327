"""What a job would take, as lines of text: for a terminal, for logs, and for grep."""

from __future__ import annotations

from collections.abc import Iterator

from trueserve.pipelines.estimate.workload import Estimate, Workload, estimate
from trueserve.transforms.publish import formatting

_WIDTH = 12
_MOST_NAMES = 12


def lines_of(workload: Workload) -> Iterator[str]:
    """One line a fact. Figures after `about` are estimates."""
    yield f"dry run of {workload.command}: all checks passed; nothing was run, and nothing was written"
    for name, text in _facts(workload, estimate(workload)):
        yield formatting.visible(f"{name.ljust(_WIDTH)}{text}", 1000)


def _facts(workload: Workload, estimated: Estimate) -> Iterator[tuple[str, str]]:
    yield "files", f"{workload.files:,}, {workload.input_format}"
    yield "bytes", formatting.size(workload.bytes)
    yield "ranges", _ranges(workload)
    yield "rows", _rows(workload)
    yield "features", ", ".join(_number_of(name, number) for name, number in workload.features)
    yield "branches", "; ".join(_step_names(workload))
    yield "core hours", _core_hours(workload, estimated)
    yield "memory", f"about {formatting.size(estimated.process_bytes)} a process"
    yield "Dataflow", _flags(estimated)
    yield from (("note", note) for note in workload.notes)


def _ranges(workload: Workload) -> str:
    if not workload.ranges:
        return "0"
    return f"{len(workload.ranges):,}; the largest has {formatting.size(workload.ranges[0].bytes)}"


def _rows(workload: Workload) -> str:
    if workload.rows is None:
        return f"not known: {workload.rows_source}"
    return f"about {formatting.number(workload.rows)} ({workload.rows_source})"


def _number_of(name: str, number: int | None) -> str:
    return f"{name} not known yet" if number is None else f"{number:,} {name}"


def _step_names(workload: Workload) -> list[str]:
    names = [step.name + (" (cost not known)" if step.micros is None else "") for step in workload.steps]
    rest = len(names) - _MOST_NAMES
    return [*names[:_MOST_NAMES], *([f"{rest:,} more"] if rest > 0 else [])]


def _core_hours(workload: Workload, estimated: Estimate) -> str:
    least = "at least " if any(step.micros is None for step in workload.steps) else ""
    return (
        f"{least}about {_hours(estimated.core_hours)}: {_duration(estimated.work_seconds)} to read, of them"
        f" {_duration(estimated.longest_seconds)} for the largest range, and"
        f" {_duration(estimated.start_seconds)} to start processes"
    )


def _hours(hours: float) -> str:
    return f"{hours:.2f}" if hours < 10 else f"{hours:,.0f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _flags(estimated: Estimate) -> str:
    if estimated.machine is None:
        return "a process needs more memory than any machine type that is looked at; use --only"
    flags = f"--num_workers={estimated.workers} --machine_type={estimated.machine.name}"
    return flags + (" --experiments=no_use_multiple_sdk_containers" if estimated.single_process else "")
