"""The page's part about answers: which differ from the reference model's, when; and who answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from transforms.publish import formatting
from transforms.publish.page import tables as page_tables
from transforms.publish.page.tables import Json, text

# Bytes, as in page_tables; rows of each table.
BUDGET = 60_000
MAX_ROWS = 50
_CONTRACTS = {"equal": "none", "other": "error", "missing": "warning"}


def section(verdict: Json) -> str:
    """Replayed answers and versions; empty where neither was asked for."""
    return _replay(verdict["replay"]) + _versions(verdict["versions"])


def _replay(replay: Json | None) -> str:
    if replay is None:
        return ""
    total, again = replay["total"], replay["again"]
    told = f"{total['differing']:,} of {total['rows']:,} answers differ from those of the reference model"
    head = f"<h2>Replayed answers<small>{told}</small></h2>"
    tables = [
        _table("Output", replay["outputs"], "output", with_flips=True),
        _table("Version", replay["versions"], "version") if len(replay["versions"]) > 1 else "",
        _table("Hour", [hour for hour in replay["hours"] if hour["differing"]], "hour"),
        _worst(replay["worst"]),
    ]
    return head + _about(replay, again) + "".join(tables)


def _about(replay: Json, again: Json) -> str:
    said = [
        f"Reference model: {replay['model']}.",
        f"Answers within {replay['atol']:g}, or {replay['rtol']:g} of what"
        f" it says, are the same; {formatting.percent(replay['share'])} of rows may differ.",
        f"Asked twice: {again['rows']:,} rows, of which {again['differing']:,} were answered differently.",
    ]
    if replay["not_replayed"]:
        said.append(f"Not compared, in rows: {formatting.reasons(replay['not_replayed'])}.")
    return "".join(f'<p class="soft">{text(one, 600)}</p>' for one in said)


def _table(title: str, rows: Sequence[Json], key: str, *, with_flips: bool = False) -> str:
    if not rows:
        return ""
    names = ["rows", "differing", "share", *(["flipped"] if with_flips else []), "largest", "mean"]
    head = f"<tr><th>{title}</th>" + "".join(f'<th class="num">{name}</th>' for name in names) + "</tr>"
    cells = (_row(row, key, with_flips=with_flips) for row in rows[:MAX_ROWS])
    return _card(head, cells) + _more(len(rows) - MAX_ROWS)


def _row(row: Json, key: str, *, with_flips: bool) -> str:
    share = row["differing"] / row["rows"] if row["rows"] else 0.0
    flips = ["–" if row["flipped"] is None else f"{row['flipped']:,}"] if with_flips else []
    figures = [page_tables.figure(row["largest"]), page_tables.figure(row["mean"])]
    cells = [f"{row['rows']:,}", f"{row['differing']:,}", formatting.percent(share), *flips, *figures]
    numbers = "".join(f'<td class="num">{one}</td>' for one in cells)
    return f"<tr><td><b>{_name(row[key])}</b></td>{numbers}</tr>"


def _worst(rows: Sequence[Json]) -> str:
    if not rows:
        return ""
    head = (
        '<tr><th>Worst rows</th><th class="num">record</th><th class="num">row</th><th>version</th>'
        '<th>output</th><th class="num">apart</th></tr>'
    )
    return _card(head, map(_worst_row, rows))


def _worst_row(row: Json) -> str:
    apart = "not finite" if row["apart"] is None else page_tables.figure(row["apart"])
    return (
        f'<tr><td>{text(row["file"], 200)}</td><td class="num">{row["record"]:,}</td>'
        f'<td class="num">{row["row"]:,}</td><td>{_name(row["version"])}</td><td>{text(row["output"])}</td>'
        f'<td class="num">{apart}</td></tr>'
    )


def _versions(versions: Sequence[Json] | None) -> str:
    if versions is None:
        return ""
    head = '<tr><th>Version</th><th class="num">rows</th><th>contract</th></tr>'
    rows = (
        f'<tr><td><b>{_name(one["version"])}</b></td><td class="num">{one["rows"]:,}</td>'
        f'<td><span class="pill {_CONTRACTS[one["contract"]]}">{one["contract"]}</span></td></tr>'
        for one in versions[:MAX_ROWS]
    )
    title = "<h2>Versions<small>whose preprocessing is the baseline's, by their contracts</small></h2>"
    return title + _card(head, rows) + _more(len(versions) - MAX_ROWS)


def _card(head: str, rows: Iterable[str]) -> str:
    body = "".join(page_tables.fitting(rows, BUDGET))
    return f'<div class="card scroll" style="margin-top:12px"><table>{head}{body}</table></div>'


def _more(count: int) -> str:
    return f'<p class="soft">{count:,} more in verdict.json.</p>' if count > 0 else ""


def _name(value: str | None) -> str:
    return '<span class="soft">not in the log</span>' if value is None else text(value)
