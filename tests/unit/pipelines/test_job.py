"""A job's own folders, and which runner is this machine's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from support.memory_files import OBJECTS

from pipelines.beam import job
from pipelines.beam.job import new_job
from pipelines.beam.options import beam_options, is_local
from pipelines.display.console import Console
from transforms.core.errors import InputError
from transforms.files import paths

LOCATION = "memory://bucket/tmp"
REMOTE = ["--runner=DataflowRunner", f"--temp_location={LOCATION}"]
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
    assert not is_local(beam_options([f"--runner={runner}"]))


def test_a_traceback_that_cannot_be_kept_hides_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk may be what the job failed of."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    message = r"the Beam job failed: .*; the traceback cannot be kept: No space"
    with pytest.raises(InputError, match=message), job._explain_failures():
        raise RuntimeError
