"""What is told of job servers and workers that are missing, silent or lost."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import grpc
import pytest

from trueserve.pipelines.beam import portable
from trueserve.pipelines.beam.options import beam_options
from trueserve.transforms.core.errors import InputError

FLAGS = (
    "--runner=PortableRunner",
    "--job_endpoint=server:1",
    "--environment_type=EXTERNAL",
    "--environment_config=pool:2",
)
LIMIT = 300


class Unavailable(grpc.RpcError):
    pass


class Job:
    """What a runner gives for a job: the server's answers, and whether the job was cancelled."""

    def __init__(self) -> None:
        self._job_id = "job"
        self._job_service = self
        self.is_up, self.is_cancelled = True, False

    def GetState(self, request: Any, timeout: float) -> None:
        if not self.is_up:
            raise Unavailable

    def Cancel(self, request: Any, timeout: float) -> None:
        self.is_cancelled = True


class World:
    """A watch on a job whose clock and workers the test moves."""

    def __init__(self, folder: Path | None, *more: str) -> None:
        self.job, self.now, self.warnings = Job(), 0.0, list[str]()
        self._folder = folder
        options = beam_options([*FLAGS, *more])
        self.watch = portable.Watch(
            options, self.job, str(folder) if folder else None, self.warnings.append, lambda: self.now
        )

    def pass_time(self, seconds: int, *, is_beating: bool = False) -> None:
        for _ in range(seconds):
            self.now += 1
            if is_beating and self._folder:
                (self._folder / "worker.progress").write_text(f"1 2 {self.now}")
            self.watch.look()


def test_a_worker_that_does_not_begin_is_told_within_a_minute_and_given_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.pass_time(54)
    assert world.warnings == []
    world.pass_time(11)
    [warning] = world.warnings
    assert "no worker has begun for 6" in warning
    assert "a worker pool must listen on pool:2" in warning
    assert "The job is cancelled after 300 s of silence (--job_server_timeout)" in warning
    with pytest.raises(
        InputError, match=r"no worker has begun for 30. s: a worker pool must listen on pool:2"
    ):
        world.pass_time(LIMIT)
    assert world.job.is_cancelled
    assert world.now <= LIMIT + 5


def test_workers_that_beat_may_take_as_long_as_they_like(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.pass_time(10 * LIMIT, is_beating=True)
    assert world.warnings == []
    with pytest.raises(InputError, match=r"no worker has sent a heartbeat for 30. s: the workers are lost"):
        world.pass_time(2 * LIMIT)


def test_what_an_earlier_job_left_is_no_sign_of_life(tmp_path: Path) -> None:
    (tmp_path / "old.progress").write_text("1 2 3")
    with pytest.raises(InputError, match="no worker has begun"):
        World(tmp_path, "--job_server_timeout=9").pass_time(20)


def test_without_heartbeats_no_worker_is_given_up() -> None:
    world = World(None)
    world.pass_time(10 * LIMIT)
    assert world.warnings == []


def test_a_job_server_may_be_away_for_a_moment_and_not_for_a_minute() -> None:
    world = World(None)
    world.job.is_up = False
    world.pass_time(50)
    world.job.is_up = True
    world.pass_time(50)
    world.job.is_up = False
    with pytest.raises(InputError, match="the Beam job server at server:1 is lost"):
        world.pass_time(70)


def test_the_time_limit_of_an_answer_is_none_of_the_job() -> None:
    """Beam would end a healthy job after five minutes."""
    options = beam_options([*FLAGS, "--job_server_timeout=7"])
    assert portable.without_time_limit(options).get_all_options()["job_server_timeout"] > 1e6
    assert portable.timeout_seconds(options) == 7


class Result:
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def wait_until_finish(self) -> None:
        if self._error:
            raise self._error


class Silent:
    """A job that does not end."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def wait_until_finish(self) -> None:
        self.end.wait()


class Failing:
    def look(self) -> None:
        raise InputError("lost")


def test_the_end_of_a_job_is_that_of_the_waiting() -> None:
    watch: Any = World(None).watch
    portable.wait(Result(None), watch)
    with pytest.raises(ZeroDivisionError):
        portable.wait(Result(ZeroDivisionError()), watch)


def test_a_job_that_is_given_up_is_not_waited_for() -> None:
    watch: Any = Failing()
    job = Silent()
    with pytest.raises(InputError, match="lost"):
        portable.wait(job, watch)
    job.end.set()


def traceback_of(function: str, file: str = "worker_handlers.py") -> RuntimeError:
    return RuntimeError(
        f'Traceback:\n  File "/beam/{file}", line 1, in {function}\n    x()\nValueError: secret\n'
    )


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Unavailable(), "the Beam job server at server:1 is lost"),
        (grpc.FutureTimeoutError(), "the Beam job server at server:1 is lost"),
        (
            traceback_of("start_worker"),
            "the job server could not start a worker: a worker pool must listen on pool:2",
        ),
        (traceback_of("input_elements", "data_plane.py"), "a worker is lost, and the job has failed"),
    ],
)
def test_what_is_missing_or_lost_is_named(error: Exception, says: str) -> None:
    explanation = portable.explanation(error, beam_options(FLAGS))
    assert explanation is not None
    assert explanation.startswith(says)
    assert "secret" not in explanation


def test_any_other_failure_is_left_to_others() -> None:
    assert portable.explanation(traceback_of("process", "graph.py"), beam_options(FLAGS)) is None
    assert portable.explanation(Unavailable(), beam_options([])) is None


def test_another_environment_has_another_hint() -> None:
    flags = [*FLAGS[:2], "--environment_type=PROCESS", '--environment_config={"command": "x"}']
    text = portable.explanation(traceback_of("start_worker"), beam_options(flags))
    assert text is not None
    assert "what --environment_type=PROCESS starts workers with" in text
