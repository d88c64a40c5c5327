"""The first job of `validate --drop_repeated`: which rows repeat others unchanged, and are left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import apache_beam as beam

from trueserve.pipelines.beam.job import BeamJob
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.plan import ComparisonPlan, examine_requests
from trueserve.transforms.branches.samples.repeats import REPEATS, repeats
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.repeated_rows import DroppedRows
from trueserve.transforms.verdict.findings.rows import repeated_rows
from trueserve.transforms.write_results import WritePrepared, read_repeats


def without_repeated(
    plan: ComparisonPlan, job: BeamJob, files: Sequence[FileSize], console: Console
) -> ComparisonPlan:
    """Reads the log once, and gives the plan that leaves repeated rows out when it is read again."""
    pipeline, target = beam.Pipeline(options=job.options), paths.join(job.temp, "repeated")
    results = pipeline | "ExamineRepeats" >> examine_requests(
        plan, files, [repeats(plan.hashed)], job.heartbeats
    )
    _ = results | "WriteRepeats" >> WritePrepared(target)
    job.run(pipeline, "looking for repeated rows", sum(file.bytes for file in files))
    serving = read_repeats(f"{target}-{REPEATS[0]}")
    rows = repeated_rows.repeated(serving, plan.run_settings.training_repeats)
    console.step(f"rows that are repeated unchanged: {len(rows):,} different ones")
    return dataclasses.replace(
        plan,
        dropped=DroppedRows(frozenset(plan.hashed), rows) if rows else None,
        run_settings=dataclasses.replace(plan.run_settings, dropped=rows),
    )
