"""Machine code is kept between processes, found again, and never used for other sources than its own."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.numba_forks import Forks, forks
from support.repo import ROOT

from trueserve.transforms.compiling.private_folders import is_private

_PROGRAM = """
import numba.core.compiler as compiler
compiled = []
original = compiler.compile_extra
compiler.compile_extra = lambda *args, **kw: (compiled.append(args[2].__name__), original(*args, **kw))[1]
from trueserve.transforms.summaries.doubling import doubled_and_one
assert doubled_and_one(3) == 7
print("compiled" if "doubled_and_one" in compiled else "kept")
"""
# One function that is compiled in a second, with another that is compiled into it from another folder.
_MODULES = {
    "columnar/wire.py": """
from trueserve.transforms.compiling.compiled import helper
@helper
def doubled(number):
    return 2 * number
""",
    "summaries/doubling.py": """
from numba import types
from trueserve.transforms.columnar.wire import doubled
from trueserve.transforms.compiling.compiled import compiled
@compiled(types.int64(types.int64))
def doubled_and_one(number):
    return doubled(number) + 1
""",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """How functions are compiled, and two that are, in a folder of their own."""
    folder = tmp_path / "transforms"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "transforms" / "compiling", folder / "compiling", ignore=ignore)
    shutil.copytree(ROOT / "trueserve", tmp_path / "trueserve", ignore=ignore)
    for name, source in _MODULES.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(source)
    for package in (folder, folder / "columnar", folder / "summaries"):
        (package / "__init__.py").touch()
    return tmp_path


_WARM_UP = """
from trueserve.transforms.compiling.warm_up import warm_up
compiled, loaded, folders = warm_up()
print(compiled, loaded, *sorted(folder.parent.name for folder in folders))
"""


@pytest.fixture(scope="module")
def forked() -> Iterator[Forks]:
    with forks(_environment()) as process:
        yield process


def _environment(**changes: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("NUMBA", "PYTHONPATH"))}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"} | changes


def _environment_in(root: Path, cache: Path) -> dict[str, str]:
    (root / "tmp").mkdir(exist_ok=True)
    return _environment(PYTHONPATH=str(root), XDG_CACHE_HOME=str(cache), TMPDIR=str(root / "tmp"))


class Copy(NamedTuple):
    """A copy of the sources, and how programs are run on it."""

    folder: Path
    forked: Forks

    def run(self, cache: Path, program: str = _PROGRAM, **environment: str) -> str:
        return self.forked.run(program, self.folder, _environment_in(self.folder, cache) | environment)


@pytest.fixture
def sources(copy: Path, forked: Forks) -> Copy:
    return Copy(copy, forked)


def _started(root: Path, cache: Path) -> str:
    command = [sys.executable, "-c", _PROGRAM]
    # The working directory comes first among the places that `-c` imports from.
    environment = _environment_in(root, cache)
    return subprocess.check_output(command, cwd=root, env=environment, text=True).strip()


def test_code_is_kept_until_any_source_changes(copy: Path) -> None:
    """In processes that are started, as users start them; the other tests run forks."""
    assert _started(copy, copy / "cache") == "compiled"
    assert _started(copy, copy / "cache") == "kept"
    with (copy / "transforms" / "columnar" / "wire.py").open("a") as file:
        file.write("# changed\n")
    assert _started(copy, copy / "cache") == "compiled"


def test_after_a_warm_up_nothing_is_compiled(sources: Copy) -> None:
    copy, run = sources.folder, sources.run
    assert run(copy / "cache", _WARM_UP) == "1 0 columnar compiling summaries"
    assert run(copy / "cache") == "kept"
    assert run(copy / "cache", _WARM_UP) == "0 1 columnar compiling summaries"


def test_code_that_names_a_class_which_is_no_more_is_compiled_anew(sources: Copy) -> None:
    copy, run = sources.folder, sources.run
    assert run(copy / "cache") == "compiled"
    indexes = list(copy.rglob("*.nbi"))
    assert indexes
    for index in indexes:
        with index.open("rb") as stream:
            version = pickle.load(stream)
        index.write_bytes(pickle.dumps(version) + b"ctrueserve.transforms.summaries.doubling\nNoSuchClass\n.")
    assert run(copy / "cache") == "compiled"
    assert run(copy / "cache") == "kept"


def test_code_is_kept_where_it_can_be(sources: Copy) -> None:
    copy, run = sources.folder, sources.run
    # A file where a folder should be: nobody, not even root, can write there.
    for name in ("columnar", "summaries"):
        (copy / "transforms" / name / "__pycache__").write_text("")
    assert run(copy / "cache") == "compiled"
    assert run(copy / "cache") == "kept"
    for name in ("file", f"tmp/trueserve-{os.geteuid()}"):
        (copy / name).write_text("")
    assert run(copy / "file") == "compiled"
    assert run(copy / "file", NUMBA_CACHE_DIR=str(copy / "given")) == "compiled"
    assert run(copy / "file", NUMBA_CACHE_DIR=str(copy / "given")) == "kept"


# Who owns a folder and who may write there. The tests run as root, their children as another user as well.

_OTHER, _STRANGER = 12345, 54321


def _as_user(uid: int, folder: Path, **environment: str) -> list[str]:
    """Where a process of this user looks for code, and where it writes: two lines of paths."""
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from trueserve.transforms.compiling import code_cache as c\n"  # Python itself may be for root alone
        "os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
        "source = Path(c.__file__).resolve()\n"
        "print(*c._readable_folders(source)); print(c._writable_folder(source))\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    kept |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(uid)],
        cwd=folder / "cwd",
        env=kept | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


@pytest.fixture
def readable(copy: Path) -> Iterator[Path]:
    """The copy of the sources where any user may read them, with folders for the rest.

    Not in pytest's folder: each session that starts closes it to other users.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for package in ("transforms", "trueserve"):
            shutil.copytree(copy / package, folder / package)
        for part, mode in (("tmp", 0o1777), ("cwd", 0o777)):
            (folder / part).mkdir()
            (folder / part).chmod(mode)
        yield folder


def _made(path: Path, owner: int = 0, mode: int = 0o755) -> Path:
    path.mkdir(parents=True)
    os.chown(path, owner, owner)
    path.chmod(mode)
    return path


def _written(path: Path, owner: int = 0, mode: int = 0o644) -> None:
    path.write_bytes(b"")
    os.chown(path, owner, owner)
    path.chmod(mode)


def test_a_folder_is_private_if_nobody_else_may_write_there(tmp_path: Path) -> None:
    def private(name: str, owner: int = 0, mode: int = 0o755, above: tuple[int, int] = (0, 0o755)) -> bool:
        folder = _made(tmp_path / name / "above" / "code", owner, mode)
        _written(folder / "a.nbi")
        (folder / "folder").mkdir(mode=0o777)
        os.chown(folder.parent, above[0], above[0])
        folder.parent.chmod(above[1])
        return is_private(folder)

    assert private("good")
    assert private("sticky above", above=(0, 0o1777))
    assert private("not even we", mode=0o500)
    assert not private("another's", owner=_OTHER)
    assert not private("group", mode=0o775)
    assert not private("all", mode=0o757)
    assert not private("sticky itself", mode=0o1777)
    assert not private("another's above", above=(_OTHER, 0o755))
    assert not private("group above", above=(0, 0o775))
    assert not private("all above", above=(0, 0o757))
    assert not private("another's sticky above", above=(_OTHER, 0o1777))
    assert not is_private(tmp_path / "not there")


@pytest.mark.parametrize(("owner", "mode"), [(_OTHER, 0o644), (0, 0o664), (0, 0o646)])
def test_a_folder_is_private_if_nobody_else_may_write_its_files(
    tmp_path: Path, owner: int, mode: int
) -> None:
    _written(_made(tmp_path / "code") / "a.nbc", owner, mode)
    assert not is_private(tmp_path / "code")


def test_a_link_in_a_folder_may_lead_anywhere(tmp_path: Path) -> None:
    _written(tmp_path / "a.nbc")
    (_made(tmp_path / "code") / "a.nbc").symlink_to(tmp_path / "a.nbc")
    assert not is_private(tmp_path / "code")


def test_code_that_another_user_brings_or_may_change_is_never_loaded(sources: Copy) -> None:
    copy, run = sources.folder, sources.run
    folder = copy / "transforms" / "summaries" / "__pycache__"
    assert run(copy / "cache") == "compiled"
    assert run(copy / "cache") == "kept"
    for owner, mode in ((_OTHER, 0o755), (0, 0o775)):
        os.chown(folder, owner, owner)
        folder.chmod(mode)
        before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        cache = copy / f"cache-{owner}"
        assert run(cache) == "compiled"
        assert run(cache) == "kept"
        assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
        assert {path.stat().st_mode & 0o77 for path in cache.rglob("*") if path.is_dir()} == {0}


def test_a_given_folder_of_somebody_else_is_not_used(readable: Path) -> None:
    given = _made(readable / "given" / "compiling", _STRANGER).parent
    own = _made(readable / "own", _OTHER)
    where = {"NUMBA_CACHE_DIR": str(given), "XDG_CACHE_HOME": str(own)}
    looked, written = _as_user(_OTHER, readable, **where)
    assert str(given) not in looked
    assert written.startswith(f"{own}/trueserve/code/")
    # A link to another's folder is that folder.
    (readable / "link").symlink_to(given)
    assert _as_user(_OTHER, readable, **where | {"NUMBA_CACHE_DIR": str(readable / "link")})[1] == written
    os.chown(given / "compiling", _OTHER, _OTHER)
    assert _as_user(_OTHER, readable, **where)[1] == str(given / "compiling")


def test_code_that_root_brings_is_read_and_left_as_it_is(readable: Path) -> None:
    brought = _made(readable / "transforms" / "compiling" / "__pycache__")
    looked, written = _as_user(_OTHER, readable, HOME=str(_made(readable / "home", _OTHER)))
    assert looked.split()[1:] == [str(brought)]
    assert written.startswith(f"{readable}/home/.cache/trueserve/code/")


@pytest.mark.parametrize("environment", [{}, {"HOME": "/nonexistent"}, {"HOME": ""}, {"HOME": "~"}])
def test_a_user_without_a_home_has_code_below_the_folder_of_temporary_files(
    readable: Path, environment: dict[str, str]
) -> None:
    for uid in (_OTHER, 0) if environment.get("HOME") == "/nonexistent" else (_OTHER,):
        _made(readable / "transforms" / "compiling" / "__pycache__", _STRANGER)
        _, written = _as_user(uid, readable, **environment)
        assert written.startswith(f"{readable}/tmp/trueserve-{uid}/code/")
        assert (readable / "tmp" / f"trueserve-{uid}").stat().st_mode & 0o77 == 0
        assert list((readable / "cwd").iterdir()) == []
        assert not Path("/nonexistent").exists()
        (readable / "transforms" / "compiling" / "__pycache__").rmdir()


def test_a_folder_that_somebody_else_made_in_advance_is_not_used(readable: Path) -> None:
    _made(readable / "tmp" / f"trueserve-{_OTHER}", _STRANGER, 0o777)
    assert _as_user(_OTHER, readable)[1] == "None"
