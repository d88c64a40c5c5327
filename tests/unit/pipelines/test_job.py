"""A job's own folders, and which runner is this machine's."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.metrics.execution import MetricKey
from apache_beam.metrics.metricbase import MetricName
from apache_beam.options.pipeline_options import PipelineOptions
from support.memory_files import OBJECTS

from trueserve.pipelines.beam import job
from trueserve.pipelines.beam.job import new_job
from trueserve.pipelines.beam.options import beam_options, is_local
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.process import supervisor
from trueserve.transforms.core import heartbeats
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths

LOCATION = "memory://bucket/tmp"
REMOTE = ["--runner=FlinkRunner", f"--temp_location={LOCATION}"]
CONSOLE = Console(io.StringIO(), io.StringIO())


def test_jobs_share_a_temporary_location_and_no_file_in_it() -> None:
    OBJECTS.clear()
    paths.write_atomically(f"{LOCATION}/beam-staging", b"another's")
    with new_job(beam_options(REMOTE), CONSOLE) as first, new_job(beam_options(REMOTE), CONSOLE) as second:
        for job in (first, second):
            assert job.temp.startswith(LOCATION + "/")
            paths.write_atomically(paths.join(job.temp, "deep", "first-reading"), b"x")
        assert len(OBJECTS) == 3
    assert set(OBJECTS) == {f"{LOCATION}/beam-staging"}


def test_a_job_that_dies_leaves_no_file_either() -> None:
    OBJECTS.clear()
    context = new_job(beam_options(REMOTE), CONSOLE)
    paths.write_atomically(paths.join(context.__enter__().temp, "first-reading"), b"x")
    assert not context.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert OBJECTS == {}


def test_a_local_job_has_a_local_folder() -> None:
    with new_job(beam_options(["--temp_location=/nowhere"]), CONSOLE) as job:
        assert Path(job.temp).is_dir()
        assert job.heartbeats is not None
    assert not Path(job.temp).exists()


@pytest.mark.parametrize("mode", ["multi_processing", "multi_threading", "in_memory", None])
def test_a_run_whose_ports_are_open_to_all_says_so(mode: str | None) -> None:
    out, err = io.StringIO(), io.StringIO()
    with new_job(beam_options([f"--direct_running_mode={mode}"] if mode else []), Console(out, err)):
        pass
    says = [line for line in out.getvalue().splitlines() if "ports on all interfaces" in line]
    assert len(says) == (mode in ("multi_processing", "multi_threading"))


@pytest.mark.parametrize(
    "runner",
    [
        None,
        "DirectRunner",
        "directrunner",
        "DIRECTRUNNER",
        "direct",
        "FnApiRunner",
        "fnapirunner",
        "bundlebaseddirectrunner",
        "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    ],
)
def test_runners_of_this_machine(runner: str | None) -> None:
    options = beam_options([f"--runner={runner}"] if runner else [])
    assert is_local(options)


@pytest.mark.parametrize("runner", ["DataflowRunner", "dataflowrunner", "FlinkRunner", "PortableRunner"])
def test_runners_elsewhere(runner: str) -> None:
    assert not is_local(PipelineOptions([f"--runner={runner}"]))


def test_a_traceback_that_cannot_be_kept_hides_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk may be what the job failed of."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    message = r"the Beam job failed: .*; the traceback cannot be kept: No space"
    with pytest.raises(InputError, match=message), job._explain_failures(beam_options([])):
        raise RuntimeError


class Counter(NamedTuple):
    """A counter of a runner's metrics."""

    key: Any
    attempted: int | None
    committed: int | None


@dataclasses.dataclass
class RemoteJob:
    """In place of a pipeline, its result and its metrics on a runner elsewhere."""

    counts: dict[str, tuple[int | None, int | None]]
    waited: int = 0

    def run(self) -> RemoteJob:
        return self

    def metrics(self) -> RemoteJob:
        return self

    def query(self, query: MetricsFilter) -> dict[str, list[Counter]]:
        assert query.namespaces == {"trueserve"}
        keys = {name: MetricKey("step", MetricName("trueserve", name)) for name in self.counts}
        return {"counters": [Counter(keys[name], *values) for name, values in self.counts.items()]}

    def wait_until_finish(self) -> None:
        self.waited += 1


@pytest.mark.parametrize(
    ("counts", "progress"),
    [
        ({}, (0, 0)),
        ({"rows": (7, 5), "bytes": (70, 50)}, (7, 70)),
        ({"rows": (None, 5), "bytes": (None, None)}, (5, 0)),
        ({"bytes": (0, 50)}, (0, 50)),
    ],
)
def test_a_runner_elsewhere_counts_what_it_attempted(
    counts: dict[str, tuple[int | None, int | None]], progress: tuple[int, int]
) -> None:
    assert job._counters(RemoteJob(counts)) == progress


def test_a_runner_elsewhere_is_waited_for_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    marked: list[bool] = []
    monkeypatch.setattr(supervisor, "mark_submitted", lambda: marked.append(True))
    OBJECTS.clear()
    out, remote = io.StringIO(), RemoteJob({"rows": (7, 7), "bytes": (1000, 1000)})
    with new_job(beam_options(REMOTE), Console(out, io.StringIO())) as running:
        assert running.heartbeats is None
        running.run(remote, "reading", 1000)
    assert (marked, remote.waited) == ([True], 1)
    assert out.getvalue().splitlines()[0] == "reading ..."
    assert out.getvalue().splitlines()[1].startswith("reading: done, 7 rows, 1.0 kB, ")


@pytest.mark.parametrize(("num_reads", "shown"), [(1, "4 rows, 1.0 kB, "), (2, "2 rows, 500 B, ")])
def test_a_job_here_shows_what_it_has_read_itself(
    num_reads: int, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[bool] = []
    monkeypatch.setattr(supervisor, "mark_submitted", lambda: marked.append(True))
    out = io.StringIO()
    with new_job(beam_options([]), Console(out, io.StringIO())) as running:
        assert running.heartbeats is not None
        heartbeats.heartbeat(running.heartbeats).add(3, 300)

        class Reading(RemoteJob):
            def run(self) -> RemoteJob:
                heartbeat = heartbeats.heartbeat(str(running.heartbeats))
                heartbeat.add(4, 1000)
                heartbeat.flush()
                return self

        running.run(Reading({"rows": (99, 99)}), "reading", 1000, num_reads)
    assert marked == []
    assert f"reading: done, {shown}" in out.getvalue()


def test_what_a_step_raised_as_our_own_error_is_said_as_it_was() -> None:
    text = "a is cut short [while running 'ReadExamples/Read']"
    with pytest.raises(InputError) as caught, job._explain_failures(beam_options([])):
        raise InputError(text)
    assert str(caught.value) == "a is cut short"


def test_a_traceback_is_kept_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "folder_for_reports", lambda: str(tmp_path))
    with pytest.raises(InputError) as caught, job._explain_failures(beam_options([])):
        raise ZeroDivisionError("a value of somebody's request")
    [file] = tmp_path.iterdir()
    assert str(caught.value).endswith(f"; the traceback, without the errors' texts, is in {file}")
    assert str(caught.value).startswith("the Beam job failed: ZeroDivisionError")
    assert "somebody" not in str(caught.value) + file.read_text()


@pytest.mark.parametrize("shared", [False, True])
def test_workers_of_a_shared_file_system_show_how_far_they_are(shared: bool, tmp_path: Path) -> None:
    location = str(tmp_path) if shared else LOCATION
    flags = ["--runner=PortableRunner", "--job_endpoint=localhost:1", f"--temp_location={location}"]
    with new_job(beam_options(flags, shared), CONSOLE) as job:
        assert (job.heartbeats is not None) == shared
        if job.heartbeats is not None:
            assert Path(job.heartbeats).is_dir()
            assert job.heartbeats.startswith(job.temp)
    assert list(tmp_path.iterdir()) == []
