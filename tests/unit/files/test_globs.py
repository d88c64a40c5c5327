"""Files, folders and globs to lists of files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.memory_files import write_names

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import globs, paths
from trueserve.transforms.files.file_systems import FileSize


def names(base: str, files: list[FileSize]) -> list[str]:
    return [file.path.removeprefix(base + "/") for file in files]


def test_a_glob_gives_its_files_with_their_sizes_sorted(base: str) -> None:
    write_names(base, "b.txt", "a.txt", "c.csv", "deep/a.txt")
    files = globs.expand(paths.join(base, "*.txt"))
    assert names(base, files) == ["a.txt", "b.txt"]
    assert [file.bytes for file in files] == [5, 5]


def test_a_folder_gives_what_is_in_it_but_hidden_files(base: str) -> None:
    write_names(base, "logs/part-0", "logs/_SUCCESS", "logs/.part-0.crc", "logs/deep/part-1")
    assert "logs/part-0" in names(base, globs.expand(paths.join(base, "logs")))
    assert not any("SUCCESS" in name or "crc" in name for name in names(base, globs.expand(base + "/logs")))


def test_a_file_and_several_patterns_each_file_once(base: str) -> None:
    write_names(base, "a", "b", "c")
    assert names(base, globs.expand(f"{base}/b,{base}/[ab], {base}/c")) == ["a", "b", "c"]


def test_a_pattern_that_matches_nothing_is_one_clear_line(base: str) -> None:
    with pytest.raises(InputError, match=r"no file matches '.*missing\*'; give") as caught:
        globs.expand(f"{base}/missing*")
    assert caught.value.exit_code == 3


def test_local_names_with_glob_characters_and_commas_are_files_first(tmp_path: Path) -> None:
    (tmp_path / "run[1]").mkdir()
    (tmp_path / "run[1]" / "a,b").write_bytes(b"x")
    (tmp_path / "c[1]").write_bytes(b"x")
    assert globs.expand(str(tmp_path / "run[1]")) == [(str(tmp_path / "run[1]" / "a,b"), 1)]
    assert len(globs.expand(str(tmp_path / "run[1]" / "a,b"))) == 1
    assert len(globs.expand(str(tmp_path / "c[1]"))) == 1


def test_local_files_need_no_beam() -> None:
    code = (
        "import sys; from trueserve.transforms.files.globs import expand\n"
        "expand(sys.argv[1]); print(*sys.modules)"
    )
    command = [sys.executable, "-c", code, __file__]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "trueserve.transforms.files.globs" in loaded
    assert "apache_beam" not in loaded


def test_a_link_that_leads_nowhere_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x")
    (tmp_path / "b.log").symlink_to(tmp_path / "rotated")
    for pattern in (tmp_path, tmp_path / "*.log"):
        assert globs.expand(str(pattern)) == [(str(tmp_path / "a.log"), 1)]
    (tmp_path / "a.log").unlink()
    with pytest.raises(InputError, match="no file matches"):
        globs.expand(str(tmp_path / "*.log"))


def test_a_log_that_is_rotated_away_while_it_is_looked_at_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_names(str(tmp_path), "a.log", "b.log")
    stat = Path.stat

    def rotate(self: Path, **arguments: bool) -> os.stat_result:
        (tmp_path / "b.log").unlink(missing_ok=True)
        return stat(self, **arguments)

    monkeypatch.setattr(Path, "stat", rotate)
    assert globs.expand(str(tmp_path / "*.log")) == [(str(tmp_path / "a.log"), 5)]


def test_a_list_too_long_for_a_name_and_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert len(globs.expand(",".join([str(tmp_path / "a"), "b" * 300]))) == 1
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"cannot list .*\*: Too many levels") as caught:
        globs.expand(str(tmp_path / "*"))
    assert "\n" not in str(caught.value)
