"""Documents that stand under their name: a new one takes the place of the old one, or the old one stays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import file_systems, paths


def replace(path: str, data: bytes, write: Callable[[str, bytes], None] = paths.write_atomically) -> None:
    """Writes a file; where that fails the file that stood there is there again.

    A local file is renamed when it is whole. In a store an upload that is given up may be kept as far as it
    went, in the place of the object that stood there: that object is read before, and written again.

    Args:
      write: writes one file in one piece, or raises.

    Raises InputError when it cannot be written.
    """
    previous_data = None if file_systems.is_local(path) else _read(path)
    try:
        write(path, data)
    except Exception:
        if previous_data is not None and _read(path) != previous_data:
            with contextlib.suppress(InputError, OSError):  # what went wrong first is what is reported
                write(path, previous_data)
        raise


def _read(path: str) -> bytes | None:
    try:
        return paths.read_bytes(path)
    except InputError:
        return None
