"""The flags that are Beam's: known or refused, and the runner that they ask for."""

from __future__ import annotations

import argparse
import functools
import logging
from collections.abc import Iterator, Sequence

from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
)

from transforms.core.errors import UsageError

# Beam's own name for "this machine" tries a runner that it would have to download first; name the one
# that Beam brings with it.
LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
LOCAL_NAMES = frozenset({"directrunner", "bundlebaseddirectrunner", "fnapirunner", LOCAL_RUNNER.lower()})


def is_beam_flag(flag: str) -> bool:
    """Whether some option class of Beam takes `flag` (with its leading dashes)."""
    try:
        _, unknown = _beam_parser().parse_known_args([flag])
    except argparse.ArgumentError:  # it wants a value
        return True
    return not unknown


def beam_options(beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options from the flags that are not ours.

    Raises:
      UsageError: a flag that Beam does not know either, or one that Beam refuses.
    """
    try:
        _, unknown = _beam_parser().parse_known_args(list(beam_args))
    except argparse.ArgumentError as error:
        raise UsageError(f"Beam refuses a flag: {error}") from error
    if unknown:
        raise UsageError(f"unknown argument {unknown[0]!r}: neither trueserve nor Apache Beam takes it")
    options = PipelineOptions(list(beam_args))
    _choose_runner(options)
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
    if not location or "://" not in location:
        raise UsageError(
            f"--temp_location: {options.view_as(StandardOptions).runner} needs a folder that its workers "
            f"reach, such as gs://BUCKET/tmp, got {location!r}"
        )
    return location


def check_reachable(options: PipelineOptions, **paths: str | None) -> None:
    """Refuses local paths for a remote runner: its workers would not find them.

    Raises:
      UsageError: naming the flag.
    """
    if is_local(options):
        return
    for flag, path in paths.items():
        if path is not None and "://" not in path:
            raise UsageError(f"--{flag}: a remote runner's workers cannot reach the local path {path!r}")


def _choose_runner(options: PipelineOptions) -> None:
    if is_local(options):
        options.view_as(StandardOptions).runner = LOCAL_RUNNER
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    # Our packages are installed on the workers; the main session is the console script's, of no use there.
    options.view_as(SetupOptions).save_main_session = False


@functools.cache
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
