"""Machine code kept between processes.

numba's own cache knows a function's file, and not those of the functions that are compiled into it: after
a change in one of them it would give out old code. Here the code is kept by a digest of all the files that
compiled functions are in. It is looked for beside the source, where an image or a package may have brought
it, and in the user's cache folder; it is written to the first of the two (or NUMBA_CACHE_DIR) that can be
written, and nowhere if none can: then every process compiles for itself.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator
from numba.misc.appdirs import AppDirs

_PACKAGES = ("columnar", "summaries")


@functools.cache
def _digest() -> str:
    """A digest of every source that compiled functions are in."""
    root, digest = Path(__file__).parent.parent, hashlib.sha256()
    for path in sorted(path for name in _PACKAGES for path in (root / name).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _beside(source: Path) -> Path:
    return source.parent / "__pycache__"


@functools.cache
def _writable_folder(source: Path) -> Path | None:
    """The first folder for the code of a file that can be written."""
    own = Path(AppDirs(appname="trueserve", appauthor=False).user_cache_dir) / "code" / _digest()
    given = numba.config.CACHE_DIR
    folders = [Path(given) / source.parent.name] if given else [_beside(source), own / source.parent.name]
    return next((folder for folder in folders if _can_write(folder)), None)


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Where the code of a function is kept."""

    def __init__(self, function: Any, source: Path) -> None:
        self._line = function.__code__.co_firstlineno
        self.source = source

    def get_cache_path(self) -> str:
        """The folder that code is written to and first looked for in."""
        return str(_writable_folder(self.source) or _beside(self.source))

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


class _Implementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class CodeCache(FunctionCache):  # type: ignore[misc]
    """The kept code of one function."""

    _impl_class = _Implementation

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        locator = self._impl.locator
        self._writes = _writable_folder(locator.source) is not None
        folder = str(_beside(locator.source))
        self._brought = IndexDataCacheFile(folder, self._impl.filename_base, locator.get_source_stamp())

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        key = self._index_key(sig, target_context.codegen())
        for place in (self._cache_file, self._brought):
            with contextlib.suppress(OSError):  # A folder that cannot be read has no code.
                data = place.load(key)
                if data is not None:
                    return self._impl.rebuild(target_context, data)
        return None

    def _save_overload(self, sig: Any, data: Any) -> None:
        if self._writes:
            super()._save_overload(sig, data)
