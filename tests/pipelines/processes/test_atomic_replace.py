"""One baseline in the place of another: whoever dies where, one of the two is whole and is found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.killed_replacement import take_name_and_die, take_name_without_renames_and_die
from support.memory_files import OBJECTS, MemoryFileSystem
from support.publish import exit_code
from support.two_baselines import NEW, OLD, content, fresh, put

from trueserve.transforms.baseline import atomic_replace, layout
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths

# Both have a file that the other lacks, and one of the same name.
MOST = 60


@pytest.fixture(params=["local", "memory"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    OBJECTS.clear()
    return str(tmp_path) if request.param == "local" else "memory://bucket/folder"


def check_recovery(base: str, path: str) -> str:
    """What readers find; and that the next `prepare` puts the same under the name and leaves nothing else."""
    readable = content(atomic_replace.readable_folder(path))
    assert readable in (OLD, NEW)
    atomic_replace.finish(path)
    assert content(path) == readable
    return readable["a"]


def test_the_new_takes_the_name_and_nothing_is_left(base: str) -> None:
    path, staged = fresh(base)
    atomic_replace.take_name(path, staged)
    assert content(path) == NEW
    assert {name.split("/")[0] for name in paths.list_files(base)} == {"baseline"}


def test_a_first_baseline_and_one_in_an_empty_folder(base: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("deep/first", "empty"):
        path = paths.join(base, name)
        atomic_replace.take_name(path, put(atomic_replace.staging(path), NEW, "2024-01-02"))
        assert content(path) == NEW


@pytest.mark.parametrize("die", [take_name_and_die, take_name_without_renames_and_die])
def test_killed_at_any_call_to_a_local_file_system(tmp_path: Path, die: Any) -> None:
    contents = []
    for calls in range(MOST):
        path, staged = fresh(str(tmp_path))
        code = exit_code(die, path, staged, calls)
        contents.append(check_recovery(str(tmp_path), path))
        if code == 0:
            break
        assert code == -9
    assert code == 0
    assert len(contents) > 5
    assert contents == sorted(contents, reverse=True)  # old, and from some call on new
    assert {"old", "new"} == set(contents)


class Killed(BaseException):
    """No `except Exception` mends after it, as after a kill."""


@contextlib.contextmanager
def killed_at(call: int) -> Iterator[None]:
    """From its change number `call` on, the store hears nothing more."""
    done = 0

    def dying(method: Any) -> Any:
        def change(*arguments: Any, **more: Any) -> Any:
            nonlocal done
            if done >= call:
                raise Killed
            done += 1
            return method(*arguments, **more)

        return change

    with pytest.MonkeyPatch.context() as patch:
        for name in ("create", "delete"):
            patch.setattr(MemoryFileSystem, name, dying(getattr(MemoryFileSystem, name)))
        yield


def test_killed_at_any_change_of_an_object_store() -> None:
    base, contents = "memory://bucket/folder", []
    for call in range(MOST):
        path, staged = fresh(base)
        try:
            with killed_at(call):
                atomic_replace.take_name(path, staged)
        except Killed:
            contents.append(check_recovery(base, path))
            continue
        break
    assert content(path) == NEW
    assert len(contents) >= 8
    assert contents == sorted(contents, reverse=True)
    assert {"old", "new"} == set(contents)


def test_killed_while_it_mends_what_was_killed() -> None:
    base = "memory://bucket/folder"
    for call in range(MOST):
        path, staged = fresh(base)
        with contextlib.suppress(Killed), killed_at(3):
            atomic_replace.take_name(path, staged)
        try:
            with killed_at(call):
                atomic_replace.finish(path)
        except Killed:
            assert check_recovery(base, path) == "new"
            continue
        break
    assert content(path) == NEW
    assert call > 3


def test_an_error_while_it_is_renamed_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, staged = fresh(str(tmp_path))
    rename = Path.rename

    def full_disk(self: Path, target: Any) -> Path:
        if str(self) == staged and not Path(path).exists():
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full_disk)
    with pytest.raises(InputError, match=r"cannot move the baseline to .*baseline: No space left"):
        atomic_replace.take_name(path, staged)
    assert content(path) == OLD


def test_the_only_complete_one_is_not_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    path, staged = fresh("memory://bucket/folder")

    def full_disk(source: str, target: str) -> None:
        raise InputError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(paths, "copy_file", full_disk)
        with pytest.raises(InputError, match="no space left"):
            atomic_replace.take_name(path, staged)
    atomic_replace.discard(path, staged)
    assert content(atomic_replace.readable_folder(path)) == NEW
    atomic_replace.finish(path)
    assert content(path) == NEW


def test_what_is_half_made_is_discarded_and_never_read(base: str) -> None:
    path, staged = fresh(base)
    paths.delete_file(paths.join(staged, layout.CONTRACT))
    assert atomic_replace.readable_folder(path) == path
    atomic_replace.finish(path)
    assert paths.exists(staged), "somebody may be at work there"
    atomic_replace.discard(path, staged)
    assert not paths.exists(staged)
    assert content(path) == OLD


def test_older_leftovers_go_and_newer_ones_stay(base: str) -> None:
    path, staged = fresh(base)
    older = put(atomic_replace.staging(path), OLD, "2023-01-01")
    atomic_replace.finish(path)
    assert not paths.exists(older)
    assert content(staged) == NEW
    assert content(path) == OLD


MINE = {"notes.md": "mine", "deep/mine/more": "mine"}


@pytest.fixture
def shared(base: str) -> tuple[str, str]:
    """The old baseline with the user's files in it, and the new one staged."""
    path, staged = fresh(base)
    for name, text in MINE.items():
        paths.write_atomically(paths.join(path, name), text.encode())
    return path, staged


def test_files_that_prepare_did_not_write_outlive_the_baseline(base: str, shared: tuple[str, str]) -> None:
    path, staged = shared
    atomic_replace.take_name(path, staged)
    assert content(path) == {**NEW, **MINE}
    assert {name.split("/")[0] for name in paths.list_files(base)} == {"baseline"}


def test_a_users_file_is_never_overwritten_by_an_older_one(tmp_path: Path) -> None:
    path, staged = fresh(str(tmp_path))
    for folder, text in ((path, "old"), (staged, "new")):
        Path(folder, "notes.md").write_text(text)
    atomic_replace.take_name(path, staged)
    assert content(path) == {**NEW, "notes.md": "new"}
    [kept] = [folder for folder in tmp_path.iterdir() if folder.suffix == ".kept"]
    assert paths.list_files(str(kept)) == ["notes.md"]
    atomic_replace.finish(path)  # as the next run does
    assert (kept / "notes.md").read_text() == "old"


@pytest.mark.parametrize("die", [take_name_and_die, take_name_without_renames_and_die])
def test_a_users_files_outlive_a_kill(tmp_path: Path, die: Any) -> None:
    for calls in range(MOST):
        path, staged = fresh(str(tmp_path))
        for name, text in MINE.items():
            paths.write_atomically(paths.join(path, name), text.encode())
        code = exit_code(die, path, staged, calls)
        atomic_replace.finish(path)
        assert content(path) in ({**OLD, **MINE}, {**NEW, **MINE})
        if code == 0:
            break
    assert code == 0
    assert calls > 5


def test_a_link_under_the_name_gives_way_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    there = put(str(tmp_path / "elsewhere"), OLD, "2024-01-01")
    path = tmp_path / "baseline"
    path.symlink_to("elsewhere")
    atomic_replace.take_name(str(path), put(atomic_replace.staging(str(path)), NEW, "2024-01-02"))
    assert content(str(path)) == NEW
    assert content(there) == OLD


def test_names_with_glob_characters_are_names(tmp_path: Path) -> None:
    path, other = str(tmp_path / "b[1]*"), str(tmp_path / "b1x")
    left = put(atomic_replace.staging(path), NEW, "2024-01-02")
    put(atomic_replace.staging(other), OLD, "2024-01-03")
    assert atomic_replace.readable_folder(path) == left


def test_staging_is_a_hidden_neighbour() -> None:
    first, second = atomic_replace.staging("/a/b/"), atomic_replace.staging("/a/b/")
    assert first != second
    assert Path(first).parent == Path("/a")
    assert Path(first).name.startswith(".b.")
    assert "/" not in atomic_replace.staging("b")
    assert atomic_replace.staging("gs://bucket/x/b").startswith("gs://bucket/x/.b.")
