"""The page's part about answers: which differ from the reference model's, when; and who answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, fitting, joined, text
from trueserve.transforms.publish.page.tables import Json

# Bytes, as in page_tables; rows of each table.
BUDGET = 60_000
MAX_ROWS = 50
_CONTRACTS = {"equal": "none", "other": "error", "missing": "warning"}


def section(verdict: Json) -> Markup:
    """Replayed answers and versions; empty where neither was requested."""
    return _replay(verdict["replay"]) + _versions(verdict["versions"])


def _replay(replay: Json | None) -> Markup:
    if replay is None:
        return NOTHING
    title = Markup(
        "<h2>Replayed answers<small>{:,} of {:,} rows differ from the reference model</small></h2>"
    ).format(replay["total"]["differing"], replay["total"]["rows"])
    tables = [
        _table("Output", replay["outputs"], "output", with_flips=True),
        _table("Version", replay["versions"], "version") if len(replay["versions"]) > 1 else NOTHING,
        _table("Hour", [hour for hour in replay["hours"] if hour["differing"]], "hour"),
        _worst(replay["worst"]),
    ]
    return title + _about(replay, replay["again"]) + joined(tables)


def _about(replay: Json, again: Json) -> Markup:
    sentences = [
        f"Reference model: {replay['model']}.",
        f"Tolerance: atol {replay['atol']:g}, rtol {replay['rtol']:g}."
        f" Up to {formatting.percent(replay['share'])} of rows may differ.",
        f"The reference model ran twice on {formatting.counted(again['rows'], 'row')}."
        f" Its own answers differ in {again['differing']:,} of them.",
    ]
    if replay["not_replayed"]:
        sentences.append(f"Not compared, in rows: {formatting.reasons(replay['not_replayed'])}.")
    return joined(Markup('<p class="soft">{}</p>').format(text(sentence, 600)) for sentence in sentences)


def _table(title: str, rows: Sequence[Json], key: str, *, with_flips: bool = False) -> Markup:
    if not rows:
        return NOTHING
    names = [
        "rows",
        "differing",
        "share",
        *(["flipped"] if with_flips else []),
        "largest difference",
        "mean difference",
    ]
    heads = joined(Markup('<th class="num">{}</th>').format(name) for name in names)
    head = Markup("<tr><th>{}</th>{}</tr>").format(title, heads)
    cells = (_row(row, key, with_flips=with_flips) for row in rows[:MAX_ROWS])
    return _card(head, cells) + _more(len(rows) - MAX_ROWS)


def _row(row: Json, key: str, *, with_flips: bool) -> Markup:
    share = row["differing"] / row["rows"] if row["rows"] else 0.0
    flips = ["–" if row["flipped"] is None else f"{row['flipped']:,}"] if with_flips else []
    figures = [page_tables.figure(row["largest"]), page_tables.figure(row["mean"])]
    cells = [f"{row['rows']:,}", f"{row['differing']:,}", formatting.percent(share), *flips, *figures]
    numbers = joined(Markup('<td class="num">{}</td>').format(cell) for cell in cells)
    return Markup("<tr><td><b>{}</b></td>{}</tr>").format(_name(row[key]), numbers)


def _worst(rows: Sequence[Json]) -> Markup:
    if not rows:
        return NOTHING
    head = Markup(
        '<tr><th>Worst rows</th><th class="num">record</th><th class="num">row</th><th>version</th>'
        '<th>output</th><th class="num">absolute difference</th></tr>'
    )
    return _card(head, map(_worst_row, rows))


def _worst_row(row: Json) -> Markup:
    return Markup(
        '<tr><td>{}</td><td class="num">{:,}</td><td class="num">{:,}</td><td>{}</td><td>{}</td>'
        '<td class="num">{}</td></tr>'
    ).format(
        text(row["file"], 200),
        row["record"],
        row["row"],
        _name(row["version"]),
        text(row["output"]),
        "not finite" if row["apart"] is None else page_tables.figure(row["apart"]),
    )


def _versions(versions: Sequence[Json] | None) -> Markup:
    if versions is None:
        return NOTHING
    title = Markup("<h2>Versions<small>contract compared with the baseline's</small></h2>")
    head = Markup('<tr><th>Version</th><th class="num">rows</th><th>contract</th></tr>')
    card = _card(head, map(_version, versions[:MAX_ROWS]))
    return title + card + _more(len(versions) - MAX_ROWS)


def _version(version: Json) -> Markup:
    return Markup(
        '<tr><td><b>{}</b></td><td class="num">{:,}</td><td><span class="pill {}">{}</span></td></tr>'
    ).format(_name(version["version"]), version["rows"], _CONTRACTS[version["contract"]], version["contract"])


def _card(head: Markup, rows: Iterable[Markup]) -> Markup:
    table = Markup("<table>{}{}</table>").format(head, joined(fitting(rows, BUDGET)))
    return page_tables.scrolling("Replayed answers and versions", table, "card scroll gap")


def _more(count: int) -> Markup:
    return Markup('<p class="soft">{:,} more in verdict.json.</p>').format(count) if count > 0 else NOTHING


def _name(value: str | None) -> Markup:
    return Markup('<span class="soft">not in the log</span>') if value is None else text(value)
