"""Version folders: numbers that only grow, and folders that are there as a whole or not at all."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.memory_files import OBJECTS

from trueserve.transforms.serving import version_folder


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_next_version_counts_numbers_alone() -> None:
    assert version_folder.next_version([]) == 1
    assert version_folder.next_version(["2", "10", "9"]) == 11
    assert version_folder.next_version(["0007", "v99", "12.tmp", ".trueserve-export-88", "-5"]) == 8


def test_exports_at_once_take_a_number_each(tmp_path: Path) -> None:
    def publish_version(mark: int) -> str:
        with version_folder.workspace(str(tmp_path)) as folder:
            for name in ("saved_model.pb", "mark"):
                Path(folder, name).write_text(json.dumps(mark))
            return version_folder.publish(folder, str(tmp_path))

    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(publish_version, range(48)))
    assert sorted(names_in(tmp_path), key=int) == [str(n) for n in range(1, 49)]
    for mark, folder in enumerate(made):
        assert Path(folder, "mark").read_text() == Path(folder, "saved_model.pb").read_text() == str(mark)


def test_a_workspace_is_gone_after_an_error_and_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), version_folder.workspace(str(tmp_path)) as folder:  # noqa: PT012
        assert len(names_in(tmp_path)) == 2, "the folder, and its lease"
        assert Path(folder).is_dir()
        assert version_folder.next_version(names_in(tmp_path)) == 1
        raise RuntimeError
    assert names_in(tmp_path) == []


def test_on_an_object_store_the_saved_model_comes_last() -> None:
    OBJECTS.clear()
    OBJECTS["memory://bucket/served/3/saved_model.pb"] = b"earlier"
    with version_folder.workspace("memory://bucket/served") as folder:
        for name in ("assets.extra/contract.json", "saved_model.pb", "variables/variables.index"):
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(name)
        assert version_folder.publish(folder, "memory://bucket/served") == "memory://bucket/served/4"
    written = list(OBJECTS)[1:]
    assert sorted(written) == [
        "memory://bucket/served/4/assets.extra/contract.json",
        "memory://bucket/served/4/saved_model.pb",
        "memory://bucket/served/4/variables/variables.index",
    ]
    assert written[-1] == "memory://bucket/served/4/saved_model.pb"
    assert OBJECTS["memory://bucket/served/3/saved_model.pb"] == b"earlier"
    assert not Path(folder).exists()
    OBJECTS.clear()
