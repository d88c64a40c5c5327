"""The command line: quick help, refused typos, exit codes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import e2e
from support.repo import ROOT

from pipelines import cli
from pipelines.beam.options import is_beam_flag
from pipelines.flags import comparison, reading
from pipelines.flags.commands import COMMANDS
from pipelines.flags.flag import parse_names
from pipelines.flags.validate import ValidateOptions

Capture = pytest.CaptureFixture[str]

# What takes a second and more to import, and what it stands on.
HEAVY = {
    "apache_beam",
    "tensorflow",
    "tensorflow_data_validation",
    "tensorflow_transform",
    "tfx_bsl",
    "keras",
    "pyarrow",
    "numpy",
    "pandas",
    "google.protobuf",
    "rich",
}
IMPORTED = """
import sys
from pipelines import cli
try:
    code = cli.main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print(code, *sys.modules, file=sys.stderr)
"""
VALIDATE = ("validate", "--baseline=b", "--logs=l", "--output=o")
PREPARE = ("prepare", "--examples=e", "--preprocessing=p.py", "--baseline=b")


def imports(*argv: str) -> tuple[int, str, set[str]]:
    """Exit code, stdout and the modules that are there when a command has ended."""
    command = [sys.executable, "-c", IMPORTED, *argv]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *modules = run.stderr.splitlines()[-1].split()
    return int(code), run.stdout, set(modules)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--help"], ["prepare", "export", "validate", "exit codes:"]),
        (["prepare", "--help"], ["--examples", "--preprocessing", "--label", "exit codes:", "Apache Beam"]),
        (["export", "--help"], ["--model", "--custom_objects", "exit codes:"]),
        (["validate", "--help"], ["--time_feature", "--fail_on", "--spaces", "exit codes:", "Apache Beam"]),
        (["validate", "--help"], ["--window", "PT1H", "%Y/%m/%d", *reading.FORMATS, *reading.EXCLUDE_FIELDS]),
        (["--version"], ["trueserve 0."]),
    ],
)
def test_help_imports_nothing_heavy(argv: list[str], says: list[str]) -> None:
    code, out, modules = imports(*argv)
    assert code == 0
    assert all(word in out for word in says), out
    assert "pipelines" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["validdate"],
        ["prepare", "--examples=x"],
        ["validate", "--start=noon"],
        ["validate", "--window=noon"],
        ["validate", "--baseline=b", "--output=o", "--logs=l/%Y"],
    ],
)
def test_wrong_usage_imports_nothing_heavy(argv: list[str]) -> None:
    code, out, modules = imports(*argv)
    assert (code, out) == (2, "")
    assert not modules & HEAVY


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], ["expected a command", "prepare, export, check, validate", "--help"]),
        (["validdate"], ["validdate", "validate"]),
        (["validate", "--logs=l", "--output=o"], ["--baseline", "--schema", "--statistics"]),
        (["validate", "--logs=l", "--output=o", "--schema=x"], ["--baseline", "--statistics"]),
        ([*VALIDATE, "--schema=s", "--statistics=s"], ["--baseline cannot be combined with"]),
        (["validate", "--baseline=b", "--output=o"], ["--logs"]),
        ([*VALIDATE, "--start=noon"], ["--start", "noon", "ISO"]),
        ([*VALIDATE, "--start=2013-07-02", "--end=2013-07-01"], ["--start", "before --end"]),
        ([*VALIDATE, "--start=2013-07-02", "--end=2013-07-02T00:00:00Z"], ["--start", "before --end"]),
        ([*VALIDATE, "--window=2013"], ["--window", "2013-07-14T05/PT1H", "'2013'"]),
        ([*VALIDATE, "--window=2013-07-14/P1M"], ["--window", "months or years"]),
        (
            [*VALIDATE, "--window=2013-07", "--end=2013-07-02"],
            ["--window cannot be combined with", "--start"],
        ),
        (
            [*VALIDATE, "--window=2013-07", "--start=2013-07-02"],
            ["--window cannot be combined with", "--start"],
        ),
        ([*VALIDATE, "--logs=l/%Y/*"], ["--logs", "'l/%Y/*'", "--window=2013-07-14"]),
        ([*VALIDATE, "--logs=l/%Y/*", "--start=2013-07-14"], ["--logs", "start and end"]),
        ([*VALIDATE, "--logs=l/%y/*", "--window=2013-07-14"], ["--logs", "%y is no field", "%Y"]),
        ([*VALIDATE, "--logs=%Y%m%dT%H%M", "--window=2013-07"], ["--logs", "more than 10,000 patterns"]),
        ([*VALIDATE, "--exclude=canary"], ["--exclude", "FIELD=PATTERN", "'canary'"]),
        ([*VALIDATE, "--exclude=model=a,user=b"], ["--exclude", "'user=b'", "model|version"]),
        ([*VALIDATE, "--exclude=version="], ["--exclude", "'version='"]),
        ([*VALIDATE, "--exclude=,"], ["--exclude", "FIELD=PATTERN"]),
        ([*VALIDATE, "--slice_by="], ["--slice_by", "version,hour"]),
        ([*VALIDATE, "--windw=2013-07"], ["--windw", "did you mean --window?"]),
        ([*VALIDATE, "--exclud=model=a"], ["--exclud", "did you mean --exclude?"]),
        ([*VALIDATE, "--version_featur=v"], ["did you mean --version_feature?"]),
        ([*VALIDATE, "--sliceby=version"], ["did you mean --slice_by?"]),
        ([*VALIDATE, "--column=a"], ["did you mean --columns?"]),
        ([*VALIDATE, "--ignore_sample_rate"], ["did you mean --ignore_sampling_rate?"]),
        ([*VALIDATE, "--spaces=raw,cooked"], ["raw,transformed", "cooked"]),
        ([*VALIDATE, "--spaces="], ["raw,transformed"]),
        ([*VALIDATE, "--fail_on=info"], ["--fail_on", "error", "warning"]),
        ([*VALIDATE, "--format=xml"], ["--format", "prediction_log"]),
        ([*VALIDATE, "--max_rejects=2"], ["--max_rejects", "0 to 1"]),
        ([*VALIDATE, "--max_rejects=nan"], ["--max_rejects", "0 to 1"]),
        ([*VALIDATE, "--jsd=0"], ["--jsd"]),
        ([*VALIDATE, "--linf=1.5"], ["--linf"]),
        ([*VALIDATE, "--baselin=x"], ["--baselin", "did you mean --baseline?"]),
        ([*VALIDATE, "--time_feture=x"], ["--time_feture", "did you mean --time_feature?"]),
        ([*VALIDATE, "--no_such_flag=1"], ["--no_such_flag", "Beam"]),
        ([*VALIDATE, "stray"], ["stray"]),
        ([*PREPARE, "--lable=x"], ["--lable", "did you mean --label?"]),
        ([*PREPARE, "--schema=nowhere.pbtxt"], ["--schema", "nowhere.pbtxt"]),
        (["export", "--baseline=b", "--output=o", "--model=nowhere.keras"], ["--model", "nowhere.keras"]),
        (["export", "--baseline=b", "--output=o", f"--model={__file__}", "--runner=x"], ["--runner"]),
    ],
)
def test_wrong_usage_is_one_line(argv: list[str], says: list[str], capsys: Capture) -> None:
    result = e2e.run(capsys, *argv)
    line = e2e.one_error(result)
    assert (result.code, result.out) == (2, [])
    assert all(word in line for word in says), line


DATAFLOW = ("--runner=DataflowRunner", "--project=p", "--region=r")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        # A place that remote workers cannot reach is refused before anything is looked up.
        (["validate", "--baseline=b", "--logs=gs://l/x", "--output=gs://o"], ["--baseline"]),
        (["validate", "--baseline=gs://b", "--logs=l", "--output=gs://o"], ["--logs"]),
        (["validate", "--baseline=gs://b", "--logs=gs://l/x", "--output=o"], ["--output"]),
        (["prepare", "--examples=e", "--preprocessing=p.py", "--baseline=gs://b/c"], ["--examples"]),
        (["prepare", "--examples=gs://e/x", "--preprocessing=p.py", "--baseline=b"], ["--baseline"]),
    ],
)
def test_a_remote_runner_needs_remote_places(argv: list[str], says: list[str], capsys: Capture) -> None:
    result = e2e.run(capsys, *argv, *DATAFLOW, "--temp_location=gs://t/mp")
    assert result.code == 2
    assert all(word in e2e.one_error(result) for word in [*says, "remote runner"])


@pytest.mark.parametrize("temp", [(), ("--temp_location=/tmp/trueserve",)])
@pytest.mark.parametrize(
    "argv",
    [
        ("validate", "--baseline=gs://b/c", "--logs=gs://l/x", "--output=gs://o/p"),
        ("prepare", "--examples=gs://e/x", "--preprocessing=p.py", "--baseline=gs://b/c"),
    ],
)
def test_a_remote_runner_needs_a_remote_temp_location(
    argv: tuple[str, ...], temp: tuple[str, ...], capsys: Capture
) -> None:
    result = e2e.run(capsys, *argv, *DATAFLOW, *temp)
    line = e2e.one_error(result)
    assert result.code == 2
    assert "--temp_location" in line
    assert "DataflowRunner" in line


def test_statistics_beside_a_schema_must_be_reachable_too(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "stats").write_bytes(b"")
    argv = (
        "validate",
        "--schema=gs://s/x",
        f"--statistics={tmp_path}/stats",
        "--logs=gs://l/x",
        "--output=gs://o",
    )
    result = e2e.run(capsys, *argv, *DATAFLOW, "--temp_location=gs://t/mp")
    assert result.code == 2
    assert "--statistics" in e2e.one_error(result)


def test_the_module_runs_as_a_console_script() -> None:
    command = Path(sys.executable).with_name("trueserve")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([str(command)], env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("trueserve: error: expected a command")
    assert run.stderr.count("\n") == 1


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
    optional = [flag for flag in COMMANDS[name].flags if not flag.settings.get("required")]
    for flag in (flag for flag in optional if flag.attribute not in {"window", "start", "end"}):
        empty = False if flag.settings.get("action") == "store_true" else None
        value = empty if flag.default is None else flag.default
        assert defaults[flag.attribute] == (tuple(value) if isinstance(value, list) else value), flag.name


@pytest.mark.parametrize("columns", [80, 110])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_grouped_and_fits_the_screen(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    titles = [line.removesuffix(":") for line in lines if line.removesuffix(":") in COMMANDS[name].groups]
    assert titles == list(COMMANDS[name].groups)
    assert titles[0] == "common flags"
    assert len(COMMANDS[name].groups[titles[0]]) <= 10


@pytest.mark.parametrize(("flag", "known"), [("--runner", True), ("--streaming", True), ("--runer", False)])
def test_the_flags_of_beam_are_known(flag: str, known: bool) -> None:
    assert is_beam_flag(flag) is known


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


def test_a_file_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "--logs=x", "--output=y", "--schema=\x1b[2Jgone", "--statistics=z"]) == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert "gone" in error


def test_a_typo_is_one_line_though_beam_is_asked_whether_it_knows_the_flag() -> None:
    code = "from pipelines.cli import entry_point; entry_point()"
    done = subprocess.run(
        [sys.executable, "-c", code, *VALIDATE, "--log=x"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "trueserve: error: unknown flag --log: did you mean --logs?\n"


@pytest.mark.parametrize(("users", "code"), [(None, 0), ("error::FutureWarning", 1)])
def test_processes_that_are_started_are_as_quiet_as_the_user_wants(
    users: str | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beam's workers import what warns of its own future."""
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    if users is not None:
        monkeypatch.setenv("PYTHONWARNINGS", users)
    for _ in range(2):
        cli._silence_libraries()
    warn = "import warnings; warnings.warn('soon', FutureWarning)"
    done = subprocess.run([sys.executable, "-c", warn], capture_output=True, text=True, check=False)
    assert (done.returncode, bool(done.stderr)) == (code, bool(code))
    assert os.environ["PYTHONWARNINGS"].count("FutureWarning") == 1 + (users is not None)
