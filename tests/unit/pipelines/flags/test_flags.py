"""What flags give: windows, rules, names, and the same as an option without its flag."""

from __future__ import annotations

import dataclasses

import pytest

from trueserve.pipelines import cli
from trueserve.pipelines.flags import comparison, reading
from trueserve.pipelines.flags.commands import COMMANDS
from trueserve.pipelines.flags.flag import parse_names
from trueserve.pipelines.flags.validate import ValidateOptions

VALIDATE = ("validate", "--baseline=b", "--logs=l", "--output=o")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2013-07-01", "2013-07-01T00:00:00+00:00"),
        ("2013-07-01T05:00:00", "2013-07-01T05:00:00+00:00"),
        ("2013-07-01T05:00:00+02:00", "2013-07-01T03:00:00+00:00"),
        ("2013-07-01T05:00:00Z", "2013-07-01T05:00:00+00:00"),
    ],
)
def test_times_are_utc(text: str, utc: str) -> None:
    assert reading.parse_time(text).isoformat() == utc


def parsed(*argv: str) -> ValidateOptions:
    """What a command line asks `validate` for."""
    command, options = cli.parse([*VALIDATE, *argv])
    assert command.name == "validate"
    assert isinstance(options, ValidateOptions)
    return options


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_a_flag_that_is_declared_once(name: str) -> None:
    names = [flag.attribute for flag in COMMANDS[name].flags]
    assert len({*names}) == len(names)
    options = {field.name for field in dataclasses.fields(COMMANDS[name].options_class)} - {"beam_args"}
    assert {*names} - {"window"} == options
    assert [flag.name for flag in COMMANDS[name].flags if not flag.settings.get("help")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_without_its_flag_is_what_the_flag_gives(name: str) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(COMMANDS[name].options_class)}
    every = [flag for flag in COMMANDS[name].flags if flag.name.startswith("-")]
    optional = [flag for flag in every if not flag.settings.get("required")]
    for flag in (flag for flag in optional if flag.attribute not in {"window", "start", "end"}):
        empty = False if flag.settings.get("action") == "store_true" else None
        value = empty if flag.default is None else flag.default
        assert defaults[flag.attribute] == (tuple(value) if isinstance(value, list) else value), flag.name


def test_what_was_not_asked_for_is_empty() -> None:
    plain = parsed()
    assert plain == ValidateOptions(logs="l", output="o", baseline="b")
    assert (plain.columns, plain.exclude, plain.slice_by) == ((), (), ())
    assert hash(plain), "options are values"


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("--window=2013-07-14", "2013-07-14", "2013-07-15"),
        ("--window=2013-07", "2013-07-01", "2013-08-01"),
        ("--window=2013-07-14T05/PT1H", "2013-07-14T05:00", "2013-07-14T06:00"),
    ],
)
def test_a_window_is_a_start_and_an_end(window: str, start: str, end: str) -> None:
    assert parsed(window) == parsed(f"--start={start}", f"--end={end}")


def test_rules_and_slices_add_up() -> None:
    options = parsed(
        "--exclude=version=canary*, model=test",
        "--exclude=origin=a=b",
        "--slice_by=version",
        "--slice_by=origin, hour,origin",
        "--columns=age,fare,",
        "--version_feature=build",
        "--ignore_sampling_rate",
    )
    assert options.exclude == (("version", "canary*"), ("model", "test"), ("origin", "a=b"))
    assert options.slice_by == (("version",), ("origin", "hour"))
    assert (options.columns, options.version_feature) == (("age", "fare"), "build")
    assert options.ignore_sampling_rate
    assert parsed().exclude == ()


@pytest.mark.parametrize("name", reading.FORMATS)
def test_every_format_is_taken(name: str) -> None:
    assert parsed(f"--format={name}").format == name


def test_a_table_of_bigquery_goes_through_untouched() -> None:
    assert parsed("--logs=bq://my-project.set.requests_%Y").logs == "bq://my-project.set.requests_%Y"


def test_names_and_spaces_are_lists() -> None:
    assert parse_names(" a,b ,,c") == ("a", "b", "c")
    assert comparison.parse_spaces("transformed,raw") == ("raw", "transformed")
    assert comparison.parse_spaces("raw,raw") == ("raw",)
