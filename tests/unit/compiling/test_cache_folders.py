"""Where machine code is kept: which folders are looked at, in which order, and which are refused."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from trueserve.transforms.compiling import code_cache, private_folders


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    private_folders.is_private.cache_clear()


def own_folders() -> list[str]:
    digest = code_cache._digest()
    return [str(folder).removesuffix(f"/code/{digest}") for folder in code_cache._own_folders()]


def test_the_users_folders_are_that_for_caches_and_one_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    temporary = f"{tempfile.gettempdir()}/trueserve-{os.geteuid()}"
    assert own_folders() == [f"{tmp_path}/.cache/trueserve", temporary]
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    assert own_folders() == [temporary]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert own_folders() == [f"{tmp_path}/cache/trueserve", temporary]
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert own_folders() == [temporary]


def test_pythons_last_resort_is_no_folder_for_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert len(own_folders()) == 1
    monkeypatch.chdir(tmp_path)
    assert own_folders() == []

    def fail() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    assert own_folders() == []


def test_what_is_configured_comes_first_else_what_is_beside_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_cache, "_own_folders", lambda: iter([tmp_path / "own"]))
    source = tmp_path / "summaries" / "a.py"
    own = (tmp_path / "own" / "summaries", 0o700)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert list(code_cache._candidates(source)) == [(tmp_path / "summaries" / "__pycache__", 0o755), own]
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "set"))
    assert list(code_cache._candidates(source)) == [(tmp_path / "set" / "summaries", 0o755), own]


def test_an_index_that_cannot_be_unpickled_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = code_cache._CodeFile(str(tmp_path), "base", "stamp")

    def broken(_self: IndexDataCacheFile) -> None:
        raise AttributeError("no such class any more")

    monkeypatch.setattr(IndexDataCacheFile, "_load_index", broken)
    assert file._load_index() == {}

    def unreadable(_self: IndexDataCacheFile) -> None:
        raise PermissionError

    monkeypatch.setattr(IndexDataCacheFile, "_load_index", unreadable)
    with pytest.raises(PermissionError):
        file._load_index()


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    code = code_cache._CodeFile(str(tmp_path), "base", "stamp")
    path = tmp_path / "code"
    with code._open_for_write(str(path)) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(RuntimeError), code._open_for_write(str(path)) as stream:  # noqa: PT012
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["code"]


def private(folder: Path) -> bool:
    private_folders.is_private.cache_clear()
    return private_folders.is_private(folder)


def test_a_folder_that_others_may_write_to_is_not_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    assert private(folder)
    for mode in (0o770, 0o707, 0o1777):
        folder.chmod(mode)
        assert not private(folder), oct(mode)
    folder.chmod(0o755)
    assert private(folder)
    for mode, known in ((0o777, False), (0o775, False), (0o1777, True)):
        folder.parent.chmod(mode)
        assert private(folder) is known, oct(mode)


def test_each_file_of_a_private_folder_is(tmp_path: Path) -> None:
    (tmp_path / "code").write_bytes(b"")
    (tmp_path / "within").mkdir(mode=0o777)
    (tmp_path / "within").chmod(0o777)
    assert private(tmp_path)
    (tmp_path / "code").chmod(0o666)
    assert not private(tmp_path)
    (tmp_path / "code").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "within")
    assert not private(tmp_path)
    assert not private(tmp_path / "none")


def test_what_is_missing_is_created_where_nobody_else_can_put_something(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert private_folders.create_private(folder, 0o700)
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert private_folders.create_private(folder, 0o700)
    assert list(folder.iterdir()) == []
    tmp_path.chmod(0o777)
    assert not private_folders.create_private(tmp_path / "c" / "d", 0o700)
    assert not (tmp_path / "c").exists()
    (tmp_path / "file").write_bytes(b"")
    tmp_path.chmod(0o700)
    assert not private_folders.create_private(tmp_path / "file" / "d", 0o700)


def test_links_in_a_circle_are_no_path(tmp_path: Path) -> None:
    assert private_folders.real_path(tmp_path / "a") == tmp_path.resolve() / "a"
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert private_folders.real_path(tmp_path / "a") in (None, tmp_path / "a")
