"""Wrong usage is one line that says what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import e2e

Capture = pytest.CaptureFixture[str]
VALIDATE = ("validate", "--baseline=b", "--logs=l", "--output=o")
PREPARE = ("prepare", "--examples=e", "--preprocessing=p.py", "--baseline=b")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], ["expected a command", "prepare, adopt, export, check, validate", "--help"]),
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


DATAFLOW = ("--runner=DataflowRunner", "--project=my-project", "--region=r")


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
    result = e2e.run(capsys, *argv, *DATAFLOW, "--temp_location=gs://bucket/tmp")
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
    assert "temp_location" in line
    assert "Beam refuses its flags" in line


def test_statistics_beside_a_schema_must_be_reachable_too(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "stats").write_bytes(b"")
    argv = (
        "validate",
        "--schema=gs://s/x",
        f"--statistics={tmp_path}/stats",
        "--logs=gs://l/x",
        "--output=gs://o",
    )
    result = e2e.run(capsys, *argv, *DATAFLOW, "--temp_location=gs://bucket/tmp")
    assert result.code == 2
    assert "--statistics" in e2e.one_error(result)
