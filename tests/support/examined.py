"""Files of requests, and a job that examines them in ranges."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any, ClassVar

import apache_beam as beam

from support import logs
from support.logs import SCHEMA, settings
from trueserve.transforms.branches.branch import Branch
from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.slices import slices
from trueserve.transforms.branches.statistics import statistics
from trueserve.transforms.branches.versions import versions
from trueserve.transforms.branches.windows import Windows
from trueserve.transforms.examine_range import ExamineFiles
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.formats.format_names import Format

HOUR = dt.timedelta(hours=1)
START = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)
READS = settings(version_feature=None)


def make_branches() -> list[Branch]:
    """Branches of every kind that needs no model."""
    of_space = [statistics("raw", SCHEMA), slices("raw", SCHEMA, 1)]
    return [Marked([("version",)], of_space), Windows("windows", SCHEMA, START, HOUR), versions()]


def write_files(folder: Path) -> tuple[FileSize, ...]:
    """Three files: with rejects, cut short, and empty."""
    rng = random.Random(3)
    written = []
    for number in range(2):
        records = []
        for i in range(300):
            rows = [
                logs.example(age=[rng.randrange(8)], word=[b"w%d" % rng.randrange(5)])
                for _ in range(rng.randrange(1, 3))
            ]
            seconds = int(START.timestamp()) + 30 * i
            records.append(logs.examples_log(rows, seconds, version=rng.randrange(1, 4)))
        path = folder / f"log-{number}"
        written.append(logs.write_records(path, [*records, b"garbage"]))
    content = Path(written[1].path).read_bytes()
    Path(written[1].path).write_bytes(content[:-30])
    (folder / "log-2").write_bytes(b"")
    return tuple(FileSize(str(path), path.stat().st_size) for path in sorted(folder.iterdir()))


class _Keep(beam.DoFn):
    kept: ClassVar[list[tuple[Kind, Any]]] = []

    def process(self, element: Any) -> None:
        _Keep.kept.append(element)


def examined(
    files: tuple[FileSize, ...], progress: str | None = None, range_bytes: int | None = None
) -> dict[Kind, Any]:
    """The results of a run, one of each kind."""
    _Keep.kept.clear()
    with beam.Pipeline("FnApiRunner") as pipeline:
        examine = ExamineFiles(files, Format.PREDICTION_LOG, READS, make_branches(), progress, range_bytes)
        _ = pipeline | "ExamineRequests" >> examine | "Keep" >> beam.ParDo(_Keep())
    results = dict(_Keep.kept)
    assert len(results) == len(_Keep.kept)
    return results
