"""The last steps of a job of many ranges: `python benchmarks/publishing.py FOLDER KIND:ROWS RANGES`.

The partial results of real ranges of a file of `benchmarks/data.py` are merged, over and over, until as many
as RANGES were merged. Each is decoded from bytes before, as a worker does that gets it from another. Then the
verdict is made and published. Prints, as a row of docs/scale.md: ranges, features, bytes that a range gives,
seconds to merge all, seconds to publish, and the peak of memory.
"""

from __future__ import annotations

import itertools
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.data import file_of, reference_of
from trueserve.pipelines import cli, validate
from trueserve.pipelines.plan import ComparisonPlan, files_of, make_plan, request_settings
from trueserve.transforms.branches.branch import examine
from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.coders import PartialCoder
from trueserve.transforms.examine_range import numbers_kept
from trueserve.transforms.files.ranges import RANGE_BYTES, list_ranges
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.merge_results import MergeResults
from trueserve.transforms.publish_verdict import PublishVerdict
from trueserve.transforms.read import decode_group

Encoded = list[tuple[Kind, bytes]]


def plan_of(folder: Path, kind: str, rows: int, output: str) -> ComparisonPlan:
    """The plan of `validate --spaces=raw` for a file of benchmark data."""
    reference = reference_of(folder, kind)
    _, options = cli.parse(
        [
            "validate",
            f"--logs={file_of(folder, kind, rows)}",
            f"--output={output}",
            f"--schema={reference / 'schema.pbtxt'}",
            f"--statistics={reference / 'stats.binpb'}",
            "--spaces=raw",
        ]
    )
    return make_plan(options)


def examined(plan: ComparisonPlan, count: int) -> list[Encoded]:
    """What each real range of the log gives in a job of so many ranges, as bytes."""
    files = files_of(plan.options)
    file_format, settings = detect_log(files, "auto"), request_settings(plan)
    compact = numbers_kept(count, count * RANGE_BYTES)
    return [
        [
            (kind, PartialCoder().encode(partial))
            for kind, partial in examine(
                decode_group(file_format, settings, group), validate.branches(plan), compact=compact
            )
        ]
        for group in list_ranges(files)
    ]


def merged(ranges: Sequence[Encoded], count: int) -> dict[Kind, Any]:
    """The results of so many ranges; the account of reading, of a real file, is that of the real ones."""
    combine, totals = MergeResults(), dict[Kind, Any]()
    for number, partials in enumerate(itertools.islice(itertools.cycle(ranges), count)):
        for kind, encoded in partials:
            if kind != READING or number < len(ranges):
                totals[kind] = combine.add_input(totals.get(kind), encoded)
    return {kind: combine.extract_output(total) for kind, total in totals.items()}


def main(folder: Path, kind: str, rows: int, count: int) -> None:
    """Prints the row of one kind of data."""
    with tempfile.TemporaryDirectory() as output:
        plan = plan_of(folder, kind, rows, output)
        ranges = examined(plan, count)
        start = time.monotonic()
        results = merged(ranges, count)
        seconds, start = time.monotonic() - start, time.monotonic()
        publish = PublishVerdict(output, plan.run_id, plan.run_settings, plan.source.references)
        [verdict] = publish.step().process(("all", results.items()))
        publishing = time.monotonic() - start
    size = max(sum(len(encoded) for _, encoded in partials) for partials in ranges)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(ranges)} real ranges, {verdict['counts']['compared']:,} rows in them")
    print(
        f"| {count:,} | {kind} | {size / 1e6:.2f} MB | {seconds:.0f} s | {publishing:.1f} s | {peak:.2f} GB |"
    )


if __name__ == "__main__":
    _kind, _rows = sys.argv[2].split(":")
    main(Path(sys.argv[1]), _kind, int(_rows), int(sys.argv[3]))
