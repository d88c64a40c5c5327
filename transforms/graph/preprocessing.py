"""Loads the user's `preprocessing_fn`, from a file that need not be installed or from a module that is.

tf.Transform traces the function here and again on workers, so it is pickled in between. A function of a
file travels as source: the file and the modules beside it that it has imported, executed anew where they
arrive. Pickling its code and globals instead would fail as soon as one of them is a traced `tf.function`.

Supported: imports of installed packages, and of modules and packages that stand in the file's own folder.
Other files beside it, such as data, do not travel.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.graph import absent_imports, module_errors

DEFAULT_FUNCTION = "preprocessing_fn"

PreprocessingFn = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_FILE = re.compile(r"(?P<source>.+\.py)(?::(?P<function>\w+))?")
_MODULE = re.compile(r"(?P<source>[A-Za-z_][\w.]*)(?::(?P<function>\w+))?")


class FunctionFlag(NamedTuple):
    """A flag that names a function: the one of its file where none is given, and what that is called."""

    name: str
    function: str
    file: str


PREPROCESSING = FunctionFlag("--preprocessing", DEFAULT_FUNCTION, "preprocessing file")


class _Spec(NamedTuple):
    source: str
    function: str
    is_file: bool
    flag: FunctionFlag


def load_preprocessing(spec: str) -> PreprocessingFn:
    """The function that `FILE[:FUNCTION]` or `module[:FUNCTION]` names; FUNCTION is `preprocessing_fn`.

    A file may lie on any file system that Beam knows. A module must be importable here and, since it
    travels by name, on every worker.

    Raises UsageError with the place of the fault: no such file, syntax error, an exception while the file
    runs, no such function (naming those that there are), or a name that is no function.
    """
    function: PreprocessingFn = load_function(spec, PREPROCESSING)[0]
    return function


def load_function(spec: str, flag: FunctionFlag) -> tuple[Callable[..., Any], inspect.Signature]:
    """As `load_preprocessing`, for the function of another flag; and what that function takes."""
    parsed = _parse(spec, flag)
    if not parsed.is_file:
        function = _function(_import(parsed.source), parsed)
        return function, _signature(function)
    program = _Program(parsed.source, flag=flag)
    signature = _signature(_function(program.module, parsed))
    return _FileFunction(program, parsed.function), signature


def source_digest(spec: str, flag: FunctionFlag = PREPROCESSING) -> str:
    """SHA-256, in hexadecimal, of the file that `load_preprocessing(spec)` reads.

    What the file imports is not part of it; the digest of the graph covers its effect.
    """
    parsed = _parse(spec, flag)
    if parsed.is_file:
        return hashlib.sha256(_read(parsed.source, flag)).hexdigest()
    module_spec = importlib.util.find_spec(parsed.source)
    if module_spec is None or module_spec.origin is None:
        raise UsageError(f"{flag.name}={spec}: the module {parsed.source} has no source file")
    return hashlib.sha256(Path(module_spec.origin).read_bytes()).hexdigest()


def _parse(spec: str, flag: FunctionFlag) -> _Spec:
    for pattern, is_file in ((_FILE, True), (_MODULE, False)):
        if match := pattern.fullmatch(spec):
            return _Spec(match["source"], match["function"] or flag.function, is_file, flag)
    raise UsageError(f"{flag.name}={spec}: expected FILE.py[:FUNCTION] or MODULE[:FUNCTION]")


def _read(path: str, flag: FunctionFlag) -> bytes:
    from trueserve.transforms.files import file_systems, paths

    if file_systems.is_local(path) and not Path(path).is_file():
        raise UsageError(f"no {flag.file} {path}; {flag.name} takes FILE.py[:FUNCTION]")
    try:
        return paths.read_bytes(path)
    except InputError as error:
        raise UsageError(str(error)) from error


class _FileFunction:
    """A function of a file; it calls the function, and is pickled as the file's source."""

    def __init__(self, program: _Program, name: str) -> None:
        self._program = program
        self.__name__ = name

    def __call__(self, *inputs: Any) -> Any:
        with self._program.importing():
            return getattr(self._program.module, self.__name__)(*inputs)

    @property
    def __wrapped__(self) -> Any:
        """The function itself: which file it is in, and what else that defines."""
        return getattr(self._program.module, self.__name__)

    def __reduce__(self) -> tuple[Any, ...]:
        sources = self._program.sources()
        _PROGRAMS[sources.digest] = self._program
        return _unpickled, (sources, self.__name__)


def _unpickled(sources: _Sources, name: str) -> _FileFunction:
    """The function again, where it was unpickled; each process executes the same sources once."""
    with _LOCK:
        if sources.digest not in _PROGRAMS:
            # The program keeps its folder, in which tf.function looks for the source of functions.
            folder = tempfile.TemporaryDirectory(prefix="trueserve-")
            sources.write(Path(folder.name))
            _PROGRAMS[sources.digest] = _Program(str(Path(folder.name, sources.main)), folder)
        return _FileFunction(_PROGRAMS[sources.digest], name)


@dataclasses.dataclass(frozen=True)
class _Sources:
    """A file and the modules beside it, by path relative to its folder."""

    main: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        parts = [f"{name}\0{hashlib.sha256(self.files[name]).hexdigest()}" for name in sorted(self.files)]
        return hashlib.sha256("\n".join([self.main, *parts]).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        for name, source in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source)


class _Program:
    """A preprocessing file, executed.

    Its modules are known to Python only while it runs: a module beside it may bear a name that something
    else in this process has too.
    """

    def __init__(self, path: str, keep: object = None, flag: FunctionFlag = PREPROCESSING) -> None:
        self._keep = keep
        self._source = _read(path, flag)
        self._local = "://" not in path
        self._path = Path(path).resolve() if self._local else Path(path)
        # Tracebacks and tf.function's reading of source need the true name.
        self._file = str(self._path) if self._local else path
        self.module = types.ModuleType(f"_trueserve_{hashlib.sha256(self._source).hexdigest()[:16]}")
        self.module.__file__ = self._file
        self._modules = {self.module.__name__: self.module}
        with self.importing():
            _execute(self._source, self._file, self.module, flag.function)

    def sources(self) -> _Sources:
        """What is needed to execute the file elsewhere: the modules beside it that are imported by now."""
        files = {self._path.name: self._source}
        for module in self._modules.values():
            if module is not self.module and module.__file__:
                path = Path(module.__file__).resolve()
                files[path.relative_to(self._path.parent).as_posix()] = path.read_bytes()
        return _Sources(self._path.name, files)

    @contextlib.contextmanager
    def importing(self) -> Iterator[None]:
        """While it lasts, the file's modules are known and those beside it can be imported."""
        search = [str(self._path.parent)] if self._local else []
        with _LOCK:
            before = set(sys.modules)
            sys.modules.update(self._modules)
            sys.path[:0] = search
            try:
                yield
            finally:
                for entry in search:
                    sys.path.remove(entry)
                self._unload_modules(before)

    def _unload_modules(self, before: set[str]) -> None:
        new = [name for name in sys.modules if name not in before]
        own_modules = {name for name in new if self._local and _is_in_folder(name, self._path.parent)}
        for name in own_modules | (self._modules.keys() & set(new)):
            self._modules[name] = sys.modules[name]
        for name in self._modules.keys() & set(new):
            del sys.modules[name]


# Programs that have arrived or left in this process, by the digest of their sources.
_PROGRAMS: dict[str, _Program] = {}
_LOCK = threading.RLock()


def _execute(source: bytes, file: str, module: types.ModuleType, function: str) -> None:
    try:
        absent_imports.Imports().execute(source, file, module)
    except (Exception, SystemExit) as error:
        raise UsageError(module_errors.describe(error, file, function)) from error


def _is_in_folder(name: str, folder: Path) -> bool:
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
        raise UsageError(_cannot_import(name, error)) from error
    except Exception as error:
        raise UsageError(_cannot_import(name, error)) from error


def _cannot_import(name: str, error: Exception) -> str:
    """With the line of the module, where its file is known."""
    file = _file_of(name)
    if file is None:
        problem = f"{type(error).__name__}: {module_errors.one_line(error)}"
        return f"the module {name} cannot be imported: {problem}"
    return module_errors.describe(error, file, DEFAULT_FUNCTION)


def _file_of(name: str) -> str | None:
    try:
        module_spec = importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001 - a package above it is executed, which raised before
        return None
    return module_spec.origin if module_spec is not None else None


def _function(module: types.ModuleType, spec: _Spec) -> PreprocessingFn:
    if not hasattr(module, spec.function):
        functions = ", ".join(_functions(module)) or "none"
        raise UsageError(f"{spec.source} has no function {spec.function}; functions in it: {functions}")
    function = getattr(module, spec.function)
    if not callable(function):
        raise UsageError(
            f"{spec.function} in {spec.source} is a {type(function).__name__}; expected a function"
        )
    result: PreprocessingFn = function
    return result


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Empty where a function does not tell."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return inspect.Signature()


def _functions(module: types.ModuleType) -> list[str]:
    """Names of the functions that the module itself defines."""
    return sorted(
        name
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    )
