"""TensorFlow's threads: as many as a worker has cores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from transforms.graph.threads import usable_cores

PINNED = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100000 100000\n", 1),
        ("150000 100000\n", min(2, PINNED)),
        ("10000 100000\n", 1),
        ("6400000 100000\n", PINNED),
        ("max 100000\n", PINNED),
        ("nonsense\n", PINNED),
        ("1 0\n", PINNED),
    ],
)
def test_a_quota_bounds_the_cores(tmp_path: Path, text: str, expected: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text, encoding="ascii")
    assert usable_cores(file) == expected


def test_without_control_groups_the_cores_are_those_pinned_to(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "absent") == PINNED


@pytest.mark.parametrize(("setting", "expected"), [(None, PINNED), ("7", 0)])
def test_loading_a_graph_sets_tensorflows_threads(setting: str | None, expected: int) -> None:
    """In a process of its own, as TensorFlow is told before its first operation or never."""
    code = (
        "from transforms.graph import transform_graph, threads; threads.limit_tensorflow();"
        " import tensorflow as tf;"
        "print(tf.config.threading.get_intra_op_parallelism_threads(),"
        " tf.config.threading.get_inter_op_parallelism_threads());"
        "tf.constant(1); threads.limit_tensorflow()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_NUM_INTRAOP_THREADS"}
    environment |= {} if setting is None else {"TF_NUM_INTRAOP_THREADS": setting}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(expected)] * 2
