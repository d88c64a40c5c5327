"""TensorFlow's threads: as many as a worker has cores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trueserve.transforms.graph.threads import usable_cores

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


def test_loading_a_graph_sets_tensorflows_threads() -> None:
    """In a process of its own, as TensorFlow is told before its first operation or never."""
    code = (
        "import os\n"
        "from trueserve.transforms.graph import transform_graph, threads\n"
        "import tensorflow as tf\n"
        "def show():\n"
        "    threads.limit_tensorflow()\n"
        "    print(tf.config.threading.get_intra_op_parallelism_threads(),"
        " tf.config.threading.get_inter_op_parallelism_threads())\n"
        "os.environ['TF_NUM_INTRAOP_THREADS'] = '7'\n"
        "show()\n"
        "del os.environ['TF_NUM_INTRAOP_THREADS']\n"
        "show()\n"
        "tf.constant(1)\n"
        "show()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    of_the_setting, of_the_cores, after_the_first_operation = done.stdout.splitlines()
    assert of_the_setting == "0 0"
    assert of_the_cores == after_the_first_operation == f"{PINNED} {PINNED}"
