"""How many threads a worker's TensorFlow may run: as many as the worker has cores, and no more."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
_NUM_THREADS = "TF_NUM_INTRAOP_THREADS"


def usable_cores(cpu_max: Path = _CPU_MAX) -> int:
    """The cores that this process may use: those it is pinned to, within its container's quota, 1 at least.

    `cpu_max` is the control group's file of that name (Linux, version 2): microseconds of CPU and the period
    for which they are given, or `max`. TensorFlow itself knows of the pinning alone: in a container with two
    of a machine's 64 cores it would start 64 threads.
    """
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(pinned, _quota(cpu_max) or pinned))


def limit_tensorflow() -> None:
    """Gives TensorFlow's thread pools this process's cores, before the first operation.

    TensorFlow's own variables go first: on a machine with many worker processes TF_NUM_INTRAOP_THREADS=1
    gives each its one core. Once TensorFlow has run something its pools are what they are.
    """
    import tensorflow as tf

    if _NUM_THREADS in os.environ:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(usable_cores())
        tf.config.threading.set_inter_op_parallelism_threads(usable_cores())
    except RuntimeError:
        return


def _quota(cpu_max: Path) -> int | None:
    try:
        quota, period = cpu_max.read_text(encoding="ascii").split()
        return None if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None
