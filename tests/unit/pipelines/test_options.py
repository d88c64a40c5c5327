"""Beam's flags: what Beam refuses is wrong usage, in its words, and which paths workers reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from trueserve.pipelines.beam import options as beam_options
from trueserve.pipelines.beam import portable
from trueserve.pipelines.flags.commands import COMMANDS
from trueserve.transforms.core.errors import UsageError

CLOUD = ("--runner=DataflowRunner", "--temp_location=gs://bucket/tmp")
PROJECT = ("--project=my-project", "--region=europe-west1")
PORTABLE = ("--runner=PortableRunner", "--job_endpoint=localhost:1")


@pytest.mark.parametrize(
    ("beam_args", "says"),
    [
        (CLOUD, "Missing required option: project"),
        ([*CLOUD, *PROJECT, "--dataflow_endpoint=foo"], "Invalid url (foo) for dataflow endpoint"),
        ([*CLOUD, *PROJECT, "--job_name=A job"], "Invalid job_name (A job)"),
        ([*CLOUD, *PROJECT, "--num_workers=0"], "Invalid value (0) for option: num_workers"),
        (["--runner=DataflowRunner", *PROJECT], "Missing GCS path option: temp_location"),
        ([*CLOUD[:1], *PROJECT, "--temp_location=/x"], "Invalid GCS path (/x)"),
        ([*PORTABLE, "--environment_type=EXTERNAL"], "external_service_address is required for environment"),
        ([*PORTABLE, "--environment_type=PROCESS"], "Option process_command is required for environment"),
        (["--runner=PortableRunner"], "You must specify a --job_endpoint"),
        (["--runner=PortableRunner", "--job_endpoint=server"], "Invalid job_endpoint (server): it should be"),
        (["--runner=PortableRunner", "--job_endpoint=http://x:1"], "Invalid job_endpoint (http://x:1)"),
        (["--setup_file=nowhere/setup.py"], "the file nowhere/setup.py cannot be found"),
        (
            [*CLOUD, *PROJECT, "--dataflow_job_file=no/job.json"],
            "the file no/job.json of --dataflow_job_file",
        ),
        ([*CLOUD, *PROJECT, "--dataflow_job_file=/"], "the file / of --dataflow_job_file cannot be written"),
        (["--runner=NoRunner"], "--runner=NoRunner: Unexpected pipeline runner: NoRunner"),
        (["--runner=no.such.Runner"], "--runner=no.such.Runner: No module named 'no'"),
        (["--num_workers=many"], "argument --num_workers: invalid int value: 'many'"),
    ],
)
def test_what_beam_refuses_is_wrong_usage_in_one_line(beam_args: Sequence[str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        beam_options.beam_options(beam_args)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("beam_args", "local"),
    [
        ((), True),
        ([*CLOUD, *PROJECT], False),
        ([*CLOUD, *PROJECT, "--dataflow_job_file=job.json"], False),
        ([*CLOUD, *PROJECT, "--dataflow_job_file=gs://bucket/new/job.json"], False),
        (PORTABLE, False),
        ([*PORTABLE[:1], "--job_endpoint=embed"], False),
        (["--runner=FlinkRunner"], False),
        (["--runner=Direct"], True),
    ],
)
def test_what_beam_takes_passes(beam_args: Sequence[str], local: bool) -> None:
    assert beam_options.is_local(beam_options.beam_options(beam_args)) is local


@pytest.mark.parametrize("runner", ["DirectRunner", "DataflowRunner", "PortableRunner"])
def test_only_a_portable_runner_has_a_job_server(runner: str) -> None:
    options = beam_options.beam_options(
        [*CLOUD, *PROJECT, f"--runner={runner}", "--job_endpoint=localhost:1"]
    )
    assert portable.job_endpoint(options) == ("localhost:1" if runner == "PortableRunner" else None)


def test_validation_changes_no_option() -> None:
    """Beam's own puts a value in place of a deprecated one, and does that again when a graph is built."""
    options = beam_options.beam_options([*CLOUD, *PROJECT, "--zone=a"])
    assert options.get_all_options()["zone"] == "a"


@pytest.mark.parametrize("path", ["gs://b/x", "/abs/x", "x", "file:///x"])
@pytest.mark.parametrize("shared", [False, True])
def test_paths_that_workers_reach(path: str, shared: bool) -> None:
    remote = beam_options.beam_options(PORTABLE, shared)
    if path == "gs://b/x" or (shared and path in ("/abs/x", "file:///x")):
        beam_options.check_reachable(remote, logs=path, output=None)
        return
    with pytest.raises(UsageError, match=f"--logs: a remote runner's workers cannot reach .*{path}"):
        beam_options.check_reachable(remote, logs=path)


def test_this_machine_reaches_all_paths() -> None:
    beam_options.check_reachable(beam_options.beam_options([]), logs="x", output="/y")


@pytest.mark.parametrize("shared", [False, True])
def test_a_local_temporary_location_needs_a_shared_file_system(shared: bool, tmp_path: Path) -> None:
    options = beam_options.beam_options([*PORTABLE, f"--temp_location={tmp_path}"], shared)
    if shared:
        assert beam_options.temp_location(options) == str(tmp_path)
        return
    with pytest.raises(
        UsageError, match=f"--temp_location: PortableRunner needs .*--shared_filesystem.*{tmp_path}"
    ):
        beam_options.temp_location(options)


def test_every_command_that_runs_a_job_can_share_a_file_system() -> None:
    shares = {
        name for name, command in COMMANDS.items() if hasattr(command.options_class, "shared_filesystem")
    }
    assert shares == {"prepare", "adopt", "validate", "backtest", "join"}
    # Those of a series take it among the flags of `validate`, or from a file.
    of_series = {"run", "backfill"}
    assert shares | of_series == {name for name, command in COMMANDS.items() if command.takes_beam_flags}


RUNNER = """
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineRunner

class Options(PipelineOptions):
    @classmethod
    def _add_argparse_args(cls, parser):
        parser.add_argument("--{flag}", type=int)

class Runner(PipelineRunner):
    pass
"""


def runner_of(folder: Path, module: str, flag: str) -> str:
    (folder / f"{module}.py").write_text(RUNNER.format(flag=flag))
    return f"--runner={module}.Runner"


def test_flags_of_a_runner_that_can_be_imported_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    runner = runner_of(tmp_path, "strangers_runner", "strangers_flag")
    with pytest.raises(UsageError, match="unknown argument '--strangers_flag=3'"):
        beam_options.beam_options(["--strangers_flag=3"])
    options = beam_options.beam_options([runner, "--strangers_flag=3"])
    assert options.get_all_options()["strangers_flag"] == 3
    assert not beam_options.is_local(options)


def test_a_flag_of_a_runner_is_no_typo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    runner = runner_of(tmp_path, "typing_runner", "baselines")
    assert not beam_options.is_beam_flag("--baselines")
    assert beam_options.is_beam_flag("--baselines", [runner])


@pytest.mark.parametrize("name", ["DaskRunner", "dask", "daskrunner"])
def test_dask_is_known_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is installed or not."""

    def refuse(runner: str) -> None:
        raise AttributeError(f"{runner}: 'dict' object has no attribute 'Client'")

    monkeypatch.setattr(beam_options, "create_runner", refuse)
    with pytest.raises(
        UsageError, match=r"dask_runner\.DaskRunner needs more packages: pip install 'trueserve"
    ):
        beam_options.beam_options([f"--runner={name}", "--dask_client_address=x"])
