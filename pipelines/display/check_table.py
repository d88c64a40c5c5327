"""The report of `check` as a person reads it: a table on a terminal, elsewhere one fact a line."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from trueserve.pipelines.display.console import Console
from trueserve.pipelines.display.verdict_table import STYLES
from trueserve.transforms.publish import formatting
from trueserve.transforms.serving.check.report import NOT_EXAMINED, WHY_NOTHING, CheckFinding, Report

_MAX_ROWS = 40
_MAX_LENGTH = 600


def show(report: Report, console: Console) -> None:
    """Writes the report: the result, what was compared, and the findings, worst first."""
    if console.terminal:
        console.draw(_summary(report))
        return
    console.lines(plain_lines(report))


def plain_lines(report: Report) -> list[str]:
    """The report for logs, and for grep."""
    lines = [f"{report.result}: {headline(report)}", f"probes: {compared(report)}"]
    return lines + [f"{severity}: {subject}: {message}" for severity, subject, message in _rows(report)]


def headline(report: Report) -> str:
    """The result in one sentence."""
    if not report.loaded:
        errors = formatting.counted(report.errors, "error")
        return f"{formatting.visible(report.model, 400)} was not loaded: {errors}"
    if report.errors:
        return f"{formatting.counted(report.errors, 'error')} in {formatting.visible(report.model, 400)}"
    if report.result == NOT_EXAMINED:
        return f"{formatting.visible(report.model, 400)}: {WHY_NOTHING}"
    warnings = [row for row in _rows(report) if row[0] == "warning"]
    more = f", {formatting.counted(len(warnings), 'warning')}" if warnings else ""
    return f"{formatting.visible(report.model, 400)} gives what the baseline promises{more}"


def compared(report: Report) -> str:
    """What the probes were put to, in words."""
    if not report.loaded:
        return "none were run"
    signatures = ", ".join(f"{name} {count:,}" for name, count in report.compared.items())
    source = {"model": "recorded in the model", "reference": "of the reference"}.get(
        report.predictions_from or ""
    )
    predictions = f"; right predictions: {source}" if source else ""
    counts = f"{report.probes:,}, of them {report.synthetic:,} made up"
    summary = f"{counts}; compared: {signatures or 'none'}{predictions}"
    not_enforced = [
        f"{name} {state}" for name, state in report.sandbox.items() if state.startswith("not enforced")
    ]
    return f"{summary}; sandbox: {'; '.join(not_enforced)}" if not_enforced else summary


def _rows(report: Report) -> list[tuple[str, str, str]]:
    """(severity, what it is about, message) of every finding, the lint's too, worst first."""
    rows: list[tuple[str, str, str]] = [
        (str(finding.severity), _subject(finding), formatting.visible(finding.message, _MAX_LENGTH))
        for finding in report.findings
    ]
    rows += [
        (
            str(finding["severity"]),
            f"lint {_lint_subject(finding)}",
            formatting.visible(_with_source(finding), _MAX_LENGTH),
        )
        for finding in report.lint
    ]
    order = list(STYLES)
    return sorted(rows, key=lambda row: order.index(row[0]))


def _subject(finding: CheckFinding) -> str:
    signature = f" ({finding.signature})" if finding.signature else ""
    name = formatting.name(finding.feature, 60) if finding.feature else finding.kind.replace("_", " ")
    return f"{name}{signature}"


def _lint_subject(finding: Any) -> str:
    node = formatting.visible(finding["node"] or "", 60)
    return f"{finding['rule']} {node}".strip()


def _with_source(finding: Any) -> str:
    return f"{finding['message']} ({finding['source']})" if finding["source"] else str(finding["message"])


def _summary(report: Report) -> RenderableType:
    style = "red" if report.errors else "green"
    banner = Panel(
        Text(headline(report)),
        title=Text(f" {'ERRORS' if report.errors else 'ok'} ", style=f"bold reverse {style}"),
        title_align="left",
        border_style=style,
        padding=(0, 1),
    )
    parts: list[RenderableType] = [banner, Padding(Text(f"probes: {compared(report)}", style="dim"), (0, 2))]
    if rows := _rows(report):
        parts.append(_table(rows))
    return Group(*parts)


def _table(rows: list[tuple[str, str, str]]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, header_style="dim")
    table.add_column("")
    table.add_column("feature", overflow="fold", min_width=12)
    table.add_column("what", ratio=1, overflow="fold")
    for severity, subject, message in rows[:_MAX_ROWS]:
        table.add_row(Text(severity, style=STYLES[severity]), Text(subject, style="bold"), Text(message))
    if len(rows) > _MAX_ROWS:
        table.caption = f"{len(rows) - _MAX_ROWS:,} more with --json"
    return Padding(table, (0, 1))
