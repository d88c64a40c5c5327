"""Requests of several days, some windows of which have a fault, and `backtest` on them."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pytest

from support import e2e, logs

START = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)
EVERY = dt.timedelta(hours=6)
ROWS, WINDOWS, EACH = 720, 14, 8
KILOMETRES, LOWER_CASE, MISSING, FEW, NONE = 3, 5, 7, 9, 10
SPAN = ("--start=2013-07-01", "--end=2013-07-04T12:00", "--every=PT6H")


def rows_of(serving: list[e2e.Row], window: int) -> list[e2e.Row]:
    """The rows that are served in this window, with its fault."""
    rows = serving[ROWS * window : ROWS * (window + 1)]
    if window == KILOMETRES:
        return e2e.in_kilometres(rows)
    if window == LOWER_CASE:
        return [*e2e.in_lower_case(rows[:80]), *rows[80:]]
    if window == MISSING:
        return [{n: v for n, v in row.items() if n != "hour" or i % 45} for i, row in enumerate(rows)]
    return [] if window == NONE else rows[:104] if window == FEW else rows


def written(serving: list[e2e.Row], folder: Path) -> str:
    """The requests of all windows and of an hour before and after, shuffled over three files."""
    records = []
    for window in range(-1, WINDOWS + 1):
        rows = rows_of(serving, window) if 0 <= window < WINDOWS else serving[:EACH]
        for first in range(0, len(rows), EACH):
            examples = [logs.example(**row) for row in rows[first : first + EACH]]
            at = START + EVERY * window + EVERY * first / ROWS
            # The last moment before the windows, and the first after them, lie outside.
            at = START - dt.timedelta(seconds=1) if window < 0 else at
            records.append(logs.examples_log(examples, int(at.timestamp()), version=1))
    random.Random(7).shuffle(records)
    folder.mkdir()
    for number in range(3):
        logs.write_records(folder / f"log-{number}", records[number::3])
    return str(folder / "log-*")


def backtest(
    capsys: pytest.CaptureFixture[str], baseline: object, log: str, output: Path, *more: str
) -> e2e.Run:
    """The command with these flags, run in this process."""
    flags = (f"--baseline={baseline}", f"--logs={log}", f"--output={output}")
    return e2e.run(capsys, "backtest", *flags, *more)
