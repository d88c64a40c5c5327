"""The page's parts that need no picture: tiles, findings, records, what was not compared, the contract."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from transforms.publish import formatting

Json = Mapping[str, Any]

FATES = (
    ("decoded", "decoded"),
    ("rejected", "rejected"),
    ("outside_window", "outside the window"),
    ("no_time", "without a time"),
    ("excluded", "excluded"),
)
# What the reasons mean that say least by themselves; rejects have theirs in rejects.jsonl.
EXCLUDED_BECAUSE = {
    "sample": "not in the sample that was asked for",
    "warm_up": "sent to warm a server up: no traffic",
    "other_event": "an event of another type than requests and responses",
    "model": "its model matches an --exclude",
    "version": "its model's version matches an --exclude",
    "signature": "its signature matches an --exclude",
    "origin": "its origin matches an --exclude",
}
MAX_DEPTH = 6
FINDINGS_HEAD = (
    "<tr><th>Severity</th><th>Feature</th><th>Space</th><th>Kind</th>"
    '<th class="num">Distance</th><th class="num">Limit</th><th>What</th></tr>'
)
MAX_REASONS = 50
MAX_FILES = 50
# Bytes, so that the whole page stays below 5 MB whatever strangers call their features.
FINDINGS_BUDGET = 400_000
NOT_COMPARED_BUDGET = 350_000
CONTRACT_BUDGET = 150_000


def text(value: object, limit: int = 120) -> str:
    """Anything as HTML text: made visible, shortened, escaped. All of the page goes through here."""
    return escape(formatting.visible(str(value), limit), quote=True)


def name(feature: str, limit: int = 120) -> str:
    """A feature's name as HTML text."""
    return escape(formatting.name(feature, limit), quote=True)


def fitting(parts: Iterable[str], budget: int) -> list[str]:
    """The first parts, as many as fit into `budget` bytes."""
    taken: list[str] = []
    for part in parts:
        budget -= len(part.encode("utf-8", "replace"))
        if budget < 0:
            break
        taken.append(part)
    return taken


def tiles(verdict: Json, compared: int) -> str:
    """The run's few large numbers; `compared` counts features, all spaces together."""
    severities = [finding["severity"] for finding in verdict["findings"]]
    errors, warnings = severities.count("error"), severities.count("warning")
    told = [
        (formatting.count(verdict["counts"]["compared"]), "rows compared", ""),
        (formatting.count(compared), "features compared", ""),
        (formatting.count(errors), "error" if errors == 1 else "errors", "hot error" if errors else ""),
        (
            formatting.count(warnings),
            "warning" if warnings == 1 else "warnings",
            "hot warning" if warnings else "",
        ),
        (formatting.count(len(verdict["not_compared"])), "not compared", ""),
    ]
    cards = (f'<div class="card tile {c}"><b>{n}</b><span>{what}</span></div>' for n, what, c in told)
    return f'<div class="tiles">{"".join(cards)}</div>'


def findings(verdict: Json) -> str:
    """The findings about the rows as a whole, in the verdict's order; empty when there is none.

    Drift since earlier runs has a part of its own.
    """
    found = [one for one in verdict["findings"] if one["slice"] is None and one["kind"] != "drift"]
    if not found:
        return ""
    rows = fitting(map(finding_row, found), FINDINGS_BUDGET)
    more = _more(len(found) - len(rows), "findings")
    table = (
        f'<div class="card scroll"><table class="found">{FINDINGS_HEAD}{"".join(rows)}</table>{more}</div>'
    )
    return f"<h2>Findings<small>{len(found):,}</small></h2>{table}"


def accounting(verdict: Json) -> str:
    """What became of the records read: a sum that holds, a bar of the same, reasons, and the same by file."""
    counts = verdict["counts"]
    terms = " <i>+</i> ".join(
        f'<div><b>{counts[key]:,}</b> <span><i class="dot c{i}"></i>{label}</span></div>'
        for i, (key, label) in enumerate(FATES)
    )
    read = f"<div><b>{counts['read']:,}</b> <span>records read</span></div>"
    rows = (
        f'<p class="soft">Those decoded gave {formatting.counted(counts["rows"], "row")}, of which '
        f"{counts['compared']:,} were compared with training.</p>"
    )
    return (
        f'<div class="card"><div class="sum">{read} <i>=</i> {terms}</div>{_stack(counts)}{rows}'
        f"{_reasons('Rejected', verdict['rejects'], {})}"
        f"{_reasons('Excluded', verdict['excluded'], EXCLUDED_BECAUSE)}</div>{_files(verdict['files'])}"
    )


def not_compared(verdict: Json) -> str:
    """The features that nothing can be said about, with the reason; empty when there is none."""
    left_out: Sequence[Json] = verdict["not_compared"]
    if not left_out:
        return ""
    rows = fitting(map(_left_out, left_out), NOT_COMPARED_BUDGET)
    more = _more(len(left_out) - len(rows), "features")
    head = "<tr><th>Feature</th><th>Space</th><th>Why</th></tr>"
    table = f'<div class="card scroll"><table>{head}{"".join(rows)}</table>{more}</div>'
    title = f"<h2>Not compared<small>{len(left_out):,}; of these nothing is known</small></h2>"
    if len(left_out) <= 12:
        return title + table
    return f"{title}<details><summary>Show all {len(left_out):,}</summary>{table}</details>"


def contract(verdict: Json) -> str:
    """The baseline's contract: versions and digests; empty when the run had none."""
    if not verdict.get("contract"):
        return ""
    entries = (
        f"<dt>{text(key, 80)}</dt><dd><code>{text(value, 200)}</code></dd>"
        for key, value in _flat(verdict["contract"])
    )
    rows = "".join(fitting(entries, CONTRACT_BUDGET))
    title = "<h2>Contract<small>what the baseline was made of</small></h2>"
    return f'{title}<div class="card"><dl class="contract">{rows}</dl></div>'


def pill(severity: str) -> str:
    return f'<span class="pill {text(severity)}">{text(severity)}</span>'


def _tag(space: str) -> str:
    return f'<span class="tag">{text(space)}</span>'


def _left_out(row: Json) -> str:
    return (
        f"<tr><td><b>{name(row['feature'])}</b></td><td>{_tag(row['space'])}</td>"
        f'<td class="w">{text(row["reason"], 400)}</td></tr>'
    )


def finding_row(finding: Json) -> str:
    """A row of a table under `FINDINGS_HEAD`."""
    beside = f"{cause(finding)}{origin(finding['raw_features'])}"
    beside = f"<div>{beside}</div>" if beside else ""
    return (
        f"<tr><td>{pill(finding['severity'])}</td><td><b>{name(finding['feature'])}</b></td><td>{_tag(finding['space'])}</td>"
        f'<td class="k">{text(finding["kind"])}</td><td class="num">{figure(finding["distance"])}</td>'
        f'<td class="num soft">{figure(finding["threshold"])}</td>'
        f'<td class="w">{text(finding["message"], 500)}{beside}</td></tr>'
    )


def figure(value: float | None) -> str:
    """A distance or threshold; a dash where the kind of finding has none."""
    return "–" if value is None else formatting.number(value)


def cause(finding: Json) -> str:
    """What was done to the feature, and how sure that is; empty where that was not asked."""
    told = formatting.cause(finding)
    return f' <span class="soft">{text(told[0].upper() + told[1:], 200)}.</span>' if told else ""


def origin(raw_features: Sequence[str]) -> str:
    """Which raw features a transformed one is computed from; empty for raw ones."""
    if not raw_features:
        return ""
    return f' <span class="soft">Computed from {text(formatting.listed(list(raw_features)), 200)}.</span>'


def _stack(counts: Json) -> str:
    total = max(counts["read"], 1)
    parts = "".join(
        f'<i class="c{i}" style="width:{100 * counts[key] / total:.2f}%"></i>'
        for i, (key, _) in enumerate(FATES)
        if counts[key]
    )
    return f'<div class="stack">{parts}</div>'


def _reasons(fate: str, counts: Mapping[str, int], meaning: Mapping[str, str]) -> str:
    if not counts:
        return ""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = "".join(_reason(why, n, meaning.get(why, "")) for why, n in ordered[:MAX_REASONS])
    head = f'<tr><th>{fate} because</th><th class="num">records</th></tr>'
    return f'<table style="margin-top:12px;max-width:460px">{head}{rows}</table>'


def _reason(why: str, records: int, meaning: str) -> str:
    said = f' <span class="soft">{text(meaning)}</span>' if meaning else ""
    return f'<tr><td>{text(why)}{said}</td><td class="num">{records:,}</td></tr>'


def _files(files: Sequence[Json]) -> str:
    """The same by file, those with rejects first; a line for those that are not shown."""
    if not files:
        return ""
    shown = [one for one in files[:MAX_FILES] if one["file"]]
    labels = ("records", *(label for _, label in FATES))
    head = "".join(f'<th class="num">{label}</th>' for label in labels)
    rows = "".join(_file(text(one["file"], 200), [one]) for one in shown)
    if rest := files[len(shown) :]:
        many = formatting.counted(len(rest), "more file") if rest[-1]["file"] else "All other files"
        rows += _file(f'<span class="soft">{many}</span>', rest)
    table = f"<table><tr><th>File</th>{head}<th>Reasons</th></tr>{rows}</table>"
    return f'<div class="card scroll" style="margin-top:12px">{table}</div>'


def _file(name_of: str, files: Sequence[Json]) -> str:
    """A row with the sum of some files. Their name is HTML."""
    plain = ("read", "decoded", "outside_window", "no_time")
    counts = Counter({key: sum(one[key] for one in files) for key in plain})
    why: Counter[str] = Counter()
    for key, one in itertools.product(("rejected", "excluded"), files):
        why.update(one[key])
        counts[key] += sum(one[key].values())
    cells = "".join(f'<td class="num">{counts[key]:,}</td>' for key in ("read", *(key for key, _ in FATES)))
    return f'<tr><td>{name_of}</td>{cells}<td class="w">{text(formatting.reasons(why), 200)}</td></tr>'


def _flat(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Nested JSON as rows of (dotted name, value); lists on one row."""
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        rows = (
            _flat(inner, f"{prefix}.{key}" if prefix else str(key), depth + 1) for key, inner in value.items()
        )
        return [row for group in rows for row in group]
    if isinstance(value, list | tuple):
        return [
            (prefix, f"{formatting.counted(len(value), 'entry', 'entries')}: {', '.join(map(str, value))}")
        ]
    return [(prefix, str(value))]


def _more(count: int, what: str) -> str:
    return f'<p class="soft">{count:,} more {what} in verdict.json.</p>' if count > 0 else ""
