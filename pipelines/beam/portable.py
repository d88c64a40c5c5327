"""Beam's portable runners: their job server and their workers are elsewhere, and may be missing or lost."""

from __future__ import annotations

import contextlib
import copy
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from trueserve.pipelines.beam import failures
from trueserve.transforms.core import heartbeats
from trueserve.transforms.core.errors import InputError

#: So long nothing may answer before that is said; `--job_server_timeout` may say less.
PATIENCE_SECONDS = 60
_PROBE_SECONDS = 5.0
_FOREVER_SECONDS = 365 * 24 * 3600
_JOIN_SECONDS = 0.2
_READER_SECONDS = 2.0
_EMBEDDED = "embed"
_WHY_LOST = "Look for an out-of-memory kill, then run again"
_POOL = "python -m apache_beam.runners.worker.worker_pool_main --service_port=PORT"
_SERVER = "python -m apache_beam.runners.portability.local_job_service_main --port=PORT"


def job_endpoint(options: PipelineOptions) -> str | None:
    """The address of the job server; None where the runner needs none, or starts its own."""
    endpoint: str | None = options.view_as(PortableOptions).job_endpoint
    return None if endpoint == _EMBEDDED else endpoint


def timeout_seconds(options: PipelineOptions) -> float:
    """`--job_server_timeout`: so long nothing may answer before the job is given up."""
    return float(options.view_as(PortableOptions).job_server_timeout)


def wait_for_job_server(options: PipelineOptions) -> None:
    """Returns once the job server answers; from then on its streams may be open as long as the job takes.

    Raises:
      InputError: it has not answered for a minute, or for `--job_server_timeout`.
    """
    endpoint = job_endpoint(options)
    if endpoint is None:
        return
    seconds = min(PATIENCE_SECONDS, timeout_seconds(options))
    request = beam_job_api_pb2.DescribePipelineOptionsRequest()
    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=seconds)
            stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
            stub.DescribePipelineOptions(request, timeout=seconds)
        except (grpc.FutureTimeoutError, grpc.RpcError) as error:
            raise InputError(
                f"--job_endpoint={endpoint}: no Beam job server has answered for {seconds:g} s; start one"
                f" there (Beam's own: {_SERVER}), or name another"
            ) from error


def without_time_limit(options: PipelineOptions) -> PipelineOptions:
    """A copy for pipelines: Beam's limit for one answer of the job server would be one for the whole job."""
    options = copy.deepcopy(options)
    options.view_as(PortableOptions).job_server_timeout = _FOREVER_SECONDS
    return options


class Watching(Protocol):
    """Looks after a job while it runs elsewhere."""

    def look(self) -> None:
        """Raises InputError where the job is to be given up; called several times a second."""


class Watch:
    """Looks, while a job runs elsewhere, whether its job server and its workers still live."""

    def __init__(
        self,
        options: PipelineOptions,
        result: Any,
        folder: str | None,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder`: where workers show their heartbeats; None where they cannot."""
        self._options = options
        self._result = result
        self._folder = folder
        self._warn = warn
        self._clock = clock
        self._limit = timeout_seconds(options)
        self._before = dict(heartbeats.signs_of_life(folder)) if folder else {}
        self._signs = self._before
        self._server_seen = self._worker_seen = clock()
        self._probed = clock()
        self._is_warned = False

    def look(self) -> None:
        """Raises InputError where the job server or all workers have been silent for too long."""
        if self._clock() - self._probed < min(_PROBE_SECONDS, self._limit):
            return
        self._look_at_server()
        if self._folder is not None:
            self._look_at_workers(self._folder)
        self._probed = self._clock()

    def _look_at_server(self) -> None:
        request = beam_job_api_pb2.GetJobStateRequest(job_id=self._result._job_id)
        try:
            self._result._job_service.GetState(request, timeout=_PROBE_SECONDS)
        except grpc.RpcError as error:
            if self._clock() - self._server_seen >= min(PATIENCE_SECONDS, self._limit):
                raise InputError(_lost_server(self._options)) from error
        else:
            self._server_seen = self._clock()

    def _look_at_workers(self, folder: str) -> None:
        signs = dict(heartbeats.signs_of_life(folder))
        if signs != self._signs:
            self._signs, self._worker_seen, self._is_warned = signs, self._clock(), False
        silence = self._clock() - self._worker_seen
        if silence >= self._limit:
            self._cancel()
            raise InputError(self._silent(silence))
        if silence >= PATIENCE_SECONDS and not self._is_warned:
            self._is_warned = True
            self._warn(
                f"{self._silent(silence)}. The job is cancelled after {self._limit:g} s of silence"
                " (--job_server_timeout)"
            )

    def _silent(self, seconds: float) -> str:
        if self._signs == self._before:
            return f"no worker has begun for {seconds:.0f} s: {_missing_worker(self._options)}"
        return f"no worker has sent a heartbeat for {seconds:.0f} s: the workers are lost. {_WHY_LOST}"

    def _cancel(self) -> None:
        request = beam_job_api_pb2.CancelJobRequest(job_id=self._result._job_id)
        with contextlib.suppress(grpc.RpcError):
            self._result._job_service.Cancel(request, timeout=_PROBE_SECONDS)


def wait(result: Any, watch: Watching) -> None:
    """Returns when the job has ended; raises what its end raises, or what `watch` raises before."""
    raised: list[BaseException] = []

    def wait_until_finish() -> None:
        try:
            result.wait_until_finish()
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            raised.append(error)

    # It would wait for ever for a server that is silent; this process ends without waiting for the thread.
    thread = threading.Thread(target=wait_until_finish, name="trueserve-job", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_JOIN_SECONDS)
        watch.look()
    if raised:
        raise raised[0]


def explanation(error: BaseException, options: PipelineOptions) -> str | None:
    """What to do about a job server or a worker that is missing; None for any other failure."""
    if job_endpoint(options) is not None and _is_of_server(error):
        return _lost_server(options)
    parts = failures.parts_of(error)
    if any(frame.endswith(" in start_worker") for part in parts for frame in part.frames):
        return f"the job server could not start a worker: {_missing_worker(options)}"
    # A worker that fails says why; the connection to one that was killed just ends.
    if any(part.frames and part.frames[-1].endswith(" in input_elements") for part in parts):
        return f"a worker is lost, and the job has failed. {_WHY_LOST}"
    return None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """In the block Beam's threads print no traceback: it may quote a request, and what counts is raised."""
    root, before = logging.getLogger(), threading.excepthook

    def is_ours(record: logging.LogRecord) -> bool:
        return record.module != "portable_runner"

    def excepthook(arguments: threading.ExceptHookArgs) -> None:
        if not isinstance(arguments.exc_value, grpc.RpcError):
            before(arguments)

    root.addFilter(is_ours)
    threading.excepthook = excepthook
    try:
        yield
    finally:
        _join_readers()
        threading.excepthook = before
        root.removeFilter(is_ours)


def _join_readers() -> None:
    """Beam's thread that reads messages may hear later than we that the job has ended."""
    for thread in threading.enumerate():
        if thread.name == "wait_until_finish_read":
            thread.join(_READER_SECONDS)


def _is_of_server(error: BaseException) -> bool:
    """Whether the connection from here to the job server broke."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, (grpc.RpcError, grpc.FutureTimeoutError)):
            return True
        current = current.__cause__
    return False


def _lost_server(options: PipelineOptions) -> str:
    return (
        f"the Beam job server at {job_endpoint(options)} is lost, and the job has failed, unless the server"
        " hands jobs on to a cluster. Look in its log for the reason, start it again, then run again"
    )


def _missing_worker(options: PipelineOptions) -> str:
    portable = options.view_as(PortableOptions)
    if (portable.environment_type or "").upper() != "EXTERNAL":
        return f"look at what --environment_type={portable.environment_type or 'DOCKER'} starts workers with"
    address = portable.environment_config or portable.lookup_environment_option("external_service_address")
    return (
        f"a worker pool must listen on {address}, as the job server sees it ({_POOL}), and `python` there"
        " must have this version of trueserve"
    )
