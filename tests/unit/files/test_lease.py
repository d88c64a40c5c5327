"""Leases: what a dead run left goes, and what a live one has, or may have, stays."""

from __future__ import annotations

import fcntl
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.publish import exit_code

from trueserve.transforms.files import lease, temporary_files

WORK = re.compile(r"work-[0-9]+")
ANOTHER_KERNEL = "0123456789ab"


def work_and_die(folder: str) -> None:
    lease.acquire(folder)
    Path(folder).mkdir()
    Path(folder, "half").write_text("half")
    os._exit(7)


def dead(folder: Path) -> Path:
    """A working folder whose owner has died."""
    assert exit_code(work_and_die, str(folder)) == 7
    return folder


def age(*files: Path, seconds: float = lease.ABANDONED_SECONDS + 60) -> None:
    for file in files:
        then = file.stat().st_mtime - seconds
        os.utime(file, (then, then))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_a_dead_run_left_goes_with_its_lease(tmp_path: Path) -> None:
    dead(tmp_path / "work-1")
    assert len(names(tmp_path)) == 2
    lease.sweep(str(tmp_path), WORK)
    assert names(tmp_path) == set()


def test_a_live_run_of_this_process_or_another_keeps_its_folder(tmp_path: Path) -> None:
    with lease.held(str(tmp_path / "work-1")):
        (tmp_path / "work-1").mkdir()
        # However old it looks.
        age(*tmp_path.iterdir())
        lease.sweep(str(tmp_path), WORK)
        assert (tmp_path / "work-1").is_dir()
        assert lease.is_live(str(tmp_path / "work-1"))
        (tmp_path / "work-1").rmdir()
    assert names(tmp_path) == set()


def test_a_lease_alone_goes_as_well(tmp_path: Path) -> None:
    dead(tmp_path / "work-1")
    (tmp_path / "work-1" / "half").unlink()
    (tmp_path / "work-1").rmdir()
    lease.sweep(str(tmp_path), WORK)
    assert names(tmp_path) == set()


def test_other_names_stay_whatever_their_lease(tmp_path: Path) -> None:
    dead(tmp_path / "theirs")
    lease.sweep(str(tmp_path), WORK)
    assert "theirs" in names(tmp_path)


@pytest.mark.parametrize("with_lease", [True, False])
def test_of_another_kernel_or_without_a_lease_the_age_decides(tmp_path: Path, with_lease: bool) -> None:
    folder, other = tmp_path / "work-1", tmp_path / f"work-1.{ANOTHER_KERNEL}.lease"
    folder.mkdir()
    (folder / "deep").mkdir()
    if with_lease:
        other.touch()
    age(folder, *([other] if with_lease else []))
    lease.sweep(str(tmp_path), WORK)
    assert folder.is_dir(), "something in it is young"
    age(folder / "deep")
    lease.sweep(str(tmp_path), WORK)
    assert names(tmp_path) == set()


def test_what_cannot_be_removed_is_found_again(tmp_path: Path) -> None:
    dead(tmp_path / "work-1")
    lease.sweep(str(tmp_path), WORK, lambda folder: None)
    assert len(names(tmp_path)) == 2
    lease.sweep(str(tmp_path), WORK)
    assert names(tmp_path) == set()


def test_runs_that_start_and_clean_at_once_are_in_no_ones_way(tmp_path: Path) -> None:
    for number in range(20):
        dead_folder = tmp_path / f"work-{number}"
        dead_folder.mkdir()
        Path(f"{dead_folder}.{lease.kernel()}.lease").touch()

    def run(number: int) -> bool:
        lease.sweep(str(tmp_path), WORK)
        mine = tmp_path / f"work-{1000 + number}"
        with lease.held(str(mine)):
            mine.mkdir()
            lease.sweep(str(tmp_path), WORK)
            is_there = mine.is_dir()
            mine.rmdir()
        return is_there

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(run, range(64)))
    assert names(tmp_path) == set()


def test_a_lease_that_was_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, swept = fcntl.flock, list[int]()

    def late(descriptor: int, operation: int) -> None:
        if not swept:
            swept.append(descriptor)
            next(tmp_path.iterdir()).unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    taken = lease.acquire(str(tmp_path / "work-1"))
    assert lease.is_live(str(tmp_path / "work-1"))
    taken.release()


def write_and_die(path: str) -> None:
    _, stream = temporary_files.create(Path(path))
    stream.write(b"half")
    stream.flush()
    os._exit(7)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """What a writer left that died."""
    assert exit_code(write_and_die, str(tmp_path / "name")) == 7
    (left,) = tmp_path.iterdir()
    return left


def test_half_files_of_dead_writers_go_and_a_live_ones_stays(tmp_path: Path, half: Path) -> None:
    written, stream = temporary_files.create(tmp_path / "name")
    strange = tmp_path / ".name.tmp"
    strange.touch()
    with stream:
        temporary_files.sweep(str(tmp_path))
        assert names(tmp_path) == {written.name, strange.name}
    assert temporary_files.is_temporary(half.name)
    assert not temporary_files.is_temporary(strange.name)


def test_half_files_of_another_kernel_go_when_they_are_old(tmp_path: Path, half: Path) -> None:
    other = half.rename(tmp_path / half.name.replace(lease.kernel(), ANOTHER_KERNEL))
    temporary_files.sweep(str(tmp_path))
    assert other.exists()
    age(other)
    temporary_files.sweep(str(tmp_path))
    assert not other.exists()


def test_looking_whether_a_folder_can_be_written_leaves_no_name(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime_ns
    temporary_files.probe(tmp_path)
    assert tmp_path.stat().st_mtime_ns == before
    with pytest.raises(NotADirectoryError):
        temporary_files.probe(tmp_path / "nothing")
