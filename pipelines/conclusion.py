"""The end of `validate`: what was committed is reported; where nothing was, `failed` is published."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from trueserve.pipelines.display.console import Console
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault
from trueserve.transforms.core.errors import InputError, TrueserveError
from trueserve.transforms.files import paths
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.runs import copies, run_folder, run_ids
from trueserve.transforms.runs.completeness import IncompleteError
from trueserve.transforms.verdict.reference import Reference

# Reasons that are given on stderr; the report has them all.
_MAX_REASONS = 3


@dataclasses.dataclass(frozen=True)
class PublishingRun:
    """A run whose last step publishes below `output`, maybe on another machine.

    Attributes:
      logs: what it reads, to be named where it fails.
      run_id: by which its verdict is found.
      verbose: whether each incident's findings are shown, too.
    """

    output: str
    logs: str
    run_id: str
    settings: RunSettings
    verbose: bool = False


def finish(run: PublishingRun, console: Console, run_job: Callable[[], None]) -> int:
    """Does the work, whose last step publishes; reports what was committed and returns its exit code.

    Raises:
      InputError: nothing was committed, not even `failed`.
    """
    try:
        run_job()
    except IncompleteError as error:
        _publish_incomplete(run, error)
    except InputError as error:
        _publish_failure(run, error)
    return _report_committed(run, console)


def submit(run: PublishingRun, console: Console, run_job: Callable[[], None]) -> int:
    """Writes the graph of a run that somebody else starts; 0, or the exit code of the verdict `failed`.

    Raises:
      InputError: the graph could not be written, and not even `failed` was published.
    """
    try:
        run_job()
    except InputError as error:
        _publish_failure(run, error)
        return _report_committed(run, console)
    console.step(f"the graph is written; the job that runs it publishes below {run.output}")
    return 0


def _publish_failure(run: PublishingRun, error: TrueserveError) -> None:
    """Publishes `failed` from here, where the graph could not: there was no input, or the job died.

    Raises InputError, with both reasons, where that cannot be published either.
    """
    try:
        if run_folder.find_run(run.output, run.run_id) is not None:
            return
        # What could not be written is no fault of the log's.
        file = run.output if run.output in str(error) else run.logs
        _publish_nothing(run, run.settings, Fault(file=file, reason="input", detail=str(error)))
    except InputError as second:
        raise InputError(f"{error}; the verdict `failed` could not be published: {second}") from error


def _publish_incomplete(run: PublishingRun, error: IncompleteError) -> None:
    """Publishes that too few files are there. Raises InputError where that cannot be done."""
    assert run.settings.usual is not None
    usual = dataclasses.replace(run.settings.usual, arrived=error.arrived)
    _publish_nothing(run, dataclasses.replace(run.settings, usual=usual))


def _publish_nothing(run: PublishingRun, settings: RunSettings, *faults: Fault) -> None:
    """Publishes a verdict on no row."""
    evidence = PipelineResults(statistics={}, accounting=Accounting(), faults=faults)
    verdict, files = assemble_verdict(_no_references, evidence, settings)
    run_folder.publish(run.output, verdict, files, run.run_id)


def _no_references() -> list[Reference]:
    return []


def _report_committed(run: PublishingRun, console: Console) -> int:
    """Reports the verdict that was committed, and returns its exit code."""
    committed = run_folder.find_run(run.output, run.run_id)
    if committed is None:
        raise InputError("the job ended without a verdict; nothing was published")
    root, verdict = committed
    console.findings(verdict, verbose=run.verbose)
    if reasons := _reasons(verdict):
        console.error(reasons)
    _warn_of_copies(root, verdict, console)
    console.result("report", copies.report(root, verdict["artifacts"]))
    console.fact("verdict", verdict["verdict"])
    console.fact("path", paths.join(root, run_ids.VERDICT))
    console.fact("report", copies.report(root, verdict["artifacts"]))
    code: int = verdict["exit_code"]
    return code


def _warn_of_copies(root: str, verdict: Mapping[str, Any], console: Console) -> None:
    """Says so where the files beside verdict.json are not this verdict's."""
    folder = paths.join(root, run_ids.RUNS, run_ids.attempt_of(verdict) or "")
    if not _is_current(root, verdict):
        console.warning(
            f"a later run replaced {paths.join(root, run_ids.VERDICT)}. The verdict of this run is in"
            f" {folder}. The exit code is that of this run"
        )
    elif names := copies.wrong(root, verdict["artifacts"]):
        console.warning(
            f"the verdict is published, but in {root} {', '.join(names)} could not be refreshed; the files of"
            f" this run are in {folder}"
        )


def _is_current(root: str, verdict: Mapping[str, Any]) -> bool:
    try:
        return run_folder.is_current(root, verdict)
    except InputError:  # what is beside it is looked at all the same
        return True


def _reasons(verdict: Mapping[str, Any]) -> str:
    """Why the run failed or examined nothing, in one line; empty for a run that did its work."""
    messages = [finding["message"] for finding in verdict["findings"] if finding["kind"] == "input"]
    more = [f"{len(messages) - _MAX_REASONS} more in the report"] if len(messages) > _MAX_REASONS else []
    return "; ".join([*messages[:_MAX_REASONS], *more])
