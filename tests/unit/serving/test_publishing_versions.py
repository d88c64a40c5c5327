"""Versions that cannot be published: nothing of them is left, and the message says so."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from support.memory_files import OBJECTS

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.serving import version_folder

OUTPUT = "memory://bucket/served"


@pytest.fixture(autouse=True)
def no_objects() -> Any:
    OBJECTS.clear()
    yield
    OBJECTS.clear()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "saved_model.pb").write_text("graph")
    (folder / "mark").write_text("1")
    return folder


def fail(error: Exception) -> Any:
    def write(*_: Any) -> None:
        raise error

    return write


def test_a_write_that_fails_on_a_store_withdraws_the_version(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OBJECTS[f"{OUTPUT}/1/saved_model.pb"] = b"earlier"
    monkeypatch.setattr(paths, "write_atomically", fail(InputError("cannot write it")))
    with pytest.raises(InputError, match=r"^cannot write it; nothing was published$"):
        version_folder.publish(str(model), OUTPUT)
    assert list(OBJECTS) == [f"{OUTPUT}/1/saved_model.pb"]


def test_other_errors_pass_as_they_are(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "write_atomically", fail(RuntimeError("stopped")))
    with pytest.raises(RuntimeError, match=r"^stopped$"):
        version_folder.publish(str(model), OUTPUT)
    assert list(OBJECTS) == []


def test_what_cannot_be_withdrawn_hides_no_error(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("write_atomically", "delete_file", "delete_tree"):
        monkeypatch.setattr(paths, name, fail(InputError(name)))
    with pytest.raises(InputError, match=r"^write_atomically; nothing"):
        version_folder.publish(str(model), OUTPUT)


@pytest.mark.parametrize("number", [errno.EEXIST, errno.ENOTEMPTY])
def test_a_number_that_another_export_took_is_passed_over(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    output, rename, taken = tmp_path / "served", Path.rename, list[str]()

    def taking(path: Path, target: str) -> Any:
        if not taken:
            taken.append(target)
            Path(target).mkdir()
            raise OSError(number, "taken")
        return rename(path, target)

    output.mkdir()
    monkeypatch.setattr(Path, "rename", taking)
    assert version_folder.publish(str(model), str(output)) == str(output / "2")
    assert taken == [str(output / "1")]
    assert (output / "2" / "mark").read_text() == "1"


def test_a_rename_that_cannot_be_made_is_an_error(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "rename", fail(OSError(errno.EROFS, "Read-only file system")))
    with pytest.raises(InputError) as error:
        version_folder.publish(str(model), str(tmp_path))
    assert str(error.value) == (f"cannot publish {tmp_path}/1: Read-only file system; nothing was published")
