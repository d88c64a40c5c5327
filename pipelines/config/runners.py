"""Beam's flags by name: the tables `[runners.NAME]`, and which of them a run takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trueserve.pipelines.config.problems import Problems
from trueserve.pipelines.flags.beam import SHARED_FILESYSTEM
from trueserve.transforms.core.errors import UsageError

_RUNNER = "--runner"
Tables = Mapping[str, Mapping[str, Any]]


def as_flags(table: Mapping[str, Any]) -> list[str]:
    """A table as flags: `true` is a flag alone, `false` none, and a list the flag several times.

    Raises:
      ValueError: a value is none of these, nor a text or a number.
    """
    return [flag for key, value in table.items() for flag in _flags(key, value)]


def _flags(key: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{key}"] if value else []
    if isinstance(value, list):
        return [flag for each in value for flag in _flags(key, each)]
    if not isinstance(value, str | int | float):
        raise ValueError(f"{key}: expected a text, a number, true or false, or a list of these")  # noqa: TRY004
    return [f"--{key}={value}"]


def check(name: str, table: Mapping[str, Any], problems: Problems) -> None:
    """Adds what is wrong with one table: keys that are no flags of Beam, and values that are none."""
    from trueserve.pipelines.beam import options as beam_options  # loads Beam

    try:
        runner = [f"{_RUNNER}={table['runner']}"] if isinstance(table.get("runner"), str) else []
        known = {key: key == "runner" or beam_options.is_beam_flag(f"--{key}", runner) for key in table}
    except UsageError as error:
        problems.add(("runners", name, "runner"), str(error))
        return
    for key, value in table.items():
        path = ("runners", name, key)
        if not known[key]:
            problems.unknown(path, beam_options.flag_names(runner), "flag of Apache Beam")
            continue
        try:
            _flags(key, value)
        except ValueError as error:
            problems.add(path, str(error))


def chosen(tables: Tables, named: str | None, beam_args: Sequence[str]) -> tuple[list[str], bool]:
    """Beam's flags of a run, and whether its workers share this machine's paths.

    Args:
      named: the table that the file chooses; None for none.
      beam_args: of the command line. `--runner=NAME` there chooses a table; all others win over it.
    """
    rest = list(beam_args)
    for word in beam_args:
        name = word.partition("=")[2]
        if word.startswith(f"{_RUNNER}=") and name in tables:
            rest.remove(word)
            named = name
        elif word.startswith(f"{_RUNNER}="):
            named = None  # a runner of Beam's own name
    table = dict(tables.get(named or "", {}))
    is_shared = bool(table.pop(SHARED_FILESYSTEM.attribute, False))
    return [*as_flags(table), *rest], is_shared
