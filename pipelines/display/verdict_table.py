"""The verdict as a person reads it: a table on a terminal, elsewhere one fact a line."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from trueserve.transforms.publish import formatting, incident_text, performance_text

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
VERDICT_STYLES = {"ok": "green", "skew": "red", "not_examined": "yellow", "failed": "magenta"}
TITLES = {"ok": "ok", "skew": "SKEW", "not_examined": "NOT EXAMINED", "failed": "FAILED"}
MAX_ROWS = 40


def plain_lines(verdict: dict[str, Any], *, verbose: bool = False) -> list[str]:
    """The verdict as lines of text, one fact each: for logs, and for grep.

    An incident has two lines; its findings follow if `verbose`.
    """
    lines = [f"{verdict['verdict']}: {formatting.headline(verdict)}", f"records: {records(verdict)}"]
    lines += [f"weights: {weights}"] if (weights := formatting.weights(verdict)) else []
    lines += [f"slices: {slices}"] if (slices := _slices(verdict)) else []
    lines += [f"drift: {drift}"] if (drift := formatting.drift_sentence(verdict)) else []
    lines += [f"performance: {line}"] if (line := performance_text.line(verdict.get("performance"))) else []
    for incident in verdict.get("incidents", ())[:MAX_ROWS]:
        lines += [incident_text.heading(incident)]
        lines += [f"  {details}"] if (details := incident_text.details(incident)) else []
    lines += [_plain_finding(finding) for finding in _shown(verdict, verbose=verbose)]
    return lines + (_plain_not_compared(verdict) if verbose else _not_compared_briefly(verdict))


def _shown(verdict: dict[str, Any], *, verbose: bool) -> list[dict[str, Any]]:
    """The findings that incidents do not stand for."""
    return [f for f in verdict["findings"] if verbose or f.get("incident") is None]


def _plain_not_compared(verdict: dict[str, Any]) -> list[str]:
    rows = verdict["not_compared"]
    named = [(formatting.name(row["feature"]), formatting.visible(row["reason"], 400), row) for row in rows]
    return [f"not compared: {name} ({row['space']}): {reason}" for name, reason, row in named]


def _not_compared_briefly(verdict: dict[str, Any]) -> list[str]:
    """One line a reason: `not compared: late, dest and 3 more (label)`."""
    by_reason: dict[str, list[str]] = {}
    for row in verdict["not_compared"]:
        by_reason.setdefault(row["reason"], []).append(row["feature"])
    return [
        f"not compared: {formatting.listed(list(dict.fromkeys(names)))} ({formatting.visible(reason, 400)})"
        for reason, names in by_reason.items()
    ]


def records(verdict: dict[str, Any]) -> str:
    """What became of the records, in one line."""
    counts = verdict["counts"]
    why = {"rejected": verdict["rejects"], "excluded": verdict["excluded"]}
    fates = ("decoded", "rejected", "outside_window", "no_time", "excluded")
    texts = [
        f"{counts[name]:,} {name.replace('_', ' ')}{_reasons_text(why.get(name))}"
        for name in fates
        if counts[name] or name == "decoded"
    ]
    compared = formatting.counted(counts["compared"], "row")
    return f"{counts['read']:,} read: {', '.join(texts)}; {compared} compared"


def _reasons_text(reasons: dict[str, int] | None) -> str:
    return f" ({formatting.reasons(reasons)})" if reasons else ""


def _plain_finding(finding: dict[str, Any]) -> str:
    name = formatting.name(finding["feature"])
    message = formatting.visible(finding["message"], 400)
    slice_part = "" if finding["slice"] is None else f", {formatting.visible(finding['slice'], 200)}"
    cause = f" [{formatting.visible(text, 200)}]" if (text := formatting.cause(finding)) else ""
    return (
        f"{finding['severity']}: {name} ({finding['space']}, {finding['kind']}{slice_part}): {message}{cause}"
    )


def _slices(verdict: dict[str, Any]) -> str:
    """How many slices were compared; empty where none was asked for."""
    slices, left_out = verdict["slices"], verdict["slices_left_out"]
    if not slices and not left_out:
        return ""
    skewed = sum(slice_result["verdict"] == "skew" for slice_result in slices)
    unknown = sum(slice_result["verdict"] == "not_examined" for slice_result in slices)
    more = f"; {unknown:,} not compared (too few training rows)" if unknown else ""
    more += f"; {left_out:,} not compared (too few rows, or not among the largest)" if left_out else ""
    return f"{len(slices) - unknown:,} compared separately, {skewed:,} with skew{more}"


def summary(verdict: dict[str, Any], *, verbose: bool = False) -> RenderableType:
    """The same for a terminal: a banner, the counts, the incidents and a table of other findings."""
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
    facts = (formatting.weights(verdict), _slices(verdict), formatting.drift_sentence(verdict))
    performance = performance_text.line(verdict.get("performance"))
    parts += [Padding(Text(fact, style="dim"), (0, 2)) for fact in (*facts, performance) if fact]
    if incidents := verdict.get("incidents"):
        parts.append(_incidents(incidents))
    if findings := _shown(verdict, verbose=verbose):
        parts.append(_table(findings))
    if verdict["not_compared"] and verbose:
        parts.append(_not_compared(verdict["not_compared"]))
    elif verdict["not_compared"]:
        parts.append(Padding(Text("\n".join(_not_compared_briefly(verdict)), style="dim"), (0, 2)))
    return Group(*parts)


def _incidents(incidents: list[dict[str, Any]]) -> RenderableType:
    """Two lines each: what happened, and how far and what to do."""
    lines: list[Text] = []
    for incident in incidents[:MAX_ROWS]:
        facts, _, title = incident_text.heading(incident).partition(": ")
        style = "green" if incident["state"] == "resolved" else STYLES[incident["severity"]]
        lines.append(Text.assemble((facts, style), "  ", (title, "bold")))
        if details := incident_text.details(incident):
            lines.append(Text(f"  {details}", style="dim"))
    if len(incidents) > MAX_ROWS:
        lines.append(Text(f"{len(incidents) - MAX_ROWS:,} more in the report", style="dim"))
    return Padding(Group(*lines), (1, 2))


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
    slice_cell = [Text(formatting.visible(finding["slice"] or "", 60), style="dim")] if sliced else []
    return [
        Text(finding["severity"], style=style),
        Text(formatting.name(finding["feature"], 40), style="bold"),
        Text(finding["space"], style="dim"),
        *slice_cell,
        Text(_figure(finding["distance"]), style=style),
        Text(_figure(finding["threshold"]), style="dim"),
        Text.assemble(
            formatting.visible(finding["message"], 300),
            (f" [{formatting.visible(text, 200)}]" if (text := formatting.cause(finding)) else "", "dim"),
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
