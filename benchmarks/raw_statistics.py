"""What a row costs from TFRecord to statistics: `python benchmarks/raw_statistics.py WAY FILE`.

WAY is `summaries` (the compiled path), `tfdv` (tfdv.generate_statistics_from_tfrecord) or `limit` (tf.data's
TFRecordDataset in batches and tf.io.parse_example, without any statistics). Prints one line of JSON: rows,
seconds after the imports, CPU seconds, peak memory, and seconds that the imports took.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _summaries(threads: int) -> Callable[[str], int]:
    import pyarrow as pa

    from transforms.columnar.example_parser import ExampleParser
    from transforms.columnar.framing import Block, read_blocks
    from transforms.summaries.dataset import DatasetSummary
    from transforms.summaries.protos import dataset_statistics
    from transforms.summaries.quantiles import Scratch

    def work(blocks: Any, summary: DatasetSummary) -> None:
        parser, scratch = ExampleParser(), Scratch()
        for block in blocks:
            for parsed in parser.parse(block):
                names, arrays = zip(*parsed.columns, strict=True)
                summary.add(pa.RecordBatch.from_arrays(list(arrays), list(names)), scratch)

    def in_threads(path: str) -> list[DatasetSummary]:
        waiting: queue.Queue[Block | None] = queue.Queue(2)
        summaries = [DatasetSummary() for _ in range(threads)]
        workers = [threading.Thread(target=work, args=(iter(waiting.get, None), s)) for s in summaries]
        for worker in workers:
            worker.start()
        with Path(path).open("rb") as stream:
            for block in read_blocks(stream):
                waiting.put(block)
        for _ in workers:
            waiting.put(None)
        for worker in workers:
            worker.join()
        return summaries

    def run(path: str) -> int:
        if threads > 1:
            whole, *others = in_threads(path)
            for other in others:
                whole.merge(other, Scratch())
        else:
            whole = DatasetSummary()
            with Path(path).open("rb") as stream:
                work(read_blocks(stream), whole)
        return int(dataset_statistics(whole).num_examples)

    return run


def _tfdv(_: int) -> Callable[[str], int]:
    import tensorflow_data_validation as tfdv

    def run(path: str) -> int:
        options = tfdv.StatsOptions(use_sketch_based_topk_uniques=True)
        statistics = tfdv.generate_statistics_from_tfrecord(path, stats_options=options)
        return int(statistics.datasets[0].num_examples)

    return run


def _limit(threads: int) -> Callable[[str], int]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    def run(path: str) -> int:
        first = tf.train.Example.FromString(next(iter(tf.data.TFRecordDataset(path).take(1))).numpy())
        types = {"float_list": tf.float32, "int64_list": tf.int64, "bytes_list": tf.string}
        spec = {
            name: tf.io.RaggedFeature(types[feature.WhichOneof("kind")])
            for name, feature in first.features.feature.items()
        }
        rows = 0
        for records in tf.data.TFRecordDataset(path, buffer_size=8 << 20).batch(8192).prefetch(2):
            tf.io.parse_example(records, spec)
            rows += len(records)
        return rows

    return run


def main() -> None:
    """Runs one way over one file and prints what it cost."""
    ways = {"summaries": _summaries, "tfdv": _tfdv, "limit": _limit}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=ways)
    parser.add_argument("file")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    begun = time.perf_counter()
    run = ways[given.way](given.threads)
    imported, cpu = time.perf_counter(), os.times()
    rows = run(given.file)
    seconds, used = time.perf_counter() - imported, os.times()
    figures = {
        "way": given.way,
        "rows": rows,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(used.user + used.system - cpu.user - cpu.system, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "import_seconds": round(imported - begun, 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
