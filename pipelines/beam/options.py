"""The flags that are Beam's: known or refused, and the runner that they ask for."""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import (
    DebugOptions,
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import create_runner

from trueserve.pipelines.beam.kept_views import KeptViews
from trueserve.pipelines.flags.beam import SHARED_FILESYSTEM
from trueserve.transforms.core.errors import UsageError

# Beam's own name for "this machine" tries a runner that it would have to download first; name the one
# that Beam brings with it.
LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
DASK_RUNNER = "apache_beam.runners.dask.dask_runner.DaskRunner"
# Beam brings them and does not list them: by their names in lower case.
_UNLISTED_RUNNERS = {"daskrunner": DASK_RUNNER}
# As gRPC reads an address, and Beam's word for a job server in this process.
_ENDPOINT = re.compile(r"(dns:///)?[^/]+:\d+|unix:.+|embed")
_HINT = f"; {SHARED_FILESYSTEM.name} says that they see absolute paths of this machine"
LOCAL_NAMES = frozenset({"directrunner", "bundlebaseddirectrunner", "fnapirunner", LOCAL_RUNNER.lower()})


def is_beam_flag(flag: str, argv: Sequence[str] = ()) -> bool:
    """Whether an option class of Beam, or of the runner that `argv` names, takes `flag` (with its dashes)."""
    _load_runner(argv)
    try:
        _, unknown = _beam_parser().parse_known_args([flag])
    except argparse.ArgumentError:  # it wants a value
        return True
    return not unknown


def flag_names(argv: Sequence[str] = ()) -> list[str]:
    """All flags that Beam, and the runner that `argv` names, take; without their dashes."""
    _load_runner(argv)
    known = (name for action in _beam_parser()._actions for name in action.option_strings)
    return sorted({name.removeprefix("--") for name in known if name.startswith("--")})


class SharedFilesystemOption(PipelineOptions):
    """Ours among Beam's, so that whoever has the options knows where paths lead."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(SHARED_FILESYSTEM.name, **SHARED_FILESYSTEM.settings)


def beam_options(
    beam_args: Sequence[str], shared_filesystem: bool = False, *, is_one_graph: bool = False
) -> PipelineOptions:
    """Beam's options from the flags that are not ours.

    Args:
      shared_filesystem: whether workers on other machines see the same paths.
      is_one_graph: whether the job is all in one graph, which somebody else can run later.

    Raises:
      UsageError: a flag that Beam does not know either, or values that Beam refuses, in Beam's words; a
        template of more than one graph.
    """
    _load_runner(beam_args)
    try:
        _, unknown = _beam_parser().parse_known_args(list(beam_args))
    except argparse.ArgumentError as error:
        raise UsageError(f"Beam refuses a flag: {error}") from error
    if unknown:
        raise UsageError(f"unknown argument {unknown[0]!r}: neither trueserve nor Apache Beam takes it")
    options = KeptViews(list(beam_args), shared_filesystem=shared_filesystem)
    _choose_runner(options)
    _validate(options)
    _forget_job_server(options)
    if is_template(options) and not is_one_graph:
        raise UsageError(
            "--template_location: expected a job that is one graph, which validate without --drop_repeated is"
        )
    # A baseline on an object store is read before there is a pipeline, which would say so.
    FileSystems.set_options(options)
    return options


def is_local(options: PipelineOptions) -> bool:
    """Whether the job runs on this machine."""
    runner = options.view_as(StandardOptions).runner
    # As Beam reads it: in upper or lower case, with or without "Runner" at its end.
    return runner is None or bool({runner.lower(), runner.lower() + "runner"} & LOCAL_NAMES)


def opens_ports(options: PipelineOptions) -> bool:
    """Whether Beam listens for its workers on this machine: on every interface, and without authentication.

    Its addresses are constants (`fn_api_runner/worker_handlers.py`); no option binds them to the loopback.
    """
    return is_local(options) and options.view_as(DirectOptions).direct_running_mode not in (None, "in_memory")


def temp_location(options: PipelineOptions) -> str | None:
    """Where temporary files go: `--temp_location` on a remote runner, None (a local folder) here.

    Raises:
      UsageError: a remote runner without a temporary location that its workers can reach.
    """
    if is_local(options):
        return None
    location: str | None = options.view_as(GoogleCloudOptions).temp_location
    if not location or not _is_reachable(options, location):
        raise UsageError(
            f"--temp_location: {options.view_as(StandardOptions).runner} needs a folder that its workers "
            f"reach, such as gs://BUCKET/tmp{_HINT}, got {location!r}"
        )
    return location


def is_template(options: PipelineOptions) -> bool:
    """Whether the graph is only written, for Dataflow to run it later, as for a Flex Template."""
    on_dataflow = (options.view_as(StandardOptions).runner or "").endswith("DataflowRunner")
    return on_dataflow and options.view_as(GoogleCloudOptions).template_location is not None


def check_reachable(options: PipelineOptions, **paths: str | None) -> None:
    """Refuses local paths for a remote runner whose workers would not find them.

    Raises:
      UsageError: naming the flag.
    """
    if is_local(options):
        return
    for flag, path in paths.items():
        if path is not None and not _is_reachable(options, path):
            raise UsageError(
                f"--{flag}: a remote runner's workers cannot reach the local path {path!r}{_HINT}"
            )


def has_shared_filesystem(options: PipelineOptions) -> bool:
    """Whether workers on other machines see the same paths."""
    shared: bool = options.view_as(SharedFilesystemOption).shared_filesystem
    return shared


def _is_reachable(options: PipelineOptions, path: str) -> bool:
    """Workers run in folders of their own, so that a relative path would lead elsewhere."""
    if "://" in path and not path.startswith("file://"):
        return True
    return has_shared_filesystem(options) and ("://" in path or Path(path).is_absolute())


def _choose_runner(options: PipelineOptions) -> None:
    standard = options.view_as(StandardOptions)
    standard.runner = _full_name(standard.runner)
    if is_local(options):
        standard.runner = LOCAL_RUNNER
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    # Our packages are installed on the workers; the main session is the console script's, of no use there.
    options.view_as(SetupOptions).save_main_session = False


def _forget_job_server(options: PipelineOptions) -> None:
    """A runner that asks no job server ignores where one is, and so must we."""
    if not isinstance(_new_runner(options.view_as(StandardOptions).runner), PortableRunner):
        options.view_as(PortableOptions).job_endpoint = None


def _validate(options: PipelineOptions) -> None:
    """Beam's own validation, which it would do only once a graph is built.

    Raises:
      UsageError: what Beam says, in one line.
    """
    of_files = [*_setup_file_errors(options), *_job_file_errors(options)]
    if errors := [*of_files, *_validator_errors(options), *_job_endpoint_errors(options)]:
        text = "; ".join(" ".join(str(error).split()).rstrip(".") for error in errors)
        raise UsageError(f"Beam refuses its flags: {text}")


def _validator_errors(options: PipelineOptions) -> list[str]:
    # The validator puts values in place of deprecated ones, as it will again when the graph is built.
    runner = _new_runner(options.view_as(StandardOptions).runner)
    validator = PipelineOptionsValidator(copy.deepcopy(options), runner)
    validator.options.view_as(TestOptions).dry_run = True  # else it asks the object store about its prices
    cloud = validator.options.view_as(GoogleCloudOptions)
    errors: list[str]
    # In place of a location that is no good Dataflow's options would make a bucket, which nobody asked for.
    if validator.is_service_runner() and (errors := validator.validate_gcs_path(cloud, "temp_location")):
        return [*errors, *validator.validate_cloud_options(cloud)]
    errors = validator.validate()
    return errors


def _load_runner(argv: Sequence[str]) -> None:
    """Imports the runner that is asked for: only then its flags are known."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--runner")
    with contextlib.suppress(argparse.ArgumentError):  # it is said once all flags are looked at
        if name := parser.parse_known_args(list(argv))[0].runner:
            _new_runner(_full_name(name))


def _full_name(runner: str | None) -> str | None:
    name = (runner or "").lower()
    return _UNLISTED_RUNNERS.get(name, _UNLISTED_RUNNERS.get(name + "runner", runner))


def _new_runner(name: str | None) -> Any:
    try:
        return create_runner(name)
    except (ValueError, ImportError, AttributeError) as error:
        if name in _UNLISTED_RUNNERS.values():
            raise UsageError(f"--runner={name} needs more packages: pip install 'trueserve[dask]'") from error
        raise UsageError(f"--runner={name}: {' '.join(str(error).split())}") from error


def _setup_file_errors(options: PipelineOptions) -> list[str]:
    """What Beam finds out while it stages the package, long after the graph is built."""
    path = options.view_as(SetupOptions).setup_file
    if path is not None and not Path(path).is_file():
        return [f"the file {path} cannot be found; it was specified in the --setup_file command line option"]
    return []


def _job_file_errors(options: PipelineOptions) -> list[str]:
    """What it finds out while it writes the request, after the package is staged."""
    path = options.view_as(DebugOptions).dataflow_job_file
    if path is None or "://" in path:
        return []
    if not Path(path).parent.is_dir() or Path(path).is_dir():
        return [f"the file {path} of --dataflow_job_file cannot be written; its folder must exist"]
    return []


def _job_endpoint_errors(options: PipelineOptions) -> list[str]:
    """Likewise: only then a runner without a job server of its own says that it lacks one."""
    endpoint = options.view_as(PortableOptions).job_endpoint
    if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
        return [f"Invalid job_endpoint ({endpoint}): it should be in the form of host and port"]
    runner = _new_runner(options.view_as(StandardOptions).runner)
    if endpoint or not isinstance(runner, PortableRunner):
        return []
    if type(runner).default_job_server is not PortableRunner.default_job_server:
        return []  # Flink's and Spark's would start
    return ["You must specify a --job_endpoint when using --runner=PortableRunner"]


def _beam_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, exit_on_error=False, conflict_handler="resolve"
    )
    for kind in _option_classes(PipelineOptions):
        if hasattr(kind, "_add_argparse_args"):
            kind._add_argparse_args(parser)
    return parser


def _option_classes(kind: type) -> Iterator[type]:
    subclass: type
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _option_classes(subclass)
