"""`trueserve check`: what cannot be checked is one line, and what is dangerous is not loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import e2e, saved_models
from support.homes import Home, Served
from support.saved_models import landlock

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("plant", "code", "says"),
    [
        (shutil.rmtree, 2, "no SavedModel at "),
        (lambda folder: (folder / "saved_model.pb").unlink(), 2, "it has no saved_model.pb"),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b"\xff" * 9), 3, "cannot be read"),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b""), 3, "no graph that is tagged"),
        (
            lambda folder: shutil.rmtree(folder / "variables"),
            3,
            "cannot be loaded and run in a new process",
        ),
        (lambda folder: _spoil(folder, "contract.json"), 3, "is no contract"),
        (lambda folder: _spoil(folder, "probes.tfrecord"), 2, "is damaged and cannot be read"),
        (
            lambda folder: (folder / "assets.extra" / "probes.tfrecord").write_bytes(b""),
            2,
            "is damaged and holds no probe",
        ),
    ],
)
@pytest.mark.usefixtures("asked_here")
def test_what_cannot_be_checked_is_one_line(
    home: Home,
    served: Served,
    tmp_path: Path,
    capsys: Capture,
    plant: Any,
    code: int,
    says: str,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(served.version, model)
    plant(model)
    result = e2e.run(capsys, "check", f"--baseline={home.baseline}", f"--model={model}", "--json")
    assert (result.code, result.out) == (code, [])
    assert says in e2e.one_error(result)


def _spoil(folder: Path, name: str) -> None:
    (folder / "assets.extra" / name).write_bytes(b"nonsense, and long enough")


@pytest.mark.usefixtures("asked_here")
def test_the_folder_above_the_versions_says_which_there_are(
    home: Home, served: Served, capsys: Capture
) -> None:
    result = e2e.run(capsys, "check", f"--baseline={home.baseline}", f"--model={served.folder}")
    assert result.code == 2
    assert e2e.one_error(result).endswith(
        "it has no saved_model.pb; it has versions: name one, such as its 1"
    )


def test_no_flag_of_beams_is_taken(capsys: Capture) -> None:
    result = e2e.run(capsys, "check", "--baseline=b", "--model=m", "--runner=DirectRunner")
    assert result.code == 2
    assert "unknown argument '--runner=DirectRunner' (see `trueserve check --help`)" in e2e.one_error(result)


def _run(home: Home, capsys: Capture, model: Path, *flags: str) -> e2e.Run:
    return e2e.run(capsys, "check", f"--baseline={home.baseline}", f"--model={model}", *flags)


@pytest.mark.usefixtures("asked_here")
def test_a_model_that_writes_is_not_loaded_and_its_op_is_named(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    marker = tmp_path / "marker"
    model = saved_models.edited(
        Path(served.version),
        tmp_path / "writes",
        lambda graph: _write_everywhere(graph, str(marker)),
    )
    result = _run(home, capsys, model)
    assert (result.code, result.err) == (1, [])
    assert "was not loaded" in result.out[0]
    assert any(
        "--allow_ops=WriteFile" in line and line.startswith("error: lint file-access") for line in result.out
    )
    report = json.loads("\n".join(_run(home, capsys, model, "--json").out))
    assert (report["loaded"], report["compared"]) == (False, {})
    assert not marker.exists()


def _write_everywhere(graph: Any, path: str) -> None:
    for function in graph.graph_def.library.function:
        if "initializer" in function.signature.name:
            saved_models.write_file_in_body(function, path)


def test_an_op_that_is_allowed_is_loaded_in_a_process_that_cannot_write(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    marker = tmp_path / "marker"
    model = saved_models.edited(
        Path(served.version), tmp_path / "writes", lambda graph: _write_everywhere(graph, str(marker))
    )
    result = _run(home, capsys, model, "--allow_ops=WriteFile")
    if landlock() >= 1:
        assert (result.code, marker.exists()) == (3, False)
        assert "Permission denied" in e2e.one_error(result)
    else:
        assert (result.code, marker.exists()) == (0, True)


def test_a_model_that_never_ends_is_ended(home: Home, tmp_path: Path, capsys: Capture) -> None:
    model = saved_models.looping(tmp_path / "loops")
    result = _run(home, capsys, model, "--timeout=6")
    assert result.code == 3
    error = e2e.one_error(result)
    assert str(model) in error
    assert "it was not done after 6 seconds and was ended; raise --timeout" in error


@pytest.mark.parametrize("value", ["0", "-1", "PT0S", "soon", "nan", "inf"])
def test_a_time_limit_is_a_duration(value: str, capsys: Capture) -> None:
    result = e2e.run(capsys, "check", "--baseline=b", "--model=m", f"--timeout={value}")
    assert result.code == 2
    assert "expected seconds, or a duration such as PT5M" in e2e.one_error(result)
