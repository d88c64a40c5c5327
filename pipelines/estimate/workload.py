"""A job's work, as known before it runs, and what it would take by the figures of `costs`."""

from __future__ import annotations

import dataclasses
import math

from trueserve.pipelines.estimate import costs
from trueserve.pipelines.estimate.costs import Machine
from trueserve.transforms.files.ranges import RangeGroup


@dataclasses.dataclass(frozen=True)
class Step:
    """What is done with each row.

    Attributes:
      name: as a person reads it.
      micros: CPU microseconds a row; None where nobody has measured it, as of a model that is replayed.
    """

    name: str
    micros: float | None


@dataclasses.dataclass(frozen=True)
class Workload:
    """What a command would do.

    Attributes:
      command: its name.
      files: how many.
      ranges: what an element of the job reads, the largest first.
      rows: about how many, None where nobody knows.
      rows_source: where the number of rows is from, or why it is not known.
      features: how many there are by the name of their space; None for a number that is not known yet.
      steps: what is done in one read, or in several, one after the other.
      notes: what else a person should know.
      kept_bytes: memory that results take beside the summaries of `features`, in each process.
    """

    command: str
    input_format: str
    files: int
    ranges: tuple[RangeGroup, ...]
    rows: int | None
    rows_source: str
    features: tuple[tuple[str, int | None], ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    kept_bytes: int = 0

    @property
    def bytes(self) -> int:
        """Bytes of the input, as stored."""
        return sum(group.bytes for group in self.ranges)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a job would take on Dataflow. None of it is a promise.

    Attributes:
      work_seconds: CPU seconds of reading, all processes together.
      start_seconds: CPU seconds in which the processes start.
      longest_seconds: CPU seconds of the largest range, which one process reads.
      process_bytes: memory of a process at its peak.
      workers: how many machines to ask for.
      machine: of which type; None where one process fits into none of them.
      single_process: whether a machine should have one process in all, for lack of memory.
    """

    work_seconds: float
    start_seconds: float
    longest_seconds: float
    process_bytes: int
    workers: int
    machine: Machine | None
    single_process: bool = False

    @property
    def core_hours(self) -> float:
        """All CPU time, in hours of one core."""
        return (self.work_seconds + self.start_seconds) / 3600


def estimate(workload: Workload) -> Estimate:
    """What the workload takes. It grows with the input's bytes and with its features."""
    work, memory = _work_seconds(workload), _process_bytes(workload)
    machine, single = _machine(memory)
    processes_each = machine.cpus if machine is not None and not single else 1
    worth_starting = min(math.ceil(work / costs.SECONDS_A_PROCESS), len(workload.ranges))
    workers = min(max(math.ceil(worth_starting / processes_each), 1), costs.MOST_WORKERS)
    start = workers * processes_each * (costs.IMPORT_SECONDS + costs.COMPILE_SECONDS)
    largest = workload.ranges[0].bytes if workload.ranges else 0
    longest = work * largest / workload.bytes if workload.bytes else 0.0
    return Estimate(work, start, longest, memory, workers, machine, single)


def _work_seconds(workload: Workload) -> float:
    """By rows where they are known, else by bytes; steps of unknown cost count as nothing."""
    micros = [step.micros for step in workload.steps if step.micros is not None]
    if workload.rows is None:
        return workload.bytes / 1e6 * costs.MEGABYTE_SECONDS * len(micros)
    return workload.rows * sum(micros) / 1e6


def _process_bytes(workload: Workload) -> int:
    features = sum(number or 0 for _, number in workload.features)
    graph = costs.GRAPH_MEGABYTES if len(workload.features) > 1 else 0.0
    fixed = costs.BASE_MEGABYTES + costs.READING_MEGABYTES + graph
    return int((fixed + features * costs.FEATURE_MEGABYTES) * 1e6) + workload.kept_bytes


def _machine(process_bytes: int) -> tuple[Machine | None, bool]:
    """The first machine with room for a process on each core, else for one alone; and whether it is one."""
    for is_single in (False, True):
        for machine in costs.MACHINES:
            # Larger machines have no more memory a core than the second one.
            processes = 1 if is_single else machine.cpus
            if processes * process_bytes <= (machine.gigabytes - costs.RESERVED_GIGABYTES) * 1e9:
                return machine, is_single
    return None, True
