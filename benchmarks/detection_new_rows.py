"""New rows beside training's own, of which whatever was fitted on them says better things.

A baseline is made by the real command, with each of tf.Transform's analyzers on features with long tails.
Clean windows are drawn anew; none of what the graph gives may be an error.
"""

from __future__ import annotations

import functools
import multiprocessing
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import in_memory
from benchmarks.in_memory import Column, Lists
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.reference import training_side
from trueserve.transforms.verdict.compare import Policy, compare
from trueserve.transforms.verdict.model import Severity

Array = np.ndarray[Any, Any]

#: The numbers that the preprocessing makes principal components of; its module needs TensorFlow.
PARTS = tuple(f"part_{number}" for number in range(8))
_PREPROCESSING = Path(__file__).resolve().parent / "new_rows_preprocessing.py"
_TRAINING_ROWS, _ROWS, _AT_ONCE = 20_000, 5_000, 1_000
#: Baselines and windows of each, in a full run and in a short one.
FULL, FEW = (16, 25), (1, 40)
_VOCABULARY = np.array([f"w{number:05d}" for number in range(50_000)], object)
_SHARES = np.cumsum(1 / np.arange(1, len(_VOCABULARY) + 1) ** 1.1)


class Window(NamedTuple):
    """A clean window: its baseline and number, and the features that were errors, each with its message."""

    baseline: int
    number: int
    errors: tuple[tuple[str, str], ...]


def drawn(rows: int, random: np.random.Generator) -> dict[str, Column]:
    """Features with long tails."""
    lengths = 1 + np.minimum(random.poisson(3, rows), 9)
    common = random.standard_t(3, rows)
    columns: dict[str, Column] = {
        "income": random.lognormal(0, 1.5, rows).astype("float32"),
        "city": _texts(random, rows),
        "words": Lists(_texts(random, int(lengths.sum())), lengths),
    }
    for number, name in enumerate(PARTS):
        columns[name] = (common / (number + 1) + random.standard_t(3, rows)).astype("float32")
    return columns


def _texts(random: np.random.Generator, count: int) -> Array:
    places = np.searchsorted(_SHARES, random.random(count) * _SHARES[-1])
    texts: Array = _VOCABULARY[np.minimum(places, len(_VOCABULARY) - 1)]
    return texts


def prepare(folder: Path, seed: int) -> None:
    """A baseline, made by the real command."""
    flags = write_training(folder, seed, _TRAINING_ROWS, _PREPROCESSING)
    # By its own process: what TensorFlow takes is given back.
    command = "import sys; from trueserve.pipelines.cli import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", command, "prepare", *flags], check=True, capture_output=True)


def write_training(folder: Path, seed: int, num_rows: int, preprocessing: Path) -> list[str]:
    """Writes the rows to train on; the flags of `prepare`."""
    (folder / "examples").mkdir()
    rows = in_memory.batch(drawn(num_rows, np.random.default_rng([seed, 5])))
    for part in range(4):
        table = pa.Table.from_batches([rows.take(pa.array(np.arange(part, rows.num_rows, 4)))])
        pq.write_table(table, folder / f"examples/{part}.parquet")
    return [
        f"--examples={folder}/examples/*.parquet",
        f"--preprocessing={preprocessing}",
        f"--baseline={folder}/baseline",
    ]


def judged(counts: tuple[int, int] = FULL, seed: int = 1) -> list[Window]:
    """Clean windows against new baselines, one after another, on two processes."""
    num_baselines, num_windows = counts
    windows: list[Window] = []
    for number in range(num_baselines):
        with (
            tempfile.TemporaryDirectory(prefix="trueserve-new-rows-") as folder,
            multiprocessing.get_context("spawn").Pool(2) as pool,
        ):
            baseline = 1000 * seed + number
            prepare(Path(folder), baseline)
            judge_window = functools.partial(judge, folder, baseline)
            windows += pool.map(judge_window, range(num_windows), chunksize=5)
    return windows


def judge(folder: str, baseline: int, number: int) -> Window:
    """One window against the baseline of a prepared folder."""
    references, graph = _baseline(folder)
    rows = in_memory.batch(drawn(_ROWS, np.random.default_rng([baseline, number, 6])))
    parts = [graph.transform_rows(rows.slice(first, _AT_ONCE))[0] for first in range(0, _ROWS, _AT_ONCE)]
    transformed = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
    errors = [
        (finding.feature, finding.message)
        for reference, of_space in zip(references, (rows, transformed), strict=True)
        for finding in compare(
            reference, in_memory.statistics(of_space, reference), Policy(), Counter()
        ).findings
        if finding.severity is Severity.ERROR
    ]
    return Window(baseline, number, tuple(errors))


@functools.cache
def _baseline(folder: str) -> tuple[list[Any], TransformGraph]:
    baseline = load_baseline(f"{folder}/baseline")
    return training_side.of_baseline(baseline, ("raw", "transformed")), TransformGraph(
        baseline.transform_output
    )


def table(windows: Sequence[Window]) -> str:
    """The features that were errors, with how often, as Markdown."""
    counts = Counter(feature for window in windows for feature, _ in window.errors)
    if not counts:
        return "None of the windows has an error."
    messages = {feature: message for window in windows for feature, message in window.errors}
    rows = [f"| {feature} | {count} | {messages[feature]} |" for feature, count in counts.most_common()]
    return "\n".join(["| feature | windows | such as |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    print(table(judged(FEW)))
