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

from rich import box
from rich.console import Console as RichConsole
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pipelines.process.streams import Guarded, say
from transforms.core.errors import InputError
from transforms.publish import formatting

Poll = Callable[[], tuple[int, int]]

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
VERDICT_STYLES = {"ok": "green", "skew": "red", "not_examined": "yellow", "failed": "magenta"}
TITLES = {"ok": "ok", "skew": "SKEW", "not_examined": "NOT EXAMINED", "failed": "FAILED"}
MAX_ROWS = 40


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

    def check_shown(self, what: str) -> None:
        """Raises InputError where `what`, which standard output alone gets, could not be written there."""
        if (why := self._out.flushed()) is not None:
            raise InputError(
                f"cannot write {what} to standard output: {why}; send it elsewhere and run again"
            )

    @contextlib.contextmanager
    def progress(self, text: str, poll: Poll, total_bytes: int | None = None) -> Iterator[None]:
        """Shows rows, bytes, share and speed while the block runs.

        Args:
          text: what is being done.
          poll: (rows, bytes as stored) so far; called from a thread of its own, a few times a second on a
            terminal, else every ten seconds. An OSError from it shows as no news.
          total_bytes: bytes there are to read, None where nobody knows.
        """
        meter = _Meter(formatting.visible(text), poll, total_bytes)
        if not self.terminal:
            self._line(f"{meter.text} ...")
        with self._live(meter), _polling(meter, self._interval, self._tick):
            yield
        meter.update()
        self._finish(meter)

    def findings(self, verdict: dict[str, Any]) -> None:
        """The verdict in one sentence, its findings as a table, and what was not compared.

        Args:
          verdict: the content of verdict.json.
        """
        if self.terminal:
            self._rich.print(_summary(verdict))
            return
        for line in plain_lines(verdict):
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
        self._started = time.monotonic()
        self._rows = self._bytes = 0
        self._spinner = Spinner("dots", style="blue")

    def update(self) -> None:
        # A heartbeat file may be replaced, or its folder removed, while it is read.
        with contextlib.suppress(OSError):
            self._rows, self._bytes = self._poll()

    def share(self) -> float | None:
        return min(1.0, self._bytes / self._total) if self._total else None

    def facts(self, done: bool = False) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        of = f" of {formatting.size(self._total)}" if self._total and not done else ""
        share = self.share()
        return ", ".join(
            [
                f"{formatting.counted(self._rows, 'row')}",
                f"{formatting.size(self._bytes)}{of}",
                *([f"{share:.0%}"] if share is not None and not done else []),
                f"{formatting.number(round(self._rows / seconds))} rows/s",
                f"{formatting.size(self._bytes / seconds)}/s",
                f"{int(seconds) // 60}:{int(seconds) % 60:02d}",
            ]
        )

    def __rich__(self) -> RenderableType:
        top = Table.grid(padding=(0, 1))
        share = self.share()
        bar = ProgressBar(total=1, completed=share or 0, pulse=share is None, width=30, complete_style="blue")
        top.add_row(self._spinner, self.text, bar)
        return Group(top, Text("  " + self.facts(), style="dim"))


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


def plain_lines(verdict: dict[str, Any]) -> list[str]:
    """The verdict as lines of text, one fact each: for logs, and for grep."""
    lines = [f"{verdict['verdict']}: {formatting.headline(verdict)}", f"records: {records(verdict)}"]
    lines += [f"weights: {weights}"] if (weights := formatting.weights(verdict)) else []
    lines += [f"slices: {slices}"] if (slices := _slices(verdict)) else []
    lines += [f"drift: {since}"] if (since := formatting.drift_sentence(verdict)) else []
    lines += [_plain_finding(finding) for finding in verdict["findings"]]
    for row in verdict["not_compared"]:
        name, reason = formatting.name(row["feature"]), formatting.visible(row["reason"], 400)
        lines.append(f"not compared: {name} ({row['space']}): {reason}")
    return lines


def records(verdict: dict[str, Any]) -> str:
    """What became of the records, in one line."""
    counts = verdict["counts"]
    why = {"rejected": verdict["rejects"], "excluded": verdict["excluded"]}
    fates = ("decoded", "rejected", "outside_window", "no_time", "excluded")
    told = [
        f"{counts[name]:,} {name.replace('_', ' ')}{_because(why.get(name))}"
        for name in fates
        if counts[name] or name == "decoded"
    ]
    compared = formatting.counted(counts["compared"], "row")
    return f"{counts['read']:,} read: {', '.join(told)}; {compared} compared"


def _because(reasons: dict[str, int] | None) -> str:
    return f" ({formatting.reasons(reasons)})" if reasons else ""


def _plain_finding(finding: dict[str, Any]) -> str:
    name = formatting.name(finding["feature"])
    message = formatting.visible(finding["message"], 400)
    where = "" if finding["slice"] is None else f", {formatting.visible(finding['slice'], 200)}"
    cause = f" [{formatting.visible(told, 200)}]" if (told := formatting.cause(finding)) else ""
    return f"{finding['severity']}: {name} ({finding['space']}, {finding['kind']}{where}): {message}{cause}"


def _slices(verdict: dict[str, Any]) -> str:
    """How many slices were compared; empty where none was asked for."""
    slices, left_out = verdict["slices"], verdict["slices_left_out"]
    if not slices and not left_out:
        return ""
    skewed = sum(one["verdict"] == "skew" for one in slices)
    more = f"; {left_out:,} not, with too few rows or beyond the largest" if left_out else ""
    return f"{len(slices):,} compared on their own, {skewed:,} with skew{more}"


def _summary(verdict: dict[str, Any]) -> RenderableType:
    style = VERDICT_STYLES.get(verdict["verdict"], "red")
    banner = Panel(
        Text(formatting.headline(verdict)),
        title=Text(f" {TITLES.get(verdict['verdict'], verdict['verdict'])} ", style=f"bold reverse {style}"),
        title_align="left",
        subtitle=Text(formatting.window(verdict["window"]), style="dim"),
        subtitle_align="right",
        border_style=style,
        padding=(0, 1),
    )
    parts: list[RenderableType] = [banner, Padding(Text(records(verdict), style="dim"), (0, 2))]
    beside = filter(None, (formatting.weights(verdict), _slices(verdict), formatting.drift_sentence(verdict)))
    parts += [Padding(Text(told, style="dim"), (0, 2)) for told in beside]
    if verdict["findings"]:
        parts.append(_table(verdict["findings"]))
    if verdict["not_compared"]:
        parts.append(_not_compared(verdict["not_compared"]))
    return Group(*parts)


def _table(findings: list[dict[str, Any]]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, header_style="dim")
    table.add_column("")
    table.add_column("feature", overflow="fold", min_width=12)
    table.add_column("space")
    sliced = any(finding["slice"] is not None for finding in findings)
    if sliced:
        table.add_column("slice", overflow="fold", max_width=30)
    table.add_column("distance", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("what", ratio=1, overflow="fold")
    for finding in findings[:MAX_ROWS]:
        table.add_row(*_cells(finding, sliced))
    if len(findings) > MAX_ROWS:
        table.caption = f"{len(findings) - MAX_ROWS:,} more in the report"
    return Padding(table, (0, 1))


def _cells(finding: dict[str, Any], sliced: bool) -> list[Text]:
    style = STYLES[finding["severity"]]
    place = [Text(formatting.visible(finding["slice"] or "", 60), style="dim")] if sliced else []
    return [
        Text(finding["severity"], style=style),
        Text(formatting.name(finding["feature"], 40), style="bold"),
        Text(finding["space"], style="dim"),
        *place,
        Text(_figure(finding["distance"]), style=style),
        Text(_figure(finding["threshold"]), style="dim"),
        Text.assemble(
            formatting.visible(finding["message"], 300),
            (f" [{formatting.visible(told, 200)}]" if (told := formatting.cause(finding)) else "", "dim"),
        ),
    ]


def _not_compared(rows: list[dict[str, Any]]) -> RenderableType:
    lines = [
        Text.assemble(
            ("not compared  ", "dim"),
            (formatting.name(row["feature"], 40), "bold"),
            f" ({row['space']}): {formatting.visible(row['reason'], 200)}",
        )
        for row in rows[:MAX_ROWS]
    ]
    if len(rows) > MAX_ROWS:
        lines.append(Text(f"{len(rows) - MAX_ROWS:,} more in the report", style="dim"))
    return Padding(Group(*lines), (0, 2))


def _figure(value: float | None) -> str:
    return "" if value is None else formatting.number(value)
