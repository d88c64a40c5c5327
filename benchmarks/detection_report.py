"""The figures of a run as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from benchmarks import detection_days, detection_new_rows
from benchmarks.detection_answers import OURS, PLAIN, Judged, Planted
from benchmarks.detection_bounds import Bound
from benchmarks.detection_contenders import AS_THEY_COME
from benchmarks.detection_days import Day
from benchmarks.detection_duels import Duel, any_size, by_size, duels, large, planted_in, promised
from benchmarks.detection_faults import MEAN
from benchmarks.detection_new_rows import Window
from benchmarks.detection_rates import Share, as_it_comes, detections, false_alarms, false_pairs, grouped

_NOTES = """\
*False alarms*: the share of windows without a fault in which any feature is an error (of features by
themselves: *of pairs*). *Promised*: means moved by 0.25 deviations or more, shares of categories by 10
points, 5 % of the values missing or 20 %, and every unit, case and default value in all rows. *Of 5 % or
more*: every fault in so many rows or values, and every mean that moved. *All*: also those in 1 to 3 %, which
trueserve takes for too small to matter, most of them. *In hindsight*: with the thresholds, one for numbers
and one for categories, that find most of these very faults with no more false alarms in these very windows
than trueserve has as it comes; nobody has them beforehand. In brackets: the thresholds, of numbers and of
categories, as multiples of Evidently's own, as minus log10 of the p-value, or as TFDV's distances. All
methods are asked of the same windows and faults but Evidently, which is slow, and trueserve with a baseline
of plain TFDV statistics: these of the first few.
"""


def document(
    windows: Sequence[Judged],
    bounds: Sequence[Bound],
    about: str,
    notes: Iterable[str],
    days: Sequence[Day] = (),
    *,
    new_rows: Sequence[Window] = (),
) -> str:
    """The page of the last full run."""
    parts = [
        "# The last full run of `make detection`",
        about,
        "What is measured, and how to read it: [docs/detection.md](../docs/detection.md).",
        "## What was promised",
        promises(bounds),
        "## False alarms and detections",
        *[contest(rows, of) for rows, of in by_size(windows).items()],
        _NOTES.strip(),
        "## False alarms of trueserve, all windows",
        false_table(windows),
        "## Found by trueserve, by kind and strength",
        found_table(windows),
        "## Promised, and not always found",
        missed(windows),
        f"## Real days with an error, of {len(days)}",
        detection_days.table(days),
        f"## Errors of what was fitted on training's rows, in {len(new_rows)} clean windows",
        detection_new_rows.table(new_rows),
        *notes,
    ]
    return "\n\n".join(parts) + "\n"


def promises(bounds: Iterable[Bound]) -> str:
    """A line for each promise."""
    return "\n".join(
        f"- {'holds' if bound.holds else '**FAILS**'}: {bound.text}: {bound.measured}" for bound in bounds
    )


def contest(rows: int, windows: Sequence[Judged]) -> str:
    """Everybody on the same windows of a size."""
    lines = _head("", "false alarms", "of pairs", *_CHOICES)
    for name, method, rule in AS_THEY_COME:
        if clean := [window for window in windows if window.is_asked_of(method)]:
            false, pairs = false_alarms(clean, method, rule), false_pairs(clean, method, rule)
            faults = [fault for fault in planted_in(windows) if method in fault.answers]
            shares = [detections(filter(among, faults), method, rule) for among in _CHOICES.values()]
            lines.append(_line(name, _share(false), f"{pairs.value:.2%}", *map(_share, shares)))
    against = [duels(windows, among) for among in _CHOICES.values()]
    lines += [_in_hindsight(name, [of[name] for of in against]) for name in against[0]]
    return f"**{rows:,} rows**\n\n" + "\n".join(lines)


_CHOICES = {"found of promised": promised, "of 5 % or more": large, "of all": any_size}


def _in_hindsight(name: str, against: Sequence[Duel]) -> str:
    best = [duel.theirs.chosen(duel.budget) for duel in against]
    false = max((chosen.false for chosen in best if chosen), default=0.0)
    cells = [
        f"{chosen.detected:.1%} ({chosen.rule.number:.2g}, {chosen.rule.category:.2g})"
        if chosen
        else "never so few"
        for chosen in best
    ]
    return _line(f"{name}, in hindsight", f"{false:.1%}", "", *cells)


def false_table(windows: Sequence[Judged]) -> str:
    """By size and source, with the features that were at fault."""
    lines = _head("rows", "source", "trueserve", "95 %", "at fault", "plain TFDV baseline", "at fault")
    for (rows, source), of in sorted(grouped_windows(windows).items()):
        share = false_alarms(of, OURS, as_it_comes)
        low, high = share.bounds()
        some = [window for window in of if window.is_asked_of(PLAIN)]
        plain = _share(false_alarms(some, PLAIN, as_it_comes)) if some else ""
        cells = (
            _share(share),
            f"{low:.1%} to {high:.1%}",
            _culprits(of, OURS),
            plain,
            _culprits(some, PLAIN),
        )
        lines.append(_line(f"{rows:,}", source, *cells))
    return "\n".join(lines)


def grouped_windows(windows: Iterable[Judged]) -> dict[tuple[int, str], list[Judged]]:
    groups: dict[tuple[int, str], list[Judged]] = {}
    for window in windows:
        groups.setdefault((window.rows, window.source), []).append(window)
    return groups


def _culprits(windows: Iterable[Judged], method: str) -> str:
    alarms = Counter(
        name for window in windows for name, answer in window.clean[method].items() if answer.alarm
    )
    return ", ".join(f"{name} {count}" for name, count in alarms.most_common(6))


def found_table(windows: Sequence[Judged]) -> str:
    """By kind and strength, a column a size; of means also by the feature's tail."""
    sizes = {rows: planted_in(of) for rows, of in by_size(windows).items()}
    sizes = {rows: planted for rows, planted in sizes.items() if planted}
    lines = _head("", "strength", *(f"{rows:,} rows" for rows in sizes))
    for kind, strength in sorted({key for planted in sizes.values() for key in grouped(planted, _rung)}):
        cells = [
            _found_share(p for p in planted if _rung(p) == (kind, strength)) for planted in sizes.values()
        ]
        lines.append(_line(kind, f"{strength:g}", *cells))
    return "\n".join(lines)


def _rung(fault: Planted) -> tuple[str, float]:
    tail = (
        (", long-tailed numbers" if fault.is_long_tailed else ", other numbers") if fault.kind == MEAN else ""
    )
    return fault.kind + tail, fault.strength


def _found_share(planted: Iterable[Planted]) -> str:
    share = detections(planted, OURS, as_it_comes)
    return f"{share.value:.1%} of {share.of}" if share.of else ""


def missed(windows: Sequence[Judged]) -> str:
    """Promised faults that are found in fewer than all windows of 500 rows and more."""
    lines = _head("rows", "fault", "feature", "strength", "trueserve", "plain TFDV baseline")
    for row in _missed(windows):
        lines.append(_line(*row))
    return "\n".join(lines) if len(lines) > 2 else "All were found."


def _missed(windows: Sequence[Judged]) -> Iterator[list[str]]:
    for rows, of in by_size(windows).items():
        every = [fault for fault in planted_in(of) if fault.is_promised]
        for _, same in sorted(grouped(every, lambda fault: fault.key).items()):
            share = detections(same, OURS, as_it_comes)
            plain = detections([fault for fault in same if PLAIN in fault.answers], PLAIN, as_it_comes)
            if rows >= 500 and share.value < 1:
                first = same[0]
                yield [
                    f"{rows:,}",
                    first.kind,
                    first.feature,
                    f"{first.strength:g}",
                    _share(share),
                    _share(plain),
                ]


def _share(share: Share) -> str:
    return f"{share.value:.1%} ({share.times} of {share.of:,})" if share.of else ""


def _head(*names: str) -> list[str]:
    return [_line(*names), _line(*["---"] * len(names))]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
