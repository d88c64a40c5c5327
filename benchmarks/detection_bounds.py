"""What was promised of detection, and whether it holds: the rule of a full run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks import detection_promises
from benchmarks.detection_answers import OURS, WITH_INFO, Judged
from benchmarks.detection_contenders import PEERS
from benchmarks.detection_days import Day
from benchmarks.detection_duels import Duel, any_size, by_size, duels, large, promised
from benchmarks.detection_promises import AVERAGE, LEAST_FOUND, MOST_FALSE_ON_AVERAGE
from benchmarks.detection_season_trials import SeasonTrial


class Bound(NamedTuple):
    """One promise: what was measured, against which figure."""

    text: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'FAILS'}: {self.text}: {self.measured}"


def bounds(
    windows: Sequence[Judged],
    trifles: Mapping[str, bool],
    days: Sequence[Day] = (),
    seasons: Sequence[SeasonTrial] = (),
) -> list[Bound]:
    """All promises; `trifles` says of each feature of two million rows whether the trifle was an error.

    What was not measured does not hold.
    """
    return [
        *_false(windows),
        *_detected(windows),
        *_trifles(trifles),
        _of_days(days),
        *_seasons(seasons),
        *_better(windows),
    ]


def _of_days(days: Sequence[Day]) -> Bound:
    promise = detection_promises.of_days(days)
    return Bound(promise.text, f"{promise.share.times} of {promise.share.of}", promise.holds)


def _seasons(seasons: Sequence[SeasonTrial]) -> Iterator[Bound]:
    for promise in detection_promises.of_seasons(seasons):
        yield Bound(promise.text, f"{promise.share.times} of {promise.share.of}", promise.holds)


def _false(windows: Sequence[Judged]) -> Iterator[Bound]:
    promises = list(detection_promises.of_false_alarms(windows))
    for promise in promises:
        yield Bound(promise.text, f"{promise.share.times} of {promise.share.of}", promise.holds)
    mean = sum(promise.share.value for promise in promises) / len(promises) if promises else 1.0
    yield Bound(AVERAGE, f"{mean:.2%}", mean <= MOST_FALSE_ON_AVERAGE)


def _detected(windows: Sequence[Judged]) -> Iterator[Bound]:
    for promise in detection_promises.of_detections(windows):
        share = promise.share
        yield Bound(promise.text, f"{share.times} of {share.of} ({share.value:.1%})", promise.holds)


def _trifles(trifles: Mapping[str, bool]) -> Iterator[Bound]:
    for promise in detection_promises.of_trifles(trifles):
        yield Bound(promise.text, "none" if promise.holds else "an error", promise.holds)


def _better(windows: Sequence[Judged]) -> Iterator[Bound]:
    """At the false alarms that this job has on the same windows, no peer finds more with any threshold.

    At each size not more, and over the sizes, each with its own thresholds, less. It is asked, too, whether
    faults are reported at all, as error or information: a peer cannot say otherwise that something is small.
    """
    sizes = by_size(windows)
    for among, ours, what in (
        (promised, OURS, "what is promised"),
        (large, OURS, "faults of 5 % or more"),
        (large, WITH_INFO, "faults of 5 % or more, information included,"),
        (any_size, WITH_INFO, "all faults, information included,"),
    ):
        of_sizes = {rows: duels(sizes.get(rows, []), among, ours) for rows in LEAST_FOUND}
        measured = dict.fromkeys(name for of in of_sizes.values() for name in of)
        for name in (peer.name for peer in PEERS if peer.name not in measured):
            yield Bound(f"no less of {what} is found than by {name}", "that was not asked", holds=False)
        for peer in measured:
            of_peer = {rows: of[peer] for rows, of in of_sizes.items() if peer in of}
            for rows, duel in of_peer.items():
                text = f"no less of {what} is found in {rows:,} rows than by {peer} at equal false alarms"
                yield Bound(text, f"{duel.ours:.2%} against {duel.share:.2%}", duel.ours >= duel.share)
            mean, theirs = (
                sum(shares) / len(of_peer) for shares in zip(*map(_shares, of_peer.values()), strict=True)
            )
            text = f"more of {what} is found on average over these sizes than by {peer}"
            yield Bound(text, f"{mean:.2%} against {theirs:.2%}", mean > theirs)


def _shares(duel: Duel) -> tuple[float, float]:
    return duel.ours, duel.share
