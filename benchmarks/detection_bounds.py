"""What was promised of detection, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.detection_answers import OURS, TOLD, Judged
from benchmarks.detection_contenders import PEERS
from benchmarks.detection_days import Day
from benchmarks.detection_duels import Duel, any_size, by_size, duels, large, planted_in, promised
from benchmarks.detection_rates import Share, as_it_comes, detections, false_alarms, grouped

MOST_FALSE, MOST_FALSE_ON_AVERAGE = 0.01, 0.005
MOST_DAYS = 1 / 30
#: The least share found of each kind that is promised, by rows in the window.
LEAST_FOUND = {500: 0.95, 2_000: 0.95, 20_000: 0.99}


class Bound(NamedTuple):
    """One promise: what was measured, against which figure."""

    text: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'FAILS'}: {self.text}: {self.measured}"


def bounds(windows: Sequence[Judged], trifles: Mapping[str, bool], days: Sequence[Day] = ()) -> list[Bound]:
    """All promises; `trifles` tells of each feature of two million rows whether the trifle was an error.

    What was not measured does not hold.
    """
    return [*_false(windows), *_found(windows), *_trifle(trifles), *_of_days(days), *_better(windows)]


def _of_days(days: Sequence[Day]) -> Iterator[Bound]:
    alarms = sum(1 for one in days if one.errors)
    text = "at most one real day in 30 is an error against a baseline of the others"
    yield Bound(text, f"{alarms} of {len(days)}", len(days) > 0 and alarms / len(days) <= MOST_DAYS)


def _false(windows: Sequence[Judged]) -> Iterator[Bound]:
    shares = {rows: false_alarms(of, OURS, as_it_comes) for rows, of in by_size(windows).items()}
    for rows, share in shares.items():
        text = f"at most {MOST_FALSE:.0%} of clean windows of {rows:,} rows raise an error"
        yield Bound(text, f"{share.times} of {share.of}", share.value <= MOST_FALSE)
    mean = sum(share.value for share in shares.values()) / len(shares) if shares else 1.0
    text = "at most one clean window in 200 on average over the sizes"
    yield Bound(text, f"{mean:.2%}", mean <= MOST_FALSE_ON_AVERAGE)


def _found(windows: Sequence[Judged]) -> Iterator[Bound]:
    for rows, least in LEAST_FOUND.items():
        every = [one for one in planted_in(by_size(windows).get(rows, [])) if one.is_promised]
        for kind, planted in sorted(grouped(every, lambda one: one.kind).items()):
            share = detections(planted, OURS, as_it_comes)
            text = f"at least {least:.0%} of {_NAMES.get(kind, kind)} are found in {rows:,} rows"
            yield Bound(text, _told(share), share.value >= least)


_NAMES = {
    "mean": "means moved by 0.25 deviations or more",
    "share": "shares moved by 10 points",
    "missing": "values missing in 5 % more rows or in 20 %",
    "unit": "units",
    "case": "cases",
    "default": "default values",
}


def _told(share: Share) -> str:
    return f"{share.times} of {share.of} ({share.value:.1%})"


def _trifle(trifles: Mapping[str, bool]) -> Iterator[Bound]:
    for feature, is_error in trifles.items():
        text = f"a mean of {feature} moved by 0.005 deviations in 2 million rows is no error"
        yield Bound(text, "an error" if is_error else "none", not is_error)


def _better(windows: Sequence[Judged]) -> Iterator[Bound]:
    """At the false alarms that this job has on the same windows, no peer finds more with any threshold.

    At each size not more, and over the sizes, each with its own thresholds, less. It is asked, too, whether
    faults are told at all, as error or information: a peer has no other way to say that something is small.
    """
    sizes = by_size(windows)
    for among, ours, what in (
        (promised, OURS, "what is promised"),
        (large, OURS, "faults of 5 % or more"),
        (large, TOLD, "faults of 5 % or more, information included,"),
        (any_size, TOLD, "all faults, information included,"),
    ):
        of_sizes = {rows: duels(sizes.get(rows, []), among, ours) for rows in LEAST_FOUND}
        asked = dict.fromkeys(name for of in of_sizes.values() for name in of)
        for name in (one.name for one in PEERS if one.name not in asked):
            yield Bound(f"no less of {what} is found than by {name}", "that was not asked", holds=False)
        for peer in asked:
            found = {rows: of[peer] for rows, of in of_sizes.items() if peer in of}
            for rows, duel in found.items():
                text = f"no less of {what} is found in {rows:,} rows than by {peer} at equal false alarms"
                yield Bound(text, f"{duel.ours:.2%} against {duel.share:.2%}", duel.ours >= duel.share)
            mean, theirs = (
                sum(shares) / len(found) for shares in zip(*map(_shares, found.values()), strict=True)
            )
            text = f"more of {what} is found on average over these sizes than by {peer}"
            yield Bound(text, f"{mean:.2%} against {theirs:.2%}", mean > theirs)


def _shares(duel: Duel) -> tuple[float, float]:
    return duel.ours, duel.share
