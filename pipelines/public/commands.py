"""`prepare` and `validate` as functions: the same flags by their names, and the same checks."""

from __future__ import annotations

import datetime as dt
import importlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from trueserve.pipelines import cli
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.public.verdict import Verdict
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.runs import published_runs

#: What a flag may be given: True for one without a value, several values as a list.
FlagValue: TypeAlias = str | int | float | bool | os.PathLike[str] | dt.date | Sequence[str] | None
_READY = "verdict.json"


def prepare(
    examples: str | os.PathLike[str],
    preprocessing: str | os.PathLike[str],
    baseline: str | os.PathLike[str],
    **flags: FlagValue,
) -> str:
    """Makes a baseline of training examples, as `trueserve prepare` does.

    Args:
      examples: a glob of TFRecord, CSV or Parquet files.
      preprocessing: the file, or the module, of the `preprocessing_fn`.
      baseline: the folder to write.
      flags: any other flag of the command by its name, such as `label="late"`.

    Returns:
      The baseline's folder.

    Raises:
      UsageError: a flag, or what it names, is wrong.
      InputError: the examples cannot be read, or the job failed.
    """
    given = {"examples": examples, "preprocessing": preprocessing, "baseline": baseline, **flags}
    _run("prepare", given)
    return os.fspath(baseline)


def validate(
    baseline: str | os.PathLike[str],
    logs: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    **flags: FlagValue,
) -> Verdict:
    """Compares logged requests with a baseline, as `trueserve validate` does. Skew is no exception.

    Args:
      baseline: a folder that `prepare` has written.
      logs: a glob of logs in any format.
      output: where to publish; None for a temporary folder that goes with the Verdict.
      flags: any other flag of the command by its name, such as `start=dt.date(2013, 7, 1)`.

    Returns:
      The verdict that was published. In Jupyter it shows the report.

    Raises:
      UsageError: a flag, or what it names, is wrong.
      InputError: not even the verdict `failed` could be published.
    """
    folder = None
    if output is None:
        folder = tempfile.TemporaryDirectory(prefix="trueserve-", ignore_cleanup_errors=True)
        output = folder.name
    facts = _run("validate", {"baseline": baseline, "logs": logs, "output": output, **flags})
    path = str(facts.get("path", paths.join(os.fspath(output), _READY)))
    document = published_runs.read_verdict(path)
    if document is None:
        raise InputError(f"{path} is no verdict of this version")
    return Verdict(document, path, str(facts.get("report", "")), folder)


def _run(command: str, flags: Mapping[str, Any]) -> Mapping[str, Any]:
    """Runs a command in this process, without display; what it says of its result."""
    declared, options = cli.parse([command, *_arguments(flags)])
    console = Console(io.StringIO(), terminal=False)
    importlib.import_module(declared.module).run(options, console)
    return console.facts


def _arguments(flags: Mapping[str, FlagValue]) -> Iterator[str]:
    """Flags as the command line has them."""
    for name, value in flags.items():
        if value is None or value is False:
            continue
        yield f"--{name}" if value is True else f"--{name}={_text(value)}"


def _text(value: FlagValue) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, dt.date):  # a time is one, too
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return ",".join(value or ())
