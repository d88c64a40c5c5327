"""The long table as Parquet files in the output folder, one for each window, for programs that join it."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Mapping

from trueserve.transforms.core.arrow import pa, pq
from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.history import published
from trueserve.transforms.history.published import Published

FOLDER = "history"
_PART = re.compile(r"part-[0-9TZ.]*-[0-9TZ.]*\.parquet")


def refresh(output: str) -> Published:
    """Makes OUTPUT/history hold one part for each window that was published, and no other.

    What has not changed is not written again. Each part is replaced atomically; a part whose window is gone
    is removed. Readers meanwhile may find parts of the old state and of the new one, each complete.

    Returns:
      What was read of the runs.

    Raises:
      InputError: the folder cannot be read, or a part cannot be written.
    """
    known = published.read(output)
    write(output, known.figures)
    return known


def write(output: str, figures: Mapping[Window, pa.Table]) -> None:
    """Writes the parts of all windows, and removes those of others. Raises InputError."""
    folder = paths.join(output, FOLDER)
    present = {name for name in paths.list_files(folder) if _PART.fullmatch(name)}
    parts = {part_name(window): of_window for window, of_window in figures.items()}
    for name, of_window in parts.items():
        _write_part(paths.join(folder, name), parquet(of_window), exists=name in present)
    for name in sorted(present - parts.keys()):
        paths.delete_file(paths.join(folder, name))


def part_name(window: Window) -> str:
    """`part-20130714T000000Z-20130715T000000Z.parquet`; an empty time is no bound."""
    return f"part-{_compact(window.start)}-{_compact(window.end)}.parquet"


def parquet(figures: pa.Table) -> bytes:
    """A table as a Parquet file; the same table gives the same bytes with the same version of pyarrow."""
    buffer = io.BytesIO()
    pq.write_table(figures, buffer, compression="zstd")
    return buffer.getvalue()


def _compact(moment: dt.datetime | None) -> str:
    if moment is None:
        return ""
    fraction = f".{moment.microsecond:06d}" if moment.microsecond else ""
    return f"{moment:%Y%m%dT%H%M%S}{fraction}Z"


def _write_part(path: str, data: bytes, *, exists: bool) -> None:
    if not (exists and _holds(path, data)):
        paths.write_atomically(path, data)


def _holds(path: str, data: bytes) -> bool:
    try:
        return paths.is_plain(path) and paths.read_bytes(path) == data
    except InputError:
        return False
