"""What is said of a user's file that cannot be executed: one line, with the file and line of the fault."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from trueserve.transforms.graph.absent_imports import is_absent

_LONGEST = 300
_INSTALLED = ("site-packages", "dist-packages")
_OWN_FOLDER = Path(__file__).resolve().parents[1]
# Python's own steps between an import statement and the module that it names.
_IMPORT_MACHINERY = "<frozen importlib"


def describe(error: BaseException, file: str, function: str = "") -> str:
    """`FILE:LINE: what is wrong`, for what was raised while the user's `file` or a module beside it ran.

    The line is the innermost one of theirs. `function` is what the file is needed for: a module that is not
    installed is often needed by something else in the same file.
    """
    if isinstance(error, SyntaxError):
        return f"{error.filename or file}:{error.lineno}: syntax error: {error.msg}"
    location = line_of_error(error, file)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{location}: {_missing_module(error, file, function)}"
    if is_absent(error):
        return f"{location}: {one_line(error)}"
    return f"{location}: {type(error).__name__}: {one_line(error)}{_relative_import_hint(error)}"


def line_of_error(error: BaseException, file: str) -> str:
    """`FILE:LINE` of the innermost step of the traceback that lies in the file or in a module beside it."""
    is_users = user_files(file)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else file


def user_files(file: str) -> Callable[[str], bool]:
    """Whether the name of a file is that of the user's `file`, or of a module in or below its folder."""
    folder = None if "://" in file else Path(file).parent

    def is_users(name: str) -> bool:
        if name == file:
            return True
        path = Path(name)
        if folder is None or folder not in path.parents or _OWN_FOLDER in path.parents:
            return False
        return not {*path.parts} & {*_INSTALLED}

    return is_users


def one_line(error: BaseException) -> str:
    """The text of an error without line breaks, cut where it is long; its class where it has none."""
    return " ".join(str(error).split())[:_LONGEST] or type(error).__name__


def _missing_module(error: ModuleNotFoundError, file: str, function: str) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    steps = [frame.filename for frame in frames if not frame.filename.startswith(_IMPORT_MACHINERY)]
    imports = "imports" if steps and user_files(file)(steps[-1]) else "imports a module that needs"
    way_out = f", or move {function} to a file without this import" if function else ""
    return f"{imports} {error.name}, which is not installed; install it{way_out}"


def _relative_import_hint(error: BaseException) -> str:
    if isinstance(error, ImportError) and "relative import" in str(error):
        return "; a file is no part of a package: import by full name what lies in its folder"
    return ""
