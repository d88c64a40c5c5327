from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import os
from pathlib import Path

import pytest
from support.memory_files import OBJECTS, MemoryFileSystem, Upload, write_names

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import file_systems, globs, paths


def test_what_is_written_is_read_and_replaced(base: str) -> None:
    path = paths.join(base, "deep", "file")
    assert not paths.exists(path)
    paths.write_atomically(path, b"one")
    paths.write_atomically(path, b"two")
    assert paths.read_bytes(path) == b"two"
    assert paths.exists(path)
    assert paths.exists(paths.join(base, "deep"))
    assert paths.list_files(base) == ["deep/file"]


@pytest.mark.parametrize("name", ["plain", "file.gz", "file.bz2", "gzip-without-suffix"])
def test_compression_is_told_by_content(base: str, name: str) -> None:
    text = b"text" * 100
    data = {"plain": text, "file.bz2": bz2.compress(text)}.get(name, gzip.compress(text, mtime=0))
    paths.write_atomically(paths.join(base, name), data)
    with paths.open_read(paths.join(base, name)) as stream:
        assert stream.read() == text


def test_an_uncompressed_file_may_be_named_gz(base: str) -> None:
    paths.write_atomically(paths.join(base, "x.gz"), b"no")
    with paths.open_read(paths.join(base, "x.gz")) as stream:
        assert stream.read() == b"no"


def test_a_missing_file_is_one_clear_line(base: str) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nothing: "):
        paths.read_bytes(paths.join(base, "nothing"))


def test_trees_are_copied_and_deleted_across_file_systems(base: str, tmp_path: Path) -> None:
    source, copy = (paths.join(base, name) for name in ("source", "new/copy"))
    write_names(source, "a", "deep/b", ".hidden")
    paths.copy_tree(source, copy)
    assert paths.list_files(copy) == [".hidden", "a", "deep/b"]
    paths.copy_tree(copy, str(tmp_path / "fetched"))
    assert (tmp_path / "fetched" / "deep" / "b").read_text() == "deep/b"
    paths.delete_tree(copy)
    paths.delete_tree(copy)
    assert not paths.exists(copy)
    assert paths.exists(paths.join(source, "a"))


def test_local_copy_is_the_folder_itself_or_fetched_for_a_while(base: str) -> None:
    write_names(base, "model/deep/a")
    with paths.local_copy(paths.join(base, "model")) as folder:
        assert (Path(folder) / "deep" / "a").read_text() == "model/deep/a"
        assert (folder == base + "/model") == file_systems.is_local(base)
    assert Path(folder).exists() == file_systems.is_local(base)


def test_a_file_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "verdict.json"
    paths.write_atomically(str(path), b"old")

    def fail(descriptor: int) -> None:
        assert path.read_bytes() == b"old"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=r"cannot write .*verdict.json: No space left on device"):
        paths.write_atomically(str(path), b"new")
    assert os.listdir(tmp_path) == ["verdict.json"]  # noqa: PTH208
    assert path.read_bytes() == b"old"


def test_who_is_reading_a_file_that_is_replaced_reads_it_to_its_end(tmp_path: Path) -> None:
    path = str(tmp_path / "verdict.json")
    paths.write_atomically(path, b"old")
    with paths.open_stored(path) as stream:
        paths.write_atomically(path, b"new")
        assert stream.read() == b"old"
    assert paths.read_bytes(path) == b"new"


def test_what_is_written_can_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        paths.write_atomically(str(tmp_path / "page"), b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o644


def test_writable_folders_pass_and_nothing_stays(base: str) -> None:
    paths.check_writable(paths.join(base, "not", "yet", "there"))
    assert paths.list_files(base) == []


def test_folders_of_a_store_are_tried_with_more_than_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 refuses an upload of no parts, which is what Beam makes of an empty file."""
    sizes: list[int] = []

    def write(self: Upload, data: bytes) -> int:
        sizes.append(len(data))
        return io.BytesIO.write(self, data)

    monkeypatch.setattr(Upload, "write", write)
    paths.check_writable("memory://bucket/out")
    assert len(sizes) == 1
    assert sizes[0] > 0


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"cannot write to .*file/out: .*file is not a folder") as caught:
        paths.check_writable(str(tmp_path / "file" / "out"))
    assert caught.value.exit_code == 2


def test_a_scheme_that_nobody_serves_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no file system for nowhere://"):
        globs.expand("nowhere://bucket/*")
    with pytest.raises(UsageError, match="no file system for nowhere://"):
        paths.check_writable("nowhere://bucket/out")


def test_join_leaves_one_slash() -> None:
    assert paths.join("gs://bucket/", "a/", "/b") == "gs://bucket/a/b"
    assert paths.join("out/", "a", "b") == "out/a/b"


def break_uploads(monkeypatch: pytest.MonkeyPatch, *, loudly: bool) -> None:
    """Uploads take but the first half of what is written; and then say so, or not."""

    def half(self: io.BytesIO, data: bytes) -> int:
        io.BytesIO.write(self, data[: len(data) // 2])
        if loudly:
            raise OSError(32, "Broken pipe")
        return len(data)

    monkeypatch.setattr(Upload, "write", half, raising=False)


def test_an_upload_that_fails_leaves_no_half_object(monkeypatch: pytest.MonkeyPatch) -> None:
    OBJECTS.clear()
    break_uploads(monkeypatch, loudly=True)
    with pytest.raises(InputError, match=r"cannot write memory://b/file: Broken pipe"):
        paths.write_atomically("memory://b/file", b"12345678")
    assert OBJECTS == {}


def test_an_upload_that_never_began_leaves_the_old_object(monkeypatch: pytest.MonkeyPatch) -> None:
    OBJECTS.clear()
    paths.write_atomically("memory://b/file", b"old")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(MemoryFileSystem, "create", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        paths.write_atomically("memory://b/file", b"a new one")
    assert OBJECTS == {"memory://b/file": b"old"}


@pytest.mark.parametrize("loudly", [True, False])
def test_a_copy_is_all_there_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loudly: bool
) -> None:
    OBJECTS.clear()
    (tmp_path / "a").write_bytes(b"12345678")
    break_uploads(monkeypatch, loudly=loudly)
    with pytest.raises(InputError, match=r"write memory://b/c/a: (Broken pipe|4 bytes arrived of the 8)"):
        paths.copy_tree(str(tmp_path), "memory://b/c")
    assert OBJECTS == {}


def test_a_short_download_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    OBJECTS["memory://b/a"] = b"12345678"
    monkeypatch.setattr(MemoryFileSystem, "open", lambda *_, **__: io.BytesIO(b"1234"))
    with pytest.raises(InputError, match="4 bytes arrived of the 8"):
        paths.copy_tree("memory://b", str(tmp_path / "copy"))
    assert not (tmp_path / "copy" / "a").exists()


def test_local_file_is_the_file_itself_or_fetched_for_a_while(base: str) -> None:
    write_names(base, "deep/model.keras")
    with paths.local_file(paths.join(base, "deep/model.keras")) as file:
        assert Path(file).name == "model.keras"
        assert Path(file).read_text() == "deep/model.keras"
    assert Path(file).exists() == file_systems.is_local(base)


def test_a_file_is_deleted_and_a_folder_is_not(base: str) -> None:
    write_names(base, "a", "deep/b")
    paths.delete_file(paths.join(base, "a"))
    paths.delete_file(paths.join(base, "a"))
    with contextlib.suppress(InputError):
        paths.delete_file(paths.join(base, "deep"))
    assert paths.list_files(base) == ["deep/b"]


def test_a_link_to_a_folder_is_deleted_and_not_the_folder(tmp_path: Path) -> None:
    write_names(str(tmp_path), "deep/b")
    (tmp_path / "link").symlink_to("deep")
    paths.delete_tree(str(tmp_path / "link"))
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "deep" / "b").exists()
