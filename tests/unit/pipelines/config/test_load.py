"""The file of a model: what it gives, that flags win, and that every error is there at once with its line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trueserve.pipelines.config import load as loading
from trueserve.pipelines.config.load import load
from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.config.problems import ConfigError
from trueserve.pipelines.flags import validate
from trueserve.pipelines.flags.nightly import common
from trueserve.transforms.core.errors import UsageError

DAY = (dt.datetime(2013, 7, 14, tzinfo=dt.UTC), dt.datetime(2013, 7, 15, tzinfo=dt.UTC))
LEAST = 'baseline = "base"\nlogs = "logs/%Y/*"\noutput = "out"\n'


def written(folder: Path, text: str) -> str:
    (folder / "base").mkdir(exist_ok=True)
    path = folder / "flights.toml"
    path.write_text(text)
    return str(path)


def config_of(folder: Path, text: str, *flags: str) -> ModelConfig:
    return load(written(folder, text), *common.overrides(flags))


def errors(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert raised.value.exit_code == 2
    return [line.removeprefix(f"{path}:") for line in raised.value.lines]


def test_paths_are_relative_to_the_file_and_the_rest_is_as_of_flags(tmp_path: Path) -> None:
    config = config_of(
        tmp_path,
        'baseline = "base"\nlogs = ["logs/%Y/*", "/more/*", "gs://bucket/%d"]\noutput = "out"\n'
        'spaces = ["raw"]\nslice_by = ["version", "hour,version"]\n'
        'exclude = ["model=test", "version=a,version=b"]\n'
        'sample = 1\nmax_rejects = 0.5\ncolumns = "a,b"\nkeep_payloads = true\nprevious = "auto"\n',
    )
    options = config.validate_options(DAY)
    assert options.logs == f"{tmp_path}/logs/%Y/*,/more/*,gs://bucket/%d"
    assert options.output == f"{tmp_path}/out/windows/2013-07-14T00Z_P1D"
    assert (options.start, options.end) == DAY
    assert (options.spaces, options.columns, options.keep_payloads) == (("raw",), ("a", "b"), True)
    assert options.slice_by == (("version",), ("hour", "version"))
    assert options.exclude == (("model", "test"), ("version", "a"), ("version", "b"))
    assert (config.model, config.fails_on_skew, options.fail_on) == ("flights", True, "error")


def test_tables_and_what_others_read(tmp_path: Path) -> None:
    config = config_of(
        tmp_path,
        f'model = "f"\nfail_on = "never"\n{LEAST}[window]\nevery = "PT6H"\ntimezone = "Europe/Berlin"\n'
        'lateness = "PT2H"\ncomplete_share = 0.3\n[retention]\nkeep = "P400D"\nkeep_runs = 9\n'
        '[metrics]\ntextfile = "a.prom"\nlineage = "b.jsonl"\n',
    )
    assert (config.window.every, config.window.lateness) == (dt.timedelta(hours=6), dt.timedelta(hours=2))
    assert (config.window.timezone, config.window.complete_share) == ("Europe/Berlin", 0.3)
    assert (config.retention.keep, config.retention.keep_runs) == (dt.timedelta(days=400), 9)
    assert (config.outlets.metrics.textfile, config.outlets.metrics.lineage) == (
        f"{tmp_path}/a.prom",
        f"{tmp_path}/b.jsonl",
    )
    assert [config.exit_code(code) for code in (0, 1, 3, 4)] == [0, 0, 3, 4]
    assert config.validate_options(DAY).fail_on == "error"


def test_flags_win(tmp_path: Path) -> None:
    text = f'spaces = ["raw"]\nfail_on = "never"\n{LEAST}'
    config = config_of(
        tmp_path, text, "--spaces=transformed", "--output=else", "--fail_on=new", "--max_rejects=1"
    )
    options = config.validate_options(DAY)
    assert (options.spaces, config.output, options.fail_on) == (("transformed",), "else", "new")
    assert (options.max_rejects, config.fails_on_skew) == (1.0, True)
    assert not config_of(tmp_path, LEAST, "--fail_on=never").fails_on_skew


def test_runners_by_name(tmp_path: Path) -> None:
    text = f'runner = "here"\n{LEAST}[runners.here]\ndirect_num_workers = 2\n' + (
        '[runners.dataflow]\nrunner = "DataflowRunner"\nproject = "p"\nexperiments = ["a", "b"]\n'
        "shared_filesystem = true\nno_use_public_ips = true\n"
    )
    assert config_of(tmp_path, text).beam_args == ("--direct_num_workers=2",)
    config = config_of(tmp_path, text, "--runner=dataflow", "--project=q")
    assert config.beam_args == (
        "--runner=DataflowRunner",
        "--project=p",
        "--experiments=a",
        "--experiments=b",
        "--no_use_public_ips",
        "--project=q",
    )
    assert config.options["shared_filesystem"] is True
    assert config_of(tmp_path, text, "--runner=DirectRunner").beam_args == ("--runner=DirectRunner",)


def test_every_error_is_there_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        "modle = 'm'\n"
        "baseline = 'nowhere'\n"
        "logs = 7\n"
        "format = 'prediction_logs'\n"
        "sample = 2\n"
        "keep_payloads = 'yes'\n"
        "exclude = ['verzion=a']\n"
        "thresholds = 'gone.toml'\n"
        "runner = 'dataflo'\n"
        "[window]\n"
        "evry = 'P1D'\n"
        "timezone = 'Europe/Berlyn'\n"
        "lateness = '2h'\n"
        "[retention]\n"
        "keep_runs = 0\n"
        "[runners.dataflow]\n"
        "runner = 'DataflowRunner'\n"
        "temp_locaton = 'gs://b/t'\n"
        "metrics = 1\n"
    )
    lines = errors(tmp_path, text)
    by_line = {int(line.partition(":")[0]): line for line in lines if line[0].isdigit()}
    assert by_line.keys() == {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 18, 19}
    assert "did you mean 'model'?" in by_line[1]
    assert "expected a text in quotes, got 7" in by_line[3]
    assert "did you mean 'prediction_log'?" in by_line[4]
    assert "expected true or false" in by_line[6]
    assert "did you mean 'every'?" in by_line[11]
    assert "did you mean 'Europe/Berlin'?" in by_line[12]
    assert "PT1H" in by_line[13]
    assert "did you mean 'temp_location'?" in by_line[18]
    assert any("'output' is missing" in line for line in lines)


def test_what_does_not_fit_together_and_what_is_not_there(tmp_path: Path) -> None:
    assert errors(tmp_path, LEAST + "replay_atol = 0.5\n") == ["4: --replay_atol needs --replay=MODEL_DIR"]
    assert "there is no folder" in errors(tmp_path, LEAST.replace('"base"', '"nowhere"'))[0]
    [error] = errors(tmp_path, LEAST.replace("%Y", "%Q"))
    assert error.startswith("2: --logs: %Q is no field")


@pytest.mark.parametrize("text", ["a = ", "a = 1\na = 2\n", "[window\n", "\x00"])
def test_what_is_no_toml_is_one_error_with_its_line(text: str, tmp_path: Path) -> None:
    [error] = errors(tmp_path, text)
    assert "no TOML" in error


@pytest.mark.parametrize(
    "text", ["alerts = 1", "window = 1", "runners = [1]", "runners.x = 1", "runner = [1]"]
)
def test_tables_that_are_none(text: str, tmp_path: Path) -> None:
    assert all(line.startswith("1: ") for line in errors(tmp_path, f"{text}\n{LEAST}"))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="trueserve init"):
        load(str(tmp_path / "gone.toml"))
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(UsageError, match="utf-8"):
        load(str(tmp_path / "latin.toml"))


def test_every_flag_of_validate_is_a_key_but_those_of_one_run() -> None:
    known = {flag.attribute for flag in validate.COMMAND.flags}
    assert known - loading.FLAGS.keys() == {*loading.NOT_IN_FILE}


@pytest.mark.parametrize(
    "flag", ["--spaces=other", "--sample=2", "--keep_payloads=1", "stray", "--max_rejects", "--logs="]
)
def test_a_flag_with_a_value_that_it_does_not_take(flag: str) -> None:
    with pytest.raises(UsageError):
        common.overrides([flag])


def test_flags_that_are_not_ours_are_left_for_beam() -> None:
    values, rest = common.overrides(["--sample=0.5", "--runner=x", "--exclude=model=a", "--slice_by=hour"])
    assert (values["sample"], values["exclude"], values["slice_by"]) == (0.5, (("model", "a"),), (("hour",),))
    assert rest == ("--runner=x",)
