"""`--setup_file`: Beam builds a package from a copy, and the user's checkout stays as it was."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import SetupOptions
from apache_beam.runners.portability.stager import Stager
from support import e2e

from trueserve.pipelines.beam import setup_file
from trueserve.pipelines.beam.options import beam_options
from trueserve.transforms.core.errors import InputError

SETUP = "from setuptools import setup\nsetup(name='mine', version='1.2', packages=['mine'])\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    files = {
        "setup.py": SETUP,
        "mine/__init__.py": "x = 1\n",
        "mine/__pycache__/old.pyc": "compiled",
        ".hidden": "a file",
        ".git/HEAD": "ref",
        ".cache/large": "cached",
        "venv/pyvenv.cfg": "",
        "venv/lib/large": "installed",
    }
    for name, text in files.items():
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "checkout" / "gone").symlink_to("nowhere")
    return tmp_path / "checkout"


def test_beam_builds_the_package_and_the_checkout_stays_as_it_was(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = e2e.tree(checkout)
    monkeypatch.chdir(checkout)
    options = setup_file.in_copy(beam_options(["--setup_file=setup.py"]), str(tmp_path / "job"))
    (tmp_path / "built").mkdir()
    archive = Stager._build_setup_package(options.view_as(SetupOptions).setup_file, str(tmp_path / "built"))
    with tarfile.open(archive) as stream:
        assert "mine-1.2/mine/__init__.py" in stream.getnames()
    assert e2e.tree(checkout) == before


def test_the_copy_holds_sources_alone(checkout: Path, tmp_path: Path) -> None:
    given = beam_options([f"--setup_file={checkout}/setup.py"])
    path = Path(setup_file.in_copy(given, str(tmp_path / "job")).view_as(SetupOptions).setup_file)
    assert path.name == "setup.py"
    assert path.is_relative_to(tmp_path / "job")
    names = set(e2e.tree(path.parent))
    assert {".hidden", "setup.py", "mine/__init__.py"} <= names
    assert not {name for name in names if name.startswith((".cache", "venv", "mine/__pycache__"))}
    assert (path.parent / ".git" / "HEAD").read_text() == "ref"
    assert given.view_as(SetupOptions).setup_file == f"{checkout}/setup.py"


def test_without_a_package_nothing_is_copied(tmp_path: Path) -> None:
    options = beam_options([])
    assert setup_file.in_copy(options, str(tmp_path)) is options
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_cannot_be_made_is_one_line(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = beam_options([f"--setup_file={checkout}/setup.py"])
    with pytest.raises(InputError, match=r"--setup_file: cannot copy .*checkout: Not a directory"):
        setup_file.in_copy(options, str(tmp_path / "file"))
