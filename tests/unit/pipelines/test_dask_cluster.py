"""What is told of a Dask scheduler and of workers that are missing, silent or lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trueserve.pipelines.beam import dask_cluster
from trueserve.pipelines.beam.options import beam_options
from trueserve.transforms.core.errors import InputError

FLAGS = ("--runner=DaskRunner", "--dask_client_address=tcp://scheduler:1")
LIMIT = 300
RUNNING, PAUSED = {"status": "running"}, {"status": "paused"}


class Client:
    """A connection to a scheduler that has these workers; None where it does not answer."""

    def __init__(self) -> None:
        self.scheduler = self
        self.workers: Mapping[str, Any] | None = {}

    def identity(self, n_workers: int) -> None:
        raise AssertionError("it is called by `sync`, with a time limit")

    def sync(self, function: Any, n_workers: int, callback_timeout: float) -> Mapping[str, Any]:
        assert function == self.identity
        assert (n_workers, callback_timeout) == (-1, 5)
        if self.workers is None:
            raise TimeoutError
        return {"workers": self.workers}


class World:
    """A watch on a job whose clock and workers the test moves."""

    def __init__(self, *more: str) -> None:
        self.client, self.now, self.warnings = Client(), 0.0, list[str]()
        options = beam_options([*FLAGS, *more])
        self.watch = dask_cluster.Watch(options, self.client, self.warnings.append, lambda: self.now)

    def pass_time(self, seconds: int, workers: Mapping[str, Any] | None) -> None:
        self.client.workers = workers
        for _ in range(seconds):
            self.now += 1
            self.watch.look()


def test_a_worker_that_does_not_come_is_told_within_a_minute_and_given_up() -> None:
    world = World()
    world.pass_time(54, {})
    assert world.warnings == []
    world.pass_time(100, {})
    [warning] = world.warnings
    assert warning.startswith("Dask has had no worker, or lost all, for 6")
    assert "The job is cancelled after 300 s without one (--job_server_timeout)" in warning
    with pytest.raises(InputError, match=r"no worker, or lost all, for 30. s; start some: dask worker"):
        world.pass_time(LIMIT, {})
    assert world.now <= LIMIT + 5


def test_workers_may_take_as_long_as_they_like_and_be_lost_for_a_while() -> None:
    world = World()
    world.pass_time(10 * LIMIT, {"a": RUNNING, "b": PAUSED})
    world.pass_time(LIMIT - 10, {})
    world.pass_time(LIMIT, {"c": RUNNING})
    assert len(world.warnings) == 1
    with pytest.raises(InputError, match=r"Dask has had no worker, or lost all, for 30. s"):
        world.pass_time(LIMIT + 5, {})


def test_workers_that_are_all_paused_take_no_task() -> None:
    with pytest.raises(InputError, match="all 2 Dask workers have been paused for lack of memory for "):
        World("--job_server_timeout=9").pass_time(20, {"a": PAUSED, "b": PAUSED})


def test_a_scheduler_may_be_away_for_a_moment_and_not_for_a_minute() -> None:
    world = World()
    for workers in (None, {"a": RUNNING}):
        world.pass_time(50, workers)
    with pytest.raises(InputError, match="the Dask scheduler at tcp://scheduler:1 is lost"):
        world.pass_time(70, None)
    assert world.now < 170


def test_it_is_not_looked_all_the_time() -> None:
    world = World()
    world.client.workers = None
    for _ in range(100):
        world.now += 0.01
        world.watch.look()
    assert world.warnings == []


class Future:
    def __init__(self, status: str) -> None:
        self.status = status


class Result:
    """A job that Beam takes for done."""

    def __init__(self, *statuses: str) -> None:
        self.futures = [Future(status) for status in statuses]
        self.client, self.is_closed = self, False

    def wait_until_finish(self) -> None:
        pass

    def close(self, timeout: float) -> None:
        self.is_closed = True


@pytest.mark.parametrize("status", ["cancelled", "lost", "pending"])
def test_a_job_that_was_cancelled_is_not_done(status: str) -> None:
    """As all are when the connection to the scheduler breaks."""
    result, warnings = Result("finished", status), list[str]()
    with pytest.raises(InputError, match="scheduler at tcp://scheduler:1 is lost, and the job has failed"):
        dask_cluster.wait(result, beam_options(FLAGS), warnings.append)
    assert result.is_closed


def test_a_job_that_is_done_leaves_no_connection() -> None:
    result, warnings = Result("finished"), list[str]()
    dask_cluster.wait(result, beam_options(FLAGS), warnings.append)
    assert result.is_closed


def test_what_is_lost_or_lacking_is_named() -> None:
    from distributed.scheduler import KilledWorker

    options, worker = beam_options(FLAGS), None
    text = dask_cluster.explanation(KilledWorker("secret", worker, 3), options)
    assert text is not None
    assert text.startswith("4 Dask workers were lost while they ran the same step")
    lacking = RuntimeError("Error during deserialization of the task graph. secret")
    packages = dask_cluster.explanation(lacking, options)
    assert packages is not None
    assert "each needs the packages that are here, this version of trueserve among them" in packages
    assert "secret" not in text + packages


def test_any_other_failure_is_left_to_others() -> None:
    lacking = RuntimeError("Error during deserialization of the task graph")
    assert dask_cluster.explanation(RuntimeError("x"), beam_options(FLAGS)) is None
    assert dask_cluster.explanation(lacking, beam_options([])) is None


def test_a_scheduler_file_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    options = beam_options([FLAGS[0], f"--dask_scheduler_file={tmp_path}/none.json"])
    with pytest.raises(InputError, match=r"--dask_scheduler_file=.*/none\.json: there is no such file"):
        dask_cluster.connected(options)


@pytest.mark.parametrize(
    ("flag", "parts", "size"),
    [("--dask_npartitions=7", 7, None), ("--dask_partition_size=3", None, 3), (None, 32, None)],
)
def test_the_input_goes_in_as_many_parts_as_are_wanted(
    flag: str | None, parts: int | None, size: int | None
) -> None:
    """Beam's own default is 128 files in one part. Without an address Beam starts workers here."""
    options = beam_options([FLAGS[0], *([flag] if flag else [])])
    values = dask_cluster.connected(options).get_all_options()
    assert (values["npartitions"], values["partition_size"]) == (parts, size)


def test_other_runners_are_left_alone() -> None:
    options = beam_options([])
    assert dask_cluster.connected(options) is options
