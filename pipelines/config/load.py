"""Reads the file of a model: every error at once, with its line, before anything starts."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trueserve.pipelines.config import runners, toml_lines, values
from trueserve.pipelines.config.model_config import NEVER, ModelConfig, Retention, WindowSettings
from trueserve.pipelines.config.problems import ConfigError, Problem, Problems
from trueserve.pipelines.flags import validate
from trueserve.pipelines.flags.flag import Flag
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import local_windows, paths
from trueserve.transforms.files.file_systems import is_local

#: Flags of `validate` that say of one run what the file says of all.
NOT_IN_FILE = frozenset({"window", "start", "end", "dry_run", "profile"})
FLAGS: Mapping[str, Flag] = {
    flag.attribute: flag for flag in validate.COMMAND.flags if flag.attribute not in NOT_IN_FILE
}
_TABLES = ("window", "retention", "runners", "metrics", "lineage")
_ALERTS = "alerts"
_KEYS = frozenset({*FLAGS, *_TABLES, _ALERTS, "model", "runner"})
_REQUIRED = ("logs", "output")
_OF_WINDOW: Mapping[str, Callable[[Any], Any]] = {
    "every": values.duration,
    "timezone": lambda value: _checked_zone(values.text(value)),
    "lateness": lambda value: values.duration(value, least=dt.timedelta()),
    "complete_share": values.fraction,
}
_OF_RETENTION: Mapping[str, Callable[[Any], Any]] = {"keep": values.duration, "keep_runs": values.count}
# A window by which options are checked.
_ANY = (dt.datetime(2013, 7, 14, tzinfo=dt.UTC), dt.datetime(2013, 7, 15, tzinfo=dt.UTC))
_AT = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")
_NAMED_FLAG = re.compile(r"--([a-z_]+)")

Table = Mapping[str, Any]


def load(path: str, overrides: Table | None = None, beam_args: Sequence[str] = ()) -> ModelConfig:
    """The configuration in a file.

    Args:
      overrides: values of `validate`'s flags on the command line, which win.
      beam_args: flags of the command line that go to Apache Beam.

    Raises:
      ConfigError: with all that is wrong.
      UsageError: the file cannot be read.
    """
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT.search(str(error))
        line = int(match[1]) if match else None
        raise ConfigError(path, [Problem(f"no TOML: {_AT.sub('', str(error))}", line)]) from None
    problems = Problems(toml_lines.lines_of(text))
    config = _config(path, document, overrides or {}, beam_args, problems)
    if problems.collected or config is None:
        raise ConfigError(path, problems.collected)
    return config


def _read(path: str) -> str:
    try:
        return paths.read_bytes(path).decode("utf-8")
    except (InputError, UnicodeDecodeError) as error:
        raise UsageError(f"--config: {path}: {error}; `trueserve init` writes such a file") from error


def _config(
    path: str, document: Table, overrides: Table, beam_args: Sequence[str], problems: Problems
) -> ModelConfig | None:
    for key in document.keys() - _KEYS:
        problems.unknown((key,), _KEYS)
    options, fails_on_skew = _options(path, document, overrides, problems)
    _check_baseline(options.get("baseline"), problems)
    tables = {name: _table(document, name, problems) for name in _TABLES}
    window = _parsed(tables["window"], "window", _OF_WINDOW, problems)
    retention = _parsed(tables["retention"], "retention", _OF_RETENTION, problems)
    args, is_shared = _beam_args(document, tables["runners"], beam_args, problems)
    for name in _REQUIRED:
        if name not in options and name not in document:
            problems.add((), f"{name!r} is missing: {FLAGS[name].settings['help']}".replace("%%", "%"))
    if problems.collected:
        return None
    config = ModelConfig(
        path=path,
        model=_model(path, document, problems),
        output=options.pop("output"),
        options=options | ({"shared_filesystem": True} if is_shared else {}),
        window=WindowSettings(**window),
        retention=Retention(**retention),
        beam_args=tuple(args),
        fails_on_skew=fails_on_skew,
        alerts=_alerts(document, problems),
        metrics=tables["metrics"],
        lineage=tables["lineage"],
    )
    _check_together(config, problems)
    return config


def _options(path: str, document: Table, overrides: Table, problems: Problems) -> tuple[dict[str, Any], bool]:
    """The values of `validate`'s flags, and whether skew fails a run."""
    folder = "" if "://" in path else str(Path(path).parent)
    options = dict[str, Any]()
    for key in document.keys() & FLAGS.keys() - overrides.keys():
        if key == "fail_on" and document[key] == NEVER:
            options[key] = NEVER
            continue
        try:
            options[key] = values.option_value(FLAGS[key], document[key], folder)
        except ValueError as error:
            problems.add((key,), f"{key}: {_similar(FLAGS[key], document[key], str(error))}")
    options |= overrides
    fails_on_skew = options.get("fail_on") != NEVER
    if not fails_on_skew:
        del options["fail_on"]
    return options, fails_on_skew


def _similar(flag: Flag, value: Any, message: str) -> str:
    """The message, with a choice that is nearly the value."""
    choices = [str(choice) for choice in flag.settings.get("choices") or ()]
    similar = difflib.get_close_matches(str(value), choices, n=1)
    return f"{message}; did you mean {similar[0]!r}?" if similar else message


def _table(document: Table, name: str, problems: Problems) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        problems.add((name,), f"{name}: expected a table [{name}], got {table!r}")
        return {}
    return table


def _parsed(
    table: Table, name: str, parsers: Mapping[str, Callable[[Any], Any]], problems: Problems
) -> dict[str, Any]:
    """The values of a table by its parsers."""
    parsed = dict[str, Any]()
    for key, value in table.items():
        if key not in parsers:
            problems.unknown((name, key), parsers, f"key of [{name}]")
            continue
        try:
            parsed[key] = parsers[key](value)
        except ValueError as error:
            problems.add((name, key), f"{name}.{key}: {error}")
    return parsed


def _beam_args(
    document: Table, tables: Table, beam_args: Sequence[str], problems: Problems
) -> tuple[list[str], bool]:
    known = dict[str, Table]()
    for name, table in tables.items():
        if isinstance(table, dict):
            known[name] = table
            runners.check(name, table, problems)
        else:
            problems.add(("runners", name), f"runners.{name}: expected a table [runners.{name}]")
    named = document.get("runner")
    if named is not None and (not isinstance(named, str) or named not in tables):
        hint = f"did you mean one of {', '.join(sorted(tables))}?" if tables else "there is none"
        problems.add(
            ("runner",), f"runner: expected the NAME of a table [runners.NAME], got {named!r}: {hint}"
        )
    if problems.collected:
        return [], False
    return runners.chosen(known, named, beam_args)


def _model(path: str, document: Table, problems: Problems) -> str:
    """The model's name: that of the file, where it does not say."""
    try:
        return values.text(document["model"]) if "model" in document else Path(path).stem
    except ValueError as error:
        problems.add(("model",), f"model: {error}")
        return ""


def _alerts(document: Table, problems: Problems) -> tuple[Table, ...]:
    alerts = document.get(_ALERTS, [])
    if not isinstance(alerts, list) or not all(isinstance(each, dict) for each in alerts):
        problems.add((_ALERTS,), f"{_ALERTS}: expected tables [[{_ALERTS}]]")
        return ()
    return tuple(alerts)


def _check_together(config: ModelConfig, problems: Problems) -> None:
    """Adds what is wrong with values that are right on their own, at the flag that is named first."""
    try:
        config.validate_options(_ANY)
    except UsageError as error:
        match = _NAMED_FLAG.search(str(error))
        problems.add((match[1],) if match else (), str(error))


def _check_baseline(baseline: str | None, problems: Problems) -> None:
    if baseline is not None and is_local(baseline) and not Path(baseline).is_dir():
        problems.add(
            ("baseline",), f"baseline: there is no folder {baseline!r}; `trueserve prepare` makes one"
        )


def _checked_zone(name: str) -> str:
    try:
        local_windows.time_zone(name)
    except ValueError as error:
        import zoneinfo

        similar = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        raise ValueError(f"{error}; did you mean {similar[0]!r}?" if similar else str(error)) from None
    return name
