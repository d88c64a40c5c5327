"""Runs a Beam pipeline to its end, showing how far it is."""

from __future__ import annotations

import contextlib
import re
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from trueserve.pipelines.beam import dask_cluster, dataflow, failures, portable, setup_file
from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.process import supervisor
from trueserve.transforms.core import heartbeats
from trueserve.transforms.core.errors import InputError, TrueserveError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.files.file_systems import reason

_TEMP = re.compile(r"trueserve-[0-9a-f]{32}")

_PORTS = (
    "note: Beam's worker processes are reached by ports on all interfaces, without authentication, as long as"
    " this runs; keep the machine behind a firewall (docs/security.md)"
)


class BeamJob:
    """One command's Beam job: its options, its heartbeats and its temporary folder.

    Attributes:
      options: for pipelines.
      heartbeats: folder for `transforms.core.heartbeats`; None where workers elsewhere cannot write to it.
      temp: folder of this job's own that every worker reaches; a local one on this machine.
    """

    def __init__(
        self, options: PipelineOptions, console: Console, temp: str, heartbeats_folder: str | None
    ) -> None:
        self.options = portable.without_time_limit(options)
        self._flags = options
        self._console = console
        self.heartbeats = heartbeats_folder
        self.temp = temp

    def run(self, pipeline: Any, text: str, total_bytes: int, num_reads: int = 1) -> Any:
        """Runs `pipeline` to its end, and gives its `PipelineResult`.

        Args:
          text: what it does, for the display.
          total_bytes: of all files.
          num_reads: how often each file is read; what is shown is how far the mean of the reads is.

        A template is only written: its result has nothing to say.

        Raises:
          InputError: the job failed; the message is one line and names a file with the traceback.
        """
        portable.wait_for_job_server(self._flags)
        started: list[Any] = []
        start = self._progress(started)

        def poll() -> tuple[int, int]:
            rows, num_bytes = self._progress(started)
            return (rows - start[0]) // num_reads, (num_bytes - start[1]) // num_reads

        with self._console.progress(text, poll, total_bytes), _explain_failures(self._flags):
            # Dask drops what nobody waits for any more.
            if not beam_options.is_local(self._flags) and not dask_cluster.is_asked_for(self._flags):
                supervisor.mark_submitted()
            # A local runner comes back when all is done, a remote one at once.
            result = pipeline.run()
            if beam_options.is_template(self._flags):
                return result
            dataflow.make_calls_exclusive(result)
            if (job_id := dataflow.job_id(result)) is not None:
                # The line that Airflow's operators read the id from.
                self._console.lines([f"Created job with id: [{job_id}]"])
            started.append(result)
            self._wait(result, is_reading_files=total_bytes > 0)
        return result

    def _wait(self, result: Any, is_reading_files: bool) -> None:
        if dask_cluster.is_asked_for(self._flags):
            dask_cluster.wait(result, self._flags, self._console.warning)
            return
        if portable.job_endpoint(self._flags) is None:
            result.wait_until_finish()
            return
        # What reads no file may write no heartbeat for long.
        folder = self.heartbeats if is_reading_files else None
        watch = portable.Watch(self._flags, result, folder, self._console.warning)
        with portable.quiet():
            portable.wait(result, watch)

    def _progress(self, started: list[Any]) -> tuple[int, int]:
        if self.heartbeats is not None:
            return heartbeats.read_progress(self.heartbeats)
        return _counters(started[0]) if started else (0, 0)


@contextlib.contextmanager
def new_job(options: PipelineOptions, console: Console) -> Iterator[BeamJob]:
    """A job with folders of its own, which go when it ends.

    Raises:
      UsageError: a remote runner without a temporary location that its workers reach.
    """
    location = beam_options.temp_location(options)
    if beam_options.opens_ports(options):
        console.step(_PORTS)
    # What a job has published stands, even if its temporary files cannot be deleted.
    with tempfile.TemporaryDirectory(prefix="trueserve-", ignore_cleanup_errors=True) as local:
        if location is None:
            yield BeamJob(options, console, _subfolder(local, "temp"), _subfolder(local, "heartbeats"))
            return
        options = dask_cluster.connected(setup_file.in_copy(options, local))
        # Other runs share the location, and dead ones left their folders there.
        paths.delete_abandoned(location, _TEMP)
        temp = paths.join(location, f"trueserve-{uuid.uuid4().hex}")
        try:
            yield BeamJob(options, console, temp, _shared_heartbeats(options, temp))
        finally:
            _delete(temp)


def _delete(temp: str) -> None:
    """Deletes what can be deleted: what the job found counts for more."""
    try:
        paths.delete_tree(temp)
    except TrueserveError:
        # A worker elsewhere may have written its last heartbeat meanwhile.
        with contextlib.suppress(TrueserveError):
            paths.delete_tree(temp)


def _shared_heartbeats(options: PipelineOptions, temp: str) -> str | None:
    """A folder of this machine's that workers elsewhere see as well."""
    if not beam_options.has_shared_filesystem(options) or not file_systems.is_local(temp):
        return None
    folder = paths.join(temp, "heartbeats")
    paths.make_folder(folder)
    return folder


def _subfolder(folder: str, name: str) -> str:
    path = Path(folder, name)
    path.mkdir()
    return str(path)


def _counters(result: Any) -> tuple[int, int]:
    """Rows and bytes as the runner's metrics have them; approximate, for display."""
    counts = {"rows": 0, "bytes": 0}
    query = result.metrics().query(MetricsFilter().with_namespace(heartbeats.NAMESPACE))
    for counter in query["counters"]:
        counts[counter.key.metric.name] = counter.attempted or counter.committed or 0
    return counts["rows"], counts["bytes"]


@contextlib.contextmanager
def _explain_failures(options: PipelineOptions) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(failures.without_step(str(error))) from error
    except Exception as error:
        if explanation := portable.explanation(error, options) or dask_cluster.explanation(error, options):
            raise InputError(explanation) from error
        parts = failures.parts_of(error)
        raise InputError(
            f"the Beam job failed: {failures.summary(parts)}; {_keep_traceback(parts)}"
        ) from error


def _keep_traceback(parts: Sequence[failures.ExceptionSummary]) -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="trueserve-", suffix=".log", delete=False, dir=supervisor.folder_for_reports()
        ) as stream:
            stream.write(failures.report(parts))
    except OSError as error:  # a full disk may be what the job failed of
        return f"the traceback cannot be kept: {reason(error)}"
    return f"the traceback, without the errors' texts, is in {stream.name}"
