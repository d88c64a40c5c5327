"""Files of a model's folder: links that lead out, links to folders or to nothing, and what is too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trueserve.transforms.serving.lint import folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "assets").mkdir(parents=True)
    (made / "saved_model.pb").write_bytes(b"x")
    (made / "assets" / "words").write_bytes(b"x")
    return made


def problems(model: Path) -> dict[str, str]:
    messages = {}
    for finding in folder.findings(str(model)):
        name = str(finding.node)
        assert (finding.rule, finding.severity) == ("folder", "error")
        assert finding.message.startswith(f"{name} ")
        messages[name] = finding.message.removeprefix(f"{name} ").partition(";")[0]
    return messages


def test_plain_files_and_links_between_them_are_fine(model: Path) -> None:
    (model / "assets" / "same").symlink_to("words")
    assert problems(model) == {}


def test_links_out_of_the_folder_to_folders_and_to_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"x")
    (model / "out").symlink_to("../outside")
    (model / "gone").symlink_to("nothing")
    (model / "inner").symlink_to("assets")
    assert problems(model) == {
        "out": "is a link that leads out of the model's folder",
        "gone": "is a link to nothing",
        "inner": "is a link to a folder",
    }


def test_what_is_no_plain_file(model: Path) -> None:
    os.mkfifo(model / "assets" / "pipe")
    assert problems(model) == {"assets/pipe": "is no plain file"}


@pytest.mark.parametrize(
    ("name", "size", "fits"),
    [
        *(("a.pb", 2 << 30, True), ("a.pb", (2 << 30) + 1, False), ("a.pbtxt", (2 << 30) + 1, False)),
        *(("words", 3 << 30, True), ("words", (3 << 30) + 1, False)),
    ],
)
def test_what_is_larger_than_can_be_loaded(model: Path, name: str, size: int, fits: bool) -> None:
    with (model / name).open("wb") as file:
        file.truncate(size)
    problem = folder._problem_of_file(model / name, model.resolve(), 3 << 30)
    assert problem == (None if fits else f"has {size:,} bytes, more than can be loaded")
    assert folder._problem_of_file(model / "saved_model.pb", model.resolve(), 0) is not None


def test_object_stores_have_plain_files_alone() -> None:
    assert list(folder.findings("gs://no-bucket/model")) == []
