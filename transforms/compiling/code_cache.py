"""Machine code kept between processes.

numba's own cache knows a function's file, and not those of the functions that are compiled into it: after
a change in one of them it would give out old code. Here the code is kept by a digest of all the files that
compiled functions are in. It is written to NUMBA_CACHE_DIR, or where that is not set beside the source; else
to the user's cache folder, else to one of the user's own below the system's for temporary files, and nowhere
if none of them can be written: then every process compiles for itself. It is looked for there and beside the
source, where an image or a package may have brought it. All of it is pickled machine code, so no folder is
used, for reading or writing, that somebody else can write to (`private_folders`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator
from numba.misc.appdirs import AppDirs

from trueserve.transforms.compiling.private_folders import create_private, is_private, real_path

#: The folders of transforms that compiled functions may be in: a change in one of them is seen.
PACKAGES = ("columnar", "compiling", "summaries")
#: Functions whose machine code this process has loaded, and those that it had to compile.
LOADED, COMPILED = "loaded", "compiled"
uses: Counter[str] = Counter()
# Of folders that are created: what is beside the source is for all who may read that.
_SHARED, _OWN = 0o755, 0o700


def sources() -> list[Path]:
    """Every source that compiled functions may be in, those in folders of folders, too."""
    root = Path(__file__).parent.parent
    return sorted(path for name in PACKAGES for path in (root / name).rglob("*.py"))


@functools.cache
def _digest() -> str:
    """A digest of every source that compiled functions are in, and of how they are compiled."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _python_cache(source: Path) -> Path:
    return source.parent / "__pycache__"


def _own_folders() -> Iterator[Path]:
    """Folders of this user alone. A user may have no home, and a home may not be there."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where there is none
    cache = AppDirs(appname="trueserve", appauthor=False).user_cache_dir
    if Path(cache).is_absolute() and (Path(home).is_dir() or not Path(cache).is_relative_to(home)):
        yield Path(cache) / "code" / _digest()
    with contextlib.suppress(OSError):
        temporary = Path(tempfile.gettempdir())
        if temporary != Path.cwd():  # Python's last resort
            yield temporary / f"trueserve-{os.geteuid()}" / "code" / _digest()


def _candidates(source: Path) -> Iterator[tuple[Path, int]]:
    """Folders that the code of a file may be in, and the mode of those that are created."""
    configured, name = numba.config.CACHE_DIR, source.parent.name
    yield (Path(configured) / name, _SHARED) if configured else (_python_cache(source), _SHARED)
    for folder in _own_folders():
        yield folder / name, _OWN


@functools.cache
def _writable_folder(source: Path) -> Path | None:
    """The first folder for the code of a file that can be written, by this user and root alone."""
    real = ((real_path(folder), mode) for folder, mode in _candidates(source))
    return next((folder for folder, mode in real if folder and create_private(folder, mode)), None)


def kept_in() -> list[Path]:
    """The folders that machine code is written to: none if no private folder can be written."""
    folders = dict.fromkeys(_writable_folder(source.resolve()) for source in sources())
    return [folder for folder in folders if folder is not None]


@functools.cache
def _readable_folders(source: Path) -> tuple[Path, ...]:
    """Where the code of a file is looked for: the folder that is written, and those where it was brought."""
    first = next(folder for folder, _ in _candidates(source))
    real = [_writable_folder(source), real_path(first), real_path(_python_cache(source))]
    return tuple(folder for folder in dict.fromkeys(real) if folder and is_private(folder))


class _CodeFile(IndexDataCacheFile):
    """The code of a function in a folder. Its files can be written by nobody else, whatever the umask is."""

    def _load_index(self) -> Any:
        # numba unpickles the whole index before it looks at the stamp: code of another version of this
        # package may name classes that are no more, and that is no code then.
        try:
            return super()._load_index()
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - a pickle may raise anything
            return {}

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[IO[bytes]]:
        name = f"{filepath}.tmp.{uuid.uuid4().hex[:16]}"
        try:
            with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
                yield file
            Path(name).replace(filepath)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


class _Locator(_CacheLocator):
    """Where the code of a function is kept."""

    def __init__(self, function: Any, source: Path) -> None:
        self._line = function.__code__.co_firstlineno
        self.source = source

    def get_cache_path(self) -> str:
        """The folder that code is written to and first looked for in."""
        return str(_writable_folder(self.source) or _python_cache(self.source))

    def get_source_stamp(self) -> str:
        """Code with another stamp is not used."""
        return _digest()

    def get_disambiguator(self) -> str:
        """Tells functions of the same name in a file apart."""
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        """The locator of a function in a file."""
        return cls(py_func, Path(py_file).resolve())


class _Implementation(CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class CodeCache(FunctionCache):
    """The kept code of one function."""

    _impl_class = _Implementation

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        source, base = self._impl.locator.source, self._impl.filename_base
        folder = _writable_folder(source)
        stamp = self._impl.locator.get_source_stamp()
        self._writes = folder is not None
        self._cache_file = _CodeFile(str(folder or _python_cache(source)), base, stamp)
        self._kept = [_CodeFile(str(path), base, stamp) for path in _readable_folders(source)]

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        key = self._index_key(sig, target_context.codegen())
        for code in self._kept:
            with contextlib.suppress(OSError):  # A folder that cannot be read has no code.
                data = code.load(key)
                if data is not None:
                    uses[LOADED] += 1
                    return self._impl.rebuild(target_context, data)
        uses[COMPILED] += 1
        return None

    def _save_overload(self, sig: Any, data: Any) -> None:
        if self._writes:
            super()._save_overload(sig, data)
