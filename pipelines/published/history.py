"""`trueserve history`: every window of an output folder as one long table."""

from __future__ import annotations

import datetime as dt
import difflib
import shutil
import sys
from collections.abc import Sequence

from trueserve.pipelines.display import history_table
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.published.history import HistoryOptions
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.errors import InputError, NothingExaminedError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.history import parts, published
from trueserve.transforms.history.table import SCHEMA
from trueserve.transforms.publish import formatting

_WIDTH = (120, 24)  # where there is no terminal


def run(options: HistoryOptions, console: Console) -> int:
    """Brings OUTPUT/history up to date and prints what was asked for; 0.

    Raises:
      UsageError: nothing was published below the folder, no such feature, or Parquet for a terminal.
      NothingExaminedError: no window starts at --since or later.
      InputError: the runs cannot be read, or the table cannot be written.
    """
    if options.format == "parquet" and console.terminal:
        raise UsageError("--format=parquet: expected standard output to be a file or a pipe, got a terminal")
    figures = _chosen(options, _all(options.output, console))
    if options.format == "parquet":
        _write_binary(parts.parquet(figures))
    else:
        console.lines(_lines(options, figures))
    console.check_shown("the table")
    console.fact("folder", paths.join(options.output, parts.FOLDER))
    console.fact("figures", figures.num_rows)
    return 0


def _all(output: str, console: Console) -> pa.Table:
    """The table of all windows. Where it cannot be kept in the folder, it is shown all the same."""
    known = published.read(output)
    for file in known.broken:
        console.warning(f"{file} is not what validate writes, and was left out")
    if not known.figures:
        raise UsageError(f"expected an --output of validate; no run was published below {output!r}")
    try:
        parts.write(output, known.figures)
    except InputError as error:
        console.warning(f"the tables in {output}/{parts.FOLDER} were not brought up to date: {error}")
    return pa.concat_tables(known.figures.values())


def _chosen(options: HistoryOptions, figures: pa.Table) -> pa.Table:
    if options.feature:
        _check_features(options.feature, set(figures["feature"].unique().to_pylist()))
        figures = figures.filter(pc.is_in(figures["feature"], value_set=pa.array(options.feature)))
    if options.earliest is not None:
        earliest = options.earliest.astimezone(dt.UTC)
        figures = figures.filter(pc.greater_equal(figures["window_start"], pa.scalar(earliest, _time())))
        if not figures.num_rows:
            raise NothingExaminedError(f"--since: no window starts at {earliest.isoformat()} or later")
    return figures


def _time() -> pa.DataType:
    return SCHEMA.field("window_start").type


def _check_features(names: Sequence[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f": did you mean {similar[0]!r}?" if similar else ""
            raise UsageError(f"--feature: no window has a figure of {name!r}{hint}")


def _lines(options: HistoryOptions, figures: pa.Table) -> list[str]:
    rows = figures.to_pylist()
    if options.format == "csv":
        return list(history_table.csv_lines(rows, SCHEMA.names))
    if options.format == "json":
        return list(history_table.json_lines(rows))
    shown = rows if options.feature else [row for row in rows if row["severity"] in ("error", "warning")]
    lines = list(history_table.text_lines(shown, shutil.get_terminal_size(_WIDTH).columns)) if shown else []
    return [*lines, _summary(figures, len(shown))]


def _summary(figures: pa.Table, shown: int) -> str:
    """What the table for people leaves out."""
    windows = formatting.counted(len(figures["window"].unique()), "window")
    left_out = figures.num_rows - shown
    if not left_out:
        return f"{windows}, {formatting.counted(shown, 'figure')}"
    more = f"{formatting.counted(left_out, 'figure')} without an error or a warning"
    return f"{windows}; not shown: {more} (--feature=NAME, or --format=csv)"


def _write_binary(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write the table to standard output: {error}") from error
