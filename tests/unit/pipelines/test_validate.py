"""What `validate` refuses before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trueserve.pipelines import validate
from trueserve.pipelines.beam.options import beam_options
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths

REMOTE = (
    "--runner=DataflowRunner",
    "--project=project",
    "--region=region",
    "--temp_location=gs://bucket/tmp",
)
RUN = "20130714T050000Z-0123abcd"


def options(**fields: Any) -> ValidateOptions:
    values: dict[str, Any] = {
        "logs": "gs://bucket/logs",
        "output": "memory://bucket/out",
        "baseline": "gs://bucket/b",
    }
    return ValidateOptions(**values | fields)


def refusal(*flags: str, **fields: Any) -> str:
    with pytest.raises(UsageError) as caught:
        validate._check_paths(options(**fields), beam_options(flags))
    return str(caught.value)


def test_a_path_is_told_from_the_id_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert validate._previous_path("auto") is None
    assert validate._previous_path(RUN) is None
    assert validate._previous_path("runs/r") == "runs/r"
    for name in ("auto", RUN):
        (tmp_path / name).mkdir()
    assert validate._previous_path(RUN) == RUN
    assert validate._previous_path("auto") is None


def test_a_text_too_long_for_a_name_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert validate._previous_path("x" * 5000) is None

    def fail(path: str) -> bool:
        raise OSError(36, "File name too long")

    monkeypatch.setattr(paths, "exists", fail)
    assert validate._exists("a") is False


def test_tfdvs_statistics_have_no_transform_graph(tmp_path: Path) -> None:
    for name in ("schema", "statistics"):
        (tmp_path / name).touch()
    files: dict[str, Any] = {
        "baseline": None,
        "schema": str(tmp_path / "schema"),
        "statistics": str(tmp_path / "statistics"),
    }
    assert refusal(spaces=("transformed",), **files) == (
        "--spaces=transformed needs a --baseline: TFDV's statistics have no transform graph"
    )
    local = options(output=str(tmp_path / "out"), spaces=("raw", "transformed"), **files)
    validate._check_paths(local, beam_options(()))
    with_baseline = options(output=str(tmp_path / "out"), spaces=("transformed",))
    validate._check_paths(with_baseline, beam_options(()))


@pytest.mark.parametrize(
    ("flag", "fields"),
    [
        ("baseline", {"baseline": "b"}),
        ("logs", {"logs": "l"}),
        ("output", {"output": "o"}),
        ("replay", {"replay": "m"}),
        ("previous", {"previous": "runs/r"}),
        ("predictions", {"predictions": "p"}),
    ],
)
def test_workers_elsewhere_reach_no_local_path(flag: str, fields: dict[str, Any]) -> None:
    message = refusal(*REMOTE, **fields)
    assert message.startswith(f"--{flag}: a remote runner's workers cannot reach the local path")


@pytest.mark.parametrize("previous", [None, "auto", RUN])
def test_what_names_no_path_is_reached(previous: str | None) -> None:
    validate._check_paths(options(previous=previous), beam_options(REMOTE))


def test_the_output_is_no_baseline(tmp_path: Path) -> None:
    (tmp_path / "contract.json").touch()
    message = refusal(output=str(tmp_path))
    assert message == f"--output: {tmp_path} is a baseline; name another folder for verdicts"
