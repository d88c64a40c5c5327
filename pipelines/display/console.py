"""What a person sees while a command runs: steps, progress and the findings.

On a terminal through rich; elsewhere (cron, a log) plain lines, one fact each. Errors go to stderr.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from rich.console import Console as RichConsole
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from trueserve.pipelines.display import verdict_table
from trueserve.pipelines.process.streams import Guarded, say
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.publish import formatting

#: Where no row came for so long, progress says so.
STILL_SECONDS = 60.0

Poll = Callable[[], tuple[int, int]]


class Console:
    """Writes to `out` and `err`; `terminal` None looks whether `out` is one.

    Text from data (feature names, messages) is never read as markup, and its control characters are
    spelled out: a log cannot move the cursor of whoever looks at its report.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        err: TextIO | None = None,
        terminal: bool | None = None,
        interval: float = 0.25,
        plain_interval: float = 10.0,
    ) -> None:
        self._out = Guarded(out or sys.stdout)
        self._err = err or sys.stderr
        self._rich = RichConsole(file=self._out, force_terminal=terminal, highlight=False)  # type: ignore[arg-type]
        self.terminal = self._rich.is_terminal if terminal is None else terminal
        self._interval = interval if self.terminal else plain_interval
        self.facts: dict[str, Any] = {}

    def step(self, text: str) -> None:
        """One line: what is being done."""
        text = formatting.visible(text, 1000)
        if self.terminal:
            self._rich.print(Text.assemble(("● ", "blue"), text))
        else:
            self._line(text)

    def result(self, label: str, path: str) -> None:
        """One line that names a file or folder which is now there; never broken, so that it can be copied."""
        label, path = formatting.visible(label), formatting.visible(path, 4000)
        if self.terminal:
            self._rich.print(Text.assemble(("✓ ", "green"), f"{label} ", (path, "bold")), soft_wrap=True)
        else:
            self._line(f"{label} {path}")

    def fact(self, name: str, value: Any) -> None:
        """A JSON value that a command with `--json` gives at its end."""
        self.facts[name] = value

    def lines(self, lines: Iterable[str]) -> None:
        """Lines that are the same on a terminal and off it; each is already fit to be seen."""
        for line in lines:
            self._line(line)

    def draw(self, renderable: RenderableType) -> None:
        """What rich draws, for a terminal."""
        self._rich.print(renderable)

    def error(self, text: str) -> None:
        """One line on stderr."""
        say(f"error: {formatting.visible(text, 2000)}", self._err)

    def warning(self, text: str) -> None:
        """One line on stderr, of something that does not change the outcome."""
        say(f"warning: {formatting.visible(text, 2000)}", self._err)

    @property
    def unwritable(self) -> str | None:
        """Why standard output did not take all that was written; None where it did."""
        return self._out.unwritable

    def check_shown(self, content: str) -> None:
        """Raises InputError where `what`, which standard output alone gets, could not be written there."""
        if (why := self._out.flushed()) is not None:
            raise InputError(
                f"cannot write {content} to standard output: {why}; send it elsewhere and run again"
            )

    @contextlib.contextmanager
    def progress(self, text: str, poll: Poll, total_bytes: int | None = None) -> Iterator[None]:
        """Shows rows, bytes, share and speed while the block runs.

        Args:
          text: what is being done.
          poll: (rows, bytes as stored) so far; called from a thread of its own, a few times a second on a
            terminal, else every ten seconds. What it raises shows as no news: no display fails a job.
          total_bytes: bytes there are to read, None where nobody knows.
        """
        meter = _Meter(formatting.visible(text), poll, total_bytes)
        if not self.terminal:
            self._line(f"{meter.text} ...")
        with self._live(meter), _polling(meter, self._interval, self._tick):
            yield
        meter.update()
        self._finish(meter)

    def findings(self, verdict: dict[str, Any], *, verbose: bool = False) -> None:
        """The verdict in one sentence, its findings as a table, and what was not compared.

        Args:
          verdict: the content of verdict.json.
          verbose: whether the findings of each incident are shown, too.
        """
        if self.terminal:
            self._rich.print(verdict_table.summary(verdict, verbose=verbose))
            return
        for line in verdict_table.plain_lines(verdict, verbose=verbose):
            self._line(line)

    def _live(self, meter: _Meter) -> contextlib.AbstractContextManager[object]:
        if not self.terminal:
            return contextlib.nullcontext()
        return Live(meter, console=self._rich, refresh_per_second=8, transient=True)

    def _tick(self, meter: _Meter) -> None:
        if not self.terminal:
            self._line(f"{meter.text}: {meter.facts()}")

    def _finish(self, meter: _Meter) -> None:
        if self.terminal:
            self._rich.print(
                Text.assemble(("✓ ", "green"), meter.text, ("  " + meter.facts(done=True), "dim"))
            )
        else:
            self._line(f"{meter.text}: done, {meter.facts(done=True)}")

    def _line(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()


class _Meter:
    """How far a step is; draws itself for `Live`."""

    def __init__(self, text: str, poll: Poll, total_bytes: int | None) -> None:
        self.text = text
        self._poll = poll
        self._total = total_bytes
        self._started = self._moved = time.monotonic()
        self._rows = self._bytes = 0
        self._spinner = Spinner("dots", style="blue")

    def update(self) -> None:
        # A heartbeat file may be replaced while it is read; a runner's service may not answer.
        with contextlib.suppress(Exception):
            rows, num_bytes = self._poll()
            if (rows, num_bytes) != (self._rows, self._bytes):
                self._rows, self._bytes, self._moved = rows, num_bytes, time.monotonic()

    def share(self) -> float | None:
        return min(1.0, self._bytes / self._total) if self._total else None

    def facts(self, done: bool = False) -> str:
        now = time.monotonic()
        seconds, still = max(now - self._started, 1e-3), now - self._moved
        of_total = f" of {formatting.size(self._total)}" if self._total and not done else ""
        share = self.share()
        return ", ".join(
            [
                f"{formatting.counted(self._rows, 'row')}",
                f"{formatting.size(self._bytes)}{of_total}",
                *([f"{share:.0%}"] if share is not None and not done else []),
                f"{formatting.number(round(self._rows / seconds))} rows/s",
                f"{formatting.size(self._bytes / seconds)}/s",
                _minutes(seconds),
                *([f"no more rows for {_minutes(still)}"] if still >= STILL_SECONDS and not done else []),
            ]
        )

    def __rich__(self) -> RenderableType:
        top = Table.grid(padding=(0, 1))
        share = self.share()
        bar = ProgressBar(total=1, completed=share or 0, pulse=share is None, width=30, complete_style="blue")
        top.add_row(self._spinner, self.text, bar)
        return Group(top, Text("  " + self.facts(), style="dim"))


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@contextlib.contextmanager
def _polling(meter: _Meter, interval: float, tick: Callable[[_Meter], None]) -> Iterator[None]:
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(interval):
            meter.update()
            tick(meter)

    thread = threading.Thread(target=watch, name="trueserve-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
