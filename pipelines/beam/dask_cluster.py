"""Beam's runner for Dask: the scheduler and the workers are elsewhere, and may be missing or lost."""

from __future__ import annotations

import contextlib
import copy
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import (
    AzureOptions,
    HadoopFileSystemOptions,
    PipelineOptions,
    S3Options,
    StandardOptions,
)

from trueserve.pipelines.beam import portable
from trueserve.pipelines.beam.options import DASK_RUNNER
from trueserve.transforms.core.errors import InputError

# A shuffle of n parts has n tasks a stage, and one stage for each power of 32.
_FEWEST_PARTS, _MOST_PARTS = 32, 512
_PARTS_A_THREAD = 4
_PROBE_SECONDS = 5.0
_SCHEDULER = "dask scheduler --port=PORT"
_WORKER = "dask worker ADDRESS, with this version of trueserve"
_LOGGERS = ("distributed", "distributed.client", "distributed.core", "tornado")
_ENVIRONMENT = "Error during deserialization"
_PLUGIN = "trueserve-file-systems"


def is_asked_for(options: PipelineOptions) -> bool:
    """Whether `--runner` is Beam's for Dask."""
    runner = options.view_as(StandardOptions).runner
    return runner is not None and runner.lower() == DASK_RUNNER.lower()


def connected(options: PipelineOptions) -> PipelineOptions:
    """Options for pipelines on the cluster, whose scheduler has answered; the same ones for other runners.

    Where nobody says in how many parts the input goes, these are some for each thread there is: Beam would
    make one of 128 files. Workers, also those that come later, get what the flags say of object stores.

    Raises:
      InputError: no scheduler has answered for a minute, or for `--dask_connection_timeout`.
    """
    if not is_asked_for(options):
        return options
    options = copy.deepcopy(options)
    dask, threads = _dask(options), 0
    if dask.address or dask.scheduler_file:
        with _client(options) as client:
            threads = sum(worker["nthreads"] for worker in _workers(client).values())
            _share_file_systems(client, options)
    if not dask.npartitions and not dask.partition_size:
        dask.npartitions = min(max(_PARTS_A_THREAD * threads, _FEWEST_PARTS), _MOST_PARTS)
    return options


class Watch:
    """Looks, while a job runs, whether its scheduler and its workers still live."""

    def __init__(
        self,
        options: PipelineOptions,
        client: Any,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._client = client
        self._warn = warn
        self._clock = clock
        self._limit = portable.timeout_seconds(options)
        self._probed = self._scheduler_seen = self._worker_seen = clock()
        self._is_warned = False

    def look(self) -> None:
        """Raises InputError where the scheduler or all workers have been away for too long."""
        if self._clock() - self._probed < min(_PROBE_SECONDS, self._limit):
            return
        try:
            workers = _workers(self._client)
        except OSError as error:
            if self._clock() - self._scheduler_seen >= min(portable.PATIENCE_SECONDS, self._limit):
                raise InputError(_lost_scheduler(self._options)) from error
        else:
            self._scheduler_seen = self._clock()
            self._look_at_workers(workers)
        self._probed = self._clock()

    def _look_at_workers(self, workers: Mapping[str, Any]) -> None:
        # One that is paused, for lack of memory, takes no task.
        if any(worker.get("status", "running") == "running" for worker in workers.values()):
            self._worker_seen, self._is_warned = self._clock(), False
        silence = self._clock() - self._worker_seen
        text = f"{_missing(workers)} for {silence:.0f} s; start some: {_WORKER}"
        if silence >= self._limit:
            raise InputError(text)
        if silence >= portable.PATIENCE_SECONDS and not self._is_warned:
            self._is_warned = True
            self._warn(
                f"{text}. The job is cancelled after {self._limit:g} s without one (--job_server_timeout)"
            )


def wait(result: Any, options: PipelineOptions, warn: Callable[[str], None]) -> None:
    """Returns when the job has ended; raises what its end raises, or that it is lost."""
    with quiet():
        try:
            portable.wait(result, Watch(options, result.client, warn))
            # Beam takes what was cancelled, as all is when the connection breaks, for what is done.
            if any(future.status != "finished" for future in result.futures):
                raise InputError(_lost_scheduler(options))
        finally:
            # A scheduler that comes back would go on with what a client waits for.
            with contextlib.suppress(OSError):
                result.client.close(timeout=_PROBE_SECONDS)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """In the block Dask's client logs nothing: what counts is raised."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def explanation(error: BaseException, options: PipelineOptions) -> str | None:
    """What to do about a cluster that lacks something; None for any other failure."""
    if not is_asked_for(options):
        return None
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            f"{error.allowed_failures + 1} Dask workers were lost while they ran the same step, and the job"
            " has failed. Look for an out-of-memory kill, then run again"
        )
    if isinstance(error, RuntimeError) and str(error).startswith(_ENVIRONMENT):
        return (
            "Dask's scheduler or a worker cannot read the job: each needs the packages that are here, this"
            " version of trueserve among them"
        )
    return None


@contextlib.contextmanager
def _client(options: PipelineOptions) -> Iterator[Any]:
    """A connection to the scheduler, for a moment. Raises InputError where nobody answers."""
    from distributed import Client

    dask = _dask(options)
    seconds = min(portable.PATIENCE_SECONDS, portable.timeout_seconds(options), _timeout(dask))
    address = f"--dask_client_address={dask.address}"
    if dask.address is None:
        address = f"--dask_scheduler_file={dask.scheduler_file}"
        if not Path(dask.scheduler_file).is_file():  # the client would wait for it for ever
            raise InputError(f"{address}: there is no such file; start a scheduler that writes it")
    with quiet():
        try:
            client = Client(
                dask.address, scheduler_file=dask.scheduler_file, timeout=seconds, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"{address}: no Dask scheduler has answered for {seconds:g} s; start one there"
                f" ({_SCHEDULER}), or name another"
            ) from error
        with client:
            yield client


def _timeout(dask: Any) -> float:
    return float(dask.timeout) if isinstance(dask.timeout, int | float) else portable.PATIENCE_SECONDS


def _workers(client: Any) -> Mapping[str, Any]:
    """What the scheduler knows of each worker, by address. Raises OSError where it does not answer."""
    identity = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=_PROBE_SECONDS)
    workers: Mapping[str, Any] = identity["workers"]
    return workers


def _share_file_systems(client: Any, options: PipelineOptions) -> None:
    """Tells workers of `--s3_endpoint_url` and the like: Beam's runner for Dask does not."""
    kinds = (S3Options, AzureOptions, HadoopFileSystemOptions)
    flags = {
        name: value
        for kind in kinds
        for name, value in options.view_as(kind).get_all_options(drop_default=True, current_only=True).items()
    }
    if flags:
        client.register_plugin(_plugin(flags), name=_PLUGIN)


def _plugin(flags: Mapping[str, Any]) -> Any:
    from distributed import WorkerPlugin

    # A class of a function is sent as a whole: workers need no `pipelines`.
    class FileSystemOptions(WorkerPlugin):
        def setup(self, worker: Any) -> None:  # noqa: ARG002 - it is called with it
            from trueserve.transforms.files import file_systems

            file_systems.set_options(flags)

    return FileSystemOptions()


def _missing(workers: Mapping[str, Any]) -> str:
    if workers:
        return f"all {len(workers)} Dask workers have been paused for lack of memory"
    # Those that were killed at the beginning were perhaps never seen from here.
    return "Dask has had no worker, or lost all,"


def _lost_scheduler(options: PipelineOptions) -> str:
    dask = _dask(options)
    address = dask.address or dask.scheduler_file or "this machine"
    return (
        f"the Dask scheduler at {address} is lost, and the job has failed. Look in its log for the reason,"
        " start it again, then run again"
    )


def _dask(options: PipelineOptions) -> Any:
    from apache_beam.runners.dask.dask_runner import DaskOptions

    return options.view_as(DaskOptions)
