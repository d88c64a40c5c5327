"""Beam's file systems, loaded when a path has a scheme, and their errors in one line for the user."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from trueserve.transforms.core.errors import InputError, TrueserveError, UsageError
from trueserve.transforms.files.lease import ABANDONED_SECONDS


class FileSize(NamedTuple):
    """A file and its stored size (compressed, if it is) in bytes."""

    path: str
    bytes: int


def is_local(path: str) -> bool:
    """Whether `path` names this machine's file system, that is, has no `scheme://`."""
    return "://" not in path


def match_remote(pattern: str) -> list[FileSize]:
    """The objects that a pattern with a scheme matches. Raises InputError when they cannot be listed."""
    with explained("list", pattern):
        results = filesystems(pattern).match([pattern])
    matches = [file for result in results for file in result.metadata_list]
    # Stores show a folder made by a console as an empty object whose name ends in a slash.
    return [FileSize(file.path, file.size_in_bytes) for file in matches if not file.path.endswith("/")]


def abandoned_folders(base: str, name: re.Pattern[str]) -> list[str]:
    """The folders in an object store's `base` whose names match as a whole, unchanged for a long time.

    A store that does not tell when an object was written has none. Raises InputError if it cannot be listed.
    """
    base = base.rstrip("/")
    # One listing of what is in folders whose names begin as the pattern does.
    pattern = f"{base}/{_literal_start(name)}*/**"
    with explained("list", pattern):
        results = filesystems(pattern).match([pattern])
    newest: dict[str, float] = {}
    for file in (file for result in results for file in result.metadata_list):
        folder = file.path.removeprefix(base + "/").split("/", 1)[0]
        if name.fullmatch(folder):
            written = file.last_updated_in_seconds or time.time()
            newest[folder] = max(newest.get(folder, 0.0), written)
    limit = time.time() - ABANDONED_SECONDS
    return [f"{base}/{folder}" for folder, written in sorted(newest.items()) if written < limit]


def _literal_start(name: re.Pattern[str]) -> str:
    """The characters that every match of the pattern begins with, as far as they are plain."""
    match = re.match(r"(?:\\?[.\-]|[A-Za-z0-9_])*", name.pattern)
    return match[0].replace("\\", "") if match else ""


def filesystems(path: str) -> Any:
    """Beam's `FileSystems`. Raises UsageError when nobody serves the scheme of `path`."""
    from apache_beam.io.filesystems import FileSystems

    try:
        FileSystems.get_filesystem(path)
    except ValueError as error:
        scheme = path.split("://", 1)[0]
        hint = "pip install 'trueserve[aws]'" if scheme == "s3" else "use a local path, gs:// or s3://"
        raise UsageError(f"no file system for {scheme}:// is installed ({path}); {hint}") from error
    return FileSystems


def set_options(flags: Mapping[str, Any]) -> None:
    """Tells Beam's file systems in this process of Beam's flags (`s3_endpoint_url`), by their names."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions.from_dictionary(dict(flags)))


@contextlib.contextmanager
def explained(action: str, path: str) -> Iterator[None]:
    """Turns an error of the file system into one line for the user."""
    try:
        yield
    except TrueserveError:
        raise
    except OSError as error:  # BeamIOError is one too
        raise InputError(f"cannot {action} {path}: {reason(error)}") from error
    except Exception as error:
        if is_local(path):
            raise
        # The clients of object stores have error classes of their own (credentials, permissions).
        raise InputError(f"cannot {action} {path}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What an error says, in one line of at most 300 characters."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:300]
