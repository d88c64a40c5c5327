"""Loads the user's `preprocessing_fn`, from a file that need not be installed or from a module that is.

tf.Transform traces the function again on workers, so it is pickled. Beam's pickler takes what belongs to an
imported module by name, and everything else by value. What is loaded here from a file is therefore taken
out of `sys.modules` again, the modules beside the file that it imports included: both travel by value and
no worker needs the files.

Supported: imports of installed packages anywhere, and imports of modules beside the file at its top level.
A module beside the file that is imported only within a function cannot be found when the function runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transforms.errors import InputError, UsageError

DEFAULT_FUNCTION = "preprocessing_fn"

PreprocessingFn = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_FILE = re.compile(r"(?P<source>.+\.py)(?::(?P<function>\w+))?")
_MODULE = re.compile(r"(?P<source>[A-Za-z_][\w.]*)(?::(?P<function>\w+))?")


class _Spec(NamedTuple):
    source: str
    function: str
    is_file: bool


def load_preprocessing(spec: str) -> PreprocessingFn:
    """The function that `FILE[:FUNCTION]` or `module[:FUNCTION]` names; FUNCTION is `preprocessing_fn`.

    A file may lie on any file system that Beam knows. A module must be importable here and, since it
    travels by name, on every worker.

    Raises UsageError with the place of the fault: no such file, syntax error, an exception while the file
    runs, no such function (naming those that there are), or a name that is no function.
    """
    parsed = _parse(spec)
    module = _load_file(parsed.source) if parsed.is_file else _import(parsed.source)
    return _function(module, parsed)


def source_digest(spec: str) -> str:
    """SHA-256, in hexadecimal, of the file that `load_preprocessing(spec)` reads.

    What the file imports is not part of it; the digest of the graph covers its effect.
    """
    parsed = _parse(spec)
    if parsed.is_file:
        return hashlib.sha256(_read(parsed.source)).hexdigest()
    found = importlib.util.find_spec(parsed.source)
    if found is None or found.origin is None:
        raise UsageError(f"--preprocessing={spec}: the module {parsed.source} has no source file")
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()


def _parse(spec: str) -> _Spec:
    for pattern, is_file in ((_FILE, True), (_MODULE, False)):
        if match := pattern.fullmatch(spec):
            return _Spec(match["source"], match["function"] or DEFAULT_FUNCTION, is_file)
    raise UsageError(f"--preprocessing={spec}: expected FILE.py[:FUNCTION] or MODULE[:FUNCTION]")


def _read(path: str) -> bytes:
    from transforms import paths

    if paths.is_local(path) and not Path(path).is_file():
        raise UsageError(f"no preprocessing file {path}; --preprocessing takes FILE.py[:FUNCTION]")
    try:
        return paths.read_bytes(path)
    except InputError as error:
        raise UsageError(str(error)) from error


def _load_file(path: str) -> types.ModuleType:
    source = _read(path)
    # Tracebacks, and tf.function's reading of source, need the true path.
    name = str(Path(path).resolve()) if "://" not in path else path
    module = types.ModuleType(f"_trueserve_preprocessing_{hashlib.sha256(source).hexdigest()[:12]}")
    module.__file__ = name
    with _by_value(module, Path(name).parent if "://" not in path else None):
        try:
            exec(compile(source, name, "exec"), module.__dict__)
        except SyntaxError as error:
            raise UsageError(f"{error.filename or path}:{error.lineno}: syntax error: {error.msg}") from error
        except (Exception, SystemExit) as error:
            raise UsageError(f"{_place(error, name)}: {type(error).__name__}: {_one_line(error)}") from error
    return module


@contextlib.contextmanager
def _by_value(module: types.ModuleType, folder: Path | None) -> Iterator[None]:
    """While it lasts, `module` is known and its folder's modules can be imported; afterwards neither."""
    before = set(sys.modules)
    search = [str(folder)] if folder else []
    sys.modules[module.__name__] = module  # dataclasses and the like look their module up
    sys.path[:0] = search
    try:
        yield
    finally:
        for entry in search:
            sys.path.remove(entry)
        for name in [name for name in sys.modules if name not in before]:
            if name == module.__name__ or (folder and _lies_beside(name, folder)):
                del sys.modules[name]


def _lies_beside(name: str, folder: Path) -> bool:
    """Whether the module, or the package at its top, stands in this very folder.

    Not anywhere below it: a virtual environment, with all that is installed, may be there too.
    """
    top = name.split(".", 1)[0]
    origins = [folder / f"{top}.py", folder / top / "__init__.py"]
    module = sys.modules[name]
    file = getattr(sys.modules.get(top), "__file__", None) or getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() in origins


def _import(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise UsageError(f"no module {name}; to name a file, write its path with .py") from error
        raise UsageError(f"the module {name} cannot be imported: {_one_line(error)}") from error
    except SyntaxError as error:
        raise UsageError(f"{error.filename}:{error.lineno}: syntax error: {error.msg}") from error
    except Exception as error:
        raise UsageError(
            f"the module {name} cannot be imported: {type(error).__name__}: {_one_line(error)}"
        ) from error


def _function(module: types.ModuleType, spec: _Spec) -> PreprocessingFn:
    if not hasattr(module, spec.function):
        there = ", ".join(_functions(module)) or "none"
        raise UsageError(f"{spec.source} has no function {spec.function}; functions in it: {there}")
    found = getattr(module, spec.function)
    if not callable(found):
        raise UsageError(f"{spec.function} in {spec.source} is a {type(found).__name__}; expected a function")
    result: PreprocessingFn = found
    return result


def _functions(module: types.ModuleType) -> list[str]:
    """Names of the functions that the module itself defines."""
    return sorted(
        name
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    )


def _place(error: BaseException, file: str) -> str:
    """`file:line` of the innermost step of the traceback that lies in the file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else file


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
