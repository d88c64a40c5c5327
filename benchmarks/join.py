"""What `trueserve join` costs beside TFDV's DetectFeatureSkew, on the same TFRecords, in one run.

    python benchmarks/join.py [--pairs=50000] [--rounds=3]

Both are whole Beam pipelines, from reading the files to counts on disk, in this process and on the runner
that `trueserve` takes; imports are not counted, and each runs once on a few rows beforehand. They take turns.
The counts of both must be equal, or there is no ratio. Exit code 1 where join is not ten times as fast.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow.core.example.example_pb2 import Example
from tensorflow_data_validation.skew import feature_skew_detector as tfdv

from benchmarks.data import narrow_rows
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.flags.join import JoinOptions
from trueserve.pipelines.join import JoinPlan, build
from trueserve.transforms.files import globs
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.join_rows import read_joined
from trueserve.transforms.joining.key_parts import parse_key

TIMES_FASTER = 10
KEY = "id"
_SEED = 7
_WARM = 100
# What of the requests differs, has no key, stands twice, or is not there.
_CHANGED, _KEYLESS, _TWICE, _ABSENT = 0.1, 0.01, 0.01, 0.02
_COUNTS = (
    "base_count",
    "test_count",
    "match_count",
    "mismatch_count",
    "base_only",
    "test_only",
    "diff_count",
)
Counts = dict[str, dict[str, int]]


def write_sides(folder: Path, pairs: int) -> tuple[str, str]:
    """TFRecords of examples with 20 features and a key, and of requests with the same keys, shuffled."""
    generator = np.random.default_rng(_SEED)
    base = [_with_key(row, i) for i, row in enumerate(narrow_rows(pairs))]
    test = [
        _changed(row, generator)
        for row, draw in zip(base, generator.random(pairs), strict=True)
        if draw > _ABSENT
    ]
    test += [row for row in test if generator.random() < _TWICE]
    generator.shuffle(test)
    for name, rows in (("examples", base), ("requests", test)):
        (folder / name).mkdir(parents=True)
        for part in range(2):
            (folder / name / f"part-{part}").write_bytes(b"".join(map(frame, rows[part::2])))
    return str(folder / "examples"), str(folder / "requests")


def _with_key(row: bytes, number: int) -> bytes:
    example = Example.FromString(row)
    example.features.feature[KEY].bytes_list.value.append(b"ride-%d" % number)
    return bytes(example.SerializeToString())


def _changed(row: bytes, generator: Any) -> bytes:
    draw = generator.random()
    if draw > _CHANGED:
        return row
    features = (example := Example.FromString(row)).features.feature
    if draw < _KEYLESS:
        del features[KEY]
    elif draw < _CHANGED / 3:
        del features["f03"]
    else:
        features["f07"].float_list.value[0] *= 1.609
        features["s1"].bytes_list.value[0] = features["s1"].bytes_list.value[0].upper()
    return bytes(example.SerializeToString())


def run_join(examples: str, requests: str, folder: Path) -> Counts:
    """Ours: the graph of `trueserve join`, as the command builds it."""
    options = JoinOptions(requests, parse_key([KEY]), str(folder), examples)
    plan = JoinPlan(options, tuple(globs.expand(examples)), tuple(globs.expand(requests)), None)
    pipeline = beam.Pipeline(options=_runner())
    build(pipeline, plan, str(folder / "join"), None)
    pipeline.run().wait_until_finish()
    joined = read_joined(str(folder / "join"))
    counts = joined["counts"]
    stats = {
        "base_with_id_count": counts["examples"],
        "test_with_id_count": counts["requests"],
        "identifiers_count": counts["keys"],
        "ids_missing_in_base_count": counts["keys_only_in_requests"],
        "ids_missing_in_test_count": counts["keys_only_in_examples"],
        "matching_pairs_count": counts["pairs"],
        "base_missing_id_count": counts["examples_without_key"],
        "test_missing_id_count": counts["requests_without_key"],
        "duplicate_id_count": counts["duplicate_keys"],
    }
    by_feature = {
        feature["feature"]: {name: feature[name] for name in _COUNTS} for feature in joined["features"]
    }
    return by_feature | {"": stats}


def run_tfdv(examples: str, requests: str, folder: Path) -> Counts:
    """TFDV's: DetectFeatureSkew on tf.Examples of the same files, its results written in its own way."""
    pipeline = beam.Pipeline(options=_runner())
    examples_and_requests = tuple(
        pipeline
        | f"Read{name}" >> beam.io.ReadFromTFRecord(f"{files}/*")
        | f"Parse{name}" >> beam.Map(Example.FromString).with_output_types(Example)
        for name, files in (("Base", examples), ("Test", requests))
    )
    results = examples_and_requests | tfdv.DetectFeatureSkewImpl([KEY], sample_size=20)
    _ = results[tfdv.SKEW_RESULTS_KEY] | "WriteSkew" >> tfdv.skew_results_sink(str(folder / "skew"))
    _ = results[tfdv.MATCH_STATS_KEY] | "WriteStats" >> tfdv.match_stats_sink(str(folder / "stats"))
    _ = results[tfdv.SKEW_PAIRS_KEY] | "WritePairs" >> tfdv.skew_pair_sink(str(folder / "pairs"))
    pipeline.run().wait_until_finish()
    skews = {
        result.feature_name: _fields(result) for result in tfdv.skew_results_iterator(str(folder / "skew"))
    }
    (stats,) = tfdv.match_stats_iterator(str(folder / "stats"))
    return skews | {"": _fields(stats)}


def _fields(message: Any) -> dict[str, int]:
    names = [field.name for field in message.DESCRIPTOR.fields if field.name != "feature_name"]
    return {name: getattr(message, name) for name in names}


def _runner() -> PipelineOptions:
    return beam_options.beam_options([])


class Timed(NamedTuple):
    """One run: wall seconds, CPU seconds of all threads, and what it counted."""

    seconds: float
    cpu_seconds: float
    counts: Counts


def timed(run: Callable[[str, str, Path], Counts], inputs: tuple[str, str]) -> Timed:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="trueserve-") as folder:
        begun, cpu = time.perf_counter(), time.process_time()
        counts = run(*inputs, Path(folder))
        return Timed(time.perf_counter() - begun, time.process_time() - cpu, counts)


def main(pairs: int, rounds: int) -> int:
    ratios = []
    logging.disable(logging.WARNING)  # Beam's, of the hints of TFDV's transforms
    with tempfile.TemporaryDirectory(prefix="trueserve-") as name:
        warm_up, inputs = write_sides(Path(name, "few"), _WARM), write_sides(Path(name, "many"), pairs)
        for run in (run_join, run_tfdv):
            timed(run, warm_up)
        for _ in range(rounds):
            ours, theirs = timed(run_join, inputs), timed(run_tfdv, inputs)
            if ours.counts != theirs.counts:
                print(f"counts differ: {_differences(ours.counts, theirs.counts)}")
                return 1
            ratios.append(theirs.seconds / ours.seconds)
            print(_line(pairs, ours, theirs), flush=True)
    ratio = statistics.median(ratios)
    print(f"join is {ratio:.1f} x as fast as DetectFeatureSkew (median of {rounds}); their counts are equal")
    return int(ratio < TIMES_FASTER)


def _line(pairs: int, ours: Timed, theirs: Timed) -> str:
    cpu = f"CPU {ours.cpu_seconds:.2f} s and {theirs.cpu_seconds:.2f} s"
    ratio = theirs.seconds / ours.seconds
    times = f"join {ours.seconds:.2f} s, DetectFeatureSkew {theirs.seconds:.2f} s ({cpu})"
    return f"{pairs:,} pairs: {times}, {ratio:.1f} x"


def _differences(mine: Counts, its: Counts) -> list[Any]:
    return [
        (name, mine.get(name), its.get(name))
        for name in sorted({*mine, *its})
        if mine.get(name) != its.get(name)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    sys.exit(main(arguments.pairs, arguments.rounds))
