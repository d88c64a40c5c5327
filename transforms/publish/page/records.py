"""The page's part about records: what became of each that was read, and why."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import tables as page_tables
from trueserve.transforms.publish.page.escaping import NOTHING, joined, text
from trueserve.transforms.publish.page.tables import Json

MAX_REASONS = 50
MAX_FILES = 50
FATES = (
    ("decoded", "decoded"),
    ("rejected", "rejected"),
    ("outside_window", "outside the window"),
    ("no_time", "without a time"),
    ("excluded", "excluded"),
)
# What the reasons mean that say least by themselves; rejects have theirs in rejects.jsonl.
EXCLUDED_BECAUSE = {
    "sample": "not in the sample of --sample",
    "warm_up": "a warm-up request, not traffic",
    "other_event": "an event of another type than requests and responses",
    "repeated": "repeats another request unchanged (--drop_repeated)",
    "model": "its model matches an --exclude",
    "version": "its model's version matches an --exclude",
    "signature": "its signature matches an --exclude",
    "origin": "its origin matches an --exclude",
}


def accounting(verdict: Json) -> Markup:
    """What became of the records read: a sum that holds, a bar of the same, reasons, and the same by file."""
    counts = verdict["counts"]
    return Markup(
        '<div class="card"><div class="sum">'
        "<div><b>{:,}</b> <span>records read</span></div> <i>=</i> {}</div>{}"
        '<p class="soft">The decoded records gave {}. Of these rows {:,} were compared with training.</p>'
        "{}{}</div>{}"
    ).format(
        counts["read"],
        Markup(" <i>+</i> ").join(_fate(i, counts[key], label) for i, (key, label) in enumerate(FATES)),
        _stack(counts),
        formatting.counted(counts["rows"], "row"),
        counts["compared"],
        _reasons("Rejected", verdict["rejects"], {}),
        _reasons("Excluded", verdict["excluded"], EXCLUDED_BECAUSE),
        _files(verdict["files"]),
    )


def _fate(index: int, records: int, label: str) -> Markup:
    return Markup('<div><b>{:,}</b> <span><i class="dot c{}"></i>{}</span></div>').format(
        records, index, label
    )


def _stack(counts: Json) -> Markup:
    """A bar of all records, a part for each fate; for the eye alone, the figures stand above."""
    total = max(counts["read"], 1)
    part = Markup('<rect class="c{}" x="{:.2f}" width="{:.2f}" height="12"/>')
    present = [(i, 100 * counts[key] / total) for i, (key, _) in enumerate(FATES) if counts[key]]
    starts = itertools.accumulate((share for _, share in present), initial=0.0)
    parts = joined(part.format(i, x, max(share, 0.2)) for (i, share), x in zip(present, starts, strict=False))
    return Markup(
        '<svg class="stack" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(parts)


def _reasons(fate: str, counts: Mapping[str, int], meaning: Mapping[str, str]) -> Markup:
    if not counts:
        return NOTHING
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = (_reason(reason, n, meaning.get(reason, "")) for reason, n in by_count[:MAX_REASONS])
    return Markup(
        '<table class="gap narrow"><tr><th scope="col">{} because</th>'
        '<th scope="col" class="num">records</th></tr>{}</table>'
    ).format(fate, joined(rows))


def _reason(reason: str, records: int, meaning: str) -> Markup:
    explained = Markup(' <span class="soft">{}</span>').format(text(meaning)) if meaning else NOTHING
    return Markup('<tr><td>{}{}</td><td class="num">{:,}</td></tr>').format(text(reason), explained, records)


def _files(files: Sequence[Json]) -> Markup:
    """The same by file, those with rejects first; a line for those that are not shown."""
    if not files:
        return NOTHING
    shown = [file for file in files[:MAX_FILES] if file["file"]]
    labels = ("records", *(label for _, label in FATES))
    rows = [_file(text(file["file"], 200), [file]) for file in shown]
    if rest := files[len(shown) :]:
        label = formatting.counted(len(rest), "more file") if rest[-1]["file"] else "All other files"
        rows.append(_file(Markup('<span class="soft">{}</span>').format(label), rest))
    table = Markup(
        '<table><tr><th scope="col">File</th>{}<th scope="col">Reasons</th></tr>{}</table>'
    ).format(
        joined(Markup('<th scope="col" class="num">{}</th>').format(label) for label in labels), joined(rows)
    )
    return page_tables.scrolling("Records by file", table, "card scroll gap")


def _file(label: Markup, files: Sequence[Json]) -> Markup:
    """A row with the sum of some files."""
    plain = ("read", "decoded", "outside_window", "no_time")
    counts = Counter({key: sum(file[key] for file in files) for key in plain})
    reasons: Counter[str] = Counter()
    for key, file in itertools.product(("rejected", "excluded"), files):
        reasons.update(file[key])
        counts[key] += sum(file[key].values())
    numbers = (counts[key] for key in ("read", *(key for key, _ in FATES)))
    return Markup('<tr><td>{}</td>{}<td class="w">{}</td></tr>').format(
        label,
        joined(Markup('<td class="num">{:,}</td>').format(number) for number in numbers),
        text(formatting.reasons(reasons), 200),
    )
