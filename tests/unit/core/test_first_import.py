"""What is imported first is no garbage, and whoever collects no garbage goes on not to."""

from __future__ import annotations

import gc
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trueserve.transforms.core.first_import import import_once

SOURCE = "import gc\nCOLLECTING = gc.isenabled()\nKEPT = [[] for _ in range(1000)]\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "first_imported.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "first_imported"
    sys.modules.pop("first_imported", None)


def test_nothing_is_collected_while_it_is_imported_and_then_again(module: str) -> None:
    before = gc.get_freeze_count()
    imported = import_once(module)
    assert not imported.COLLECTING
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + 1000


def test_a_module_that_was_imported_freezes_nothing(module: str) -> None:
    import_once(module)
    made_since: list[list[int]] = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    assert import_once(module) is sys.modules[module]
    assert gc.get_freeze_count() <= before
    assert made_since


def test_who_collects_no_garbage_goes_on_not_to(module: str) -> None:
    gc.disable()
    try:
        before = gc.get_freeze_count()
        assert not import_once(module).COLLECTING
        assert not gc.isenabled()
        assert gc.get_freeze_count() <= before
    finally:
        gc.enable()


def test_an_import_that_fails_leaves_the_collection_on(module: str, tmp_path: Path) -> None:
    (tmp_path / "first_imported.py").write_text("raise ValueError('no')")
    with pytest.raises(ValueError, match="no"):
        import_once(module)
    assert gc.isenabled()


def test_nobody_reads_the_metadata_of_all_packages_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = importlib.metadata.packages_distributions
    source = "from importlib import metadata\nNAMES = metadata.packages_distributions()\n"
    (tmp_path / "asks_for_names.py").write_text(source)
    (tmp_path / "fails_to_import.py").write_text(source + "raise ValueError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert import_once("asks_for_names").NAMES == {}
    with pytest.raises(ValueError):  # noqa: PT011 - what the module raises
        import_once("fails_to_import")
    assert importlib.metadata.packages_distributions is before
    assert "pytest" in importlib.metadata.packages_distributions()
    sys.modules.pop("asks_for_names")
