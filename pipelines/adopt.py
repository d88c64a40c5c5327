"""`trueserve adopt`: what TFX, TFDV and tf.Transform wrote in training, to a baseline."""

from __future__ import annotations

from trueserve.pipelines import cli

cli.start_if_main(__name__, "adopt")

import tempfile
from collections.abc import Iterable, Iterator

from apache_beam.options.pipeline_options import PipelineOptions

from trueserve.pipelines import check
from trueserve.pipelines.baseline import adopted, periods, transformed_examples
from trueserve.pipelines.baseline.adopted import AdoptPlan, ExamplesRead
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.beam.job import new_job
from trueserve.pipelines.display import estimate_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.estimate import steps
from trueserve.pipelines.estimate.inputs import known_input
from trueserve.pipelines.estimate.workload import Workload
from trueserve.pipelines.flags.check import CheckOptions
from trueserve.pipelines.flags.prepare import AdoptOptions
from trueserve.transforms.analyze import check_schemes
from trueserve.transforms.baseline import atomic_replace, layout
from trueserve.transforms.baseline.adoption import given_graph
from trueserve.transforms.baseline.write import check_target
from trueserve.transforms.files import lease
from trueserve.transforms.logs.detect import detect_examples
from trueserve.transforms.read import settings_of
from trueserve.transforms.verdict.wording import listing


def run(options: AdoptOptions, console: Console) -> int:
    """Writes the baseline and returns 0, or what `check` returns for `--model`; `--dry_run` only looks.

    Raises:
      UsageError: before anything is read.
      InputError: an artifact cannot be used, or the job failed; a baseline that was there stays.
    """
    beam_flags = beam_options.beam_options(options.beam_args, options.shared_filesystem)
    _check_paths(options, beam_flags)
    plan = adopted.make_plan(options)
    if options.time_feature is not None:
        periods.check_time(plan.files, options.time_feature, plan.text)
    console.lines(_summary(plan))
    if options.dry_run:
        console.lines(_of_dry_run(plan))
        return 0
    with lease.held(plan.staged, options.baseline):
        try:
            _make(plan, beam_flags, console)
        finally:
            atomic_replace.discard(options.baseline, plan.staged)
    console.result("baseline", options.baseline)
    if options.model is None:
        return 0
    return check.run(CheckOptions(options.baseline, options.model), console)


def _check_paths(options: AdoptOptions, beam_flags: PipelineOptions) -> None:
    beam_options.check_reachable(beam_flags, examples=options.examples, baseline=options.baseline)
    temp = beam_options.temp_location(beam_flags)
    if options.examples is not None and not beam_options.is_local(beam_flags):
        check_schemes(temp_location=temp, baseline=options.baseline)
    check_target(options.baseline, finish=not options.dry_run)


def _make(plan: AdoptPlan, beam_flags: PipelineOptions, console: Console) -> None:
    """Puts the baseline together, and in its place."""
    staged = plan.staged_file(layout.TRANSFORM_OUTPUT)
    given_graph.stage(plan.transform_output, staged, plan.environments)
    examples = _read_examples(plan, beam_flags, console)
    console.step("recording probes and the contract")
    if kept_name := adopted.write(plan, examples):
        console.step(f"the schema that was edited in the old baseline is kept as {kept_name}")


def _read_examples(plan: AdoptPlan, beam_flags: PipelineOptions, console: Console) -> ExamplesRead | None:
    if not plan.files:
        return None
    with new_job(beam_flags, console) as job:
        return transformed_examples.read(plan, job, console)


def _of_dry_run(plan: AdoptPlan) -> Iterable[str]:
    """What the job would take, once the graph is known to fit the schema."""
    with tempfile.TemporaryDirectory(prefix="trueserve-") as folder:
        given_graph.stage(plan.transform_output, folder, plan.environments)
    if plan.files:
        return estimate_table.lines_of(_workload(plan))
    return ["dry run of adopt: all checks passed; no job would be run, and nothing was written"]


def _summary(plan: AdoptPlan) -> Iterator[str]:
    """What is adopted, and what the baseline will not have."""
    label = plan.label or "not known; if requests lack a feature, name it with --label"
    yield f"schema: {len(plan.schema.feature):,} features; label: {label}"
    yield f"statistics: of {plan.rows:,} training rows"
    if plan.without_statistics:
        yield f"not compared, as the statistics lack them: {listing(plan.without_statistics)}"
    yield f"transform graph: {plan.transform_output}"
    if plan.files:
        yield f"examples: {len(plan.files):,} files"
    if plan.post_transform is not None:
        yield "post-transform statistics: those that Transform wrote"
    for text in plan.lacks.values():
        yield f"not known: {text}"


def _workload(plan: AdoptPlan) -> Workload:
    """What the job would do."""
    example_format = detect_examples(plan.files)
    known = known_input(
        plan.files, example_format, settings_of(plan.environments, plan.text), plan.range_bytes
    )
    features = len(plan.schema.feature)
    reading = [
        steps.reading("rows for probes and slices", features, example_format),
        steps.transforming("transform graph, examples and statistics", features),
    ]
    if plan.options.time_feature is not None:
        reading.append(steps.reading("days and hours", features, example_format))
    return known.workload("adopt", {"raw": features, "transformed": None}, reading)
