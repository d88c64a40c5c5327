"""What was promised of detection, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from benchmarks.detection_answers import OURS, Judged, Planted
from benchmarks.detection_contenders import Best, hindsights
from benchmarks.detection_faults import MEAN
from benchmarks.detection_rates import Share, as_it_comes, detections, false_alarms, grouped

Choice: TypeAlias = Callable[[Planted], bool]
MOST_FALSE, MOST_FALSE_ON_AVERAGE = 0.01, 0.005
#: The least share found of each kind that is promised, by rows in the window.
LEAST_FOUND = {500: 0.95, 2_000: 0.95, 20_000: 0.99}


class Bound(NamedTuple):
    """One promise: what was measured, against which figure."""

    text: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'FAILS'}: {self.text}: {self.measured}"


def bounds(windows: Sequence[Judged], trifles: Mapping[str, bool]) -> list[Bound]:
    """All promises; `trifles` tells of each feature of two million rows whether the trifle was an error."""
    return [*_false(windows), *_found(windows), *_trifle(trifles), *_better(windows)]


def by_size(windows: Sequence[Judged]) -> dict[int, list[Judged]]:
    """Windows by their rows, the smallest first."""
    sizes = sorted({one.rows for one in windows})
    return {rows: [one for one in windows if one.rows == rows] for rows in sizes}


def planted_in(windows: Sequence[Judged]) -> list[Planted]:
    return [planted for one in windows for planted in one.planted]


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
        promised = [one for one in planted_in(by_size(windows).get(rows, [])) if one.is_promised]
        for kind, planted in sorted(grouped(promised, lambda one: one.kind).items()):
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

    At each size not more, and over the sizes, each with its own thresholds, less.
    """
    for among, what in ((promised, "what is promised"), (large, "faults of 5 % or more")):
        contests = {rows: Contest.of(by_size(windows).get(rows, []), among) for rows in LEAST_FOUND}
        for peer in contests[min(contests)].peers:
            shares = {
                rows: one.peers[peer].share(one.budget) for rows, one in contests.items() if one.planted
            }
            for rows, share in shares.items():
                text = f"no less of {what} is found in {rows:,} rows than by {peer} at equal false alarms"
                ours = contests[rows].ours
                yield Bound(text, f"{ours:.1%} against {share:.1%}", ours >= share)
            theirs = sum(shares.values()) / len(shares)
            ours = sum(contests[rows].ours for rows in shares) / len(shares)
            text = f"more of {what} is found on average over these sizes than by {peer}"
            yield Bound(text, f"{ours:.1%} against {theirs:.1%}", ours > theirs)


class Contest(NamedTuple):
    """On the windows that peers were asked of: what this job finds, and they with no more false alarms.

    Attributes:
      budget: the share of these windows, without a fault, in which this job raises an alarm.
      ours: the share of the planted faults that it finds.
    """

    clean: list[Judged]
    planted: list[Planted]
    budget: float
    ours: float
    peers: Mapping[str, Best]

    @classmethod
    def of(cls, windows: Sequence[Judged], among: Choice) -> Contest:
        clean = [one for one in windows if len(one.clean) > 1]
        planted = [one for one in asked_planted(windows) if among(one)]
        budget = false_alarms(clean, OURS, as_it_comes).value if clean else 0.0
        found = detections(planted, OURS, as_it_comes).value
        return cls(clean, planted, budget, found, hindsights(clean, planted) if clean and planted else {})


def asked_planted(windows: Sequence[Judged]) -> list[Planted]:
    """Faults that every method was asked of."""
    every = planted_in(windows)
    most = max((len(one.answers) for one in every), default=0)
    return [one for one in every if len(one.answers) == most and most > 1]


def promised(one: Planted) -> bool:
    return one.is_promised


def large(one: Planted) -> bool:
    """Whether it changes 5 % of the rows or values at least, or moves a mean."""
    return one.kind == MEAN or one.strength >= 0.05


def any_size(_: Planted) -> bool:
    return True
